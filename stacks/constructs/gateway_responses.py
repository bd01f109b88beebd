"""API Gateway's own errors, in one body that both the OpenAI SDK and botocore understand."""

from __future__ import annotations

import json
from typing import NamedTuple

from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

_Type = apigateway.ResponseType


class GatewayError(NamedTuple):
    """One gateway response. ``message`` None: API Gateway's own words. ``bedrock_type`` is the x-amzn-ErrorType."""

    kind: apigateway.ResponseType
    status: int
    code: str
    openai_type: str
    bedrock_type: str
    message: str | None
    retry_after_s: int | None = None


_KEY_HELP = "send `Authorization: Bearer sk-slip-…` with a key that is neither expired nor revoked"
GATEWAY_ERRORS = (
    GatewayError(
        _Type.UNAUTHORIZED,
        401,
        "invalid_api_key",
        "authentication_error",
        "UnrecognizedClientException",
        f"this API key is missing or not valid: {_KEY_HELP}",
    ),
    GatewayError(
        _Type.ACCESS_DENIED,
        403,
        "permission_denied",
        "permission_error",
        "AccessDeniedException",
        "this API key may not do this",
    ),
    GatewayError(
        _Type.MISSING_AUTHENTICATION_TOKEN,
        404,
        "not_found",
        "invalid_request_error",
        "ResourceNotFoundException",
        "no such route: the OpenAI SDKs want the base URL https://HOST/STAGE/v1, boto3 the endpoint https://HOST/STAGE",
    ),
    GatewayError(
        _Type.THROTTLED,
        429,
        "rate_limit_exceeded",
        "rate_limit_error",
        "ThrottlingException",
        "too many requests for this deployment's throttle_rate and throttle_burst: try again",
        1,
    ),
    GatewayError(
        _Type.REQUEST_TOO_LARGE,
        413,
        "body_too_large",
        "invalid_request_error",
        "ValidationException",
        "the body is too large: the function takes 6 MB of JSON as API Gateway hands it on",
    ),
    GatewayError(
        _Type.WAF_FILTERED,
        403,
        "request_filtered",
        "permission_error",
        "AccessDeniedException",
        "the web firewall of this deployment refused the request",
    ),
    GatewayError(
        _Type.AUTHORIZER_FAILURE,
        503,
        "authorizer_unavailable",
        "api_error",
        "ServiceUnavailableException",
        "the key could not be checked just now: try again",
        1,
    ),
    GatewayError(
        _Type.INTEGRATION_FAILURE,
        502,
        "upstream_error",
        "api_error",
        "InternalServerException",
        "the function failed or did not start: try again",
        1,
    ),
    GatewayError(
        _Type.INTEGRATION_TIMEOUT,
        504,
        "upstream_timeout",
        "api_error",
        "ModelTimeoutException",
        "the answer took longer than this deployment's timeout_s",
    ),
    GatewayError(_Type.DEFAULT_4_XX, 400, "invalid_request", "invalid_request_error", "ValidationException", None),
    GatewayError(_Type.DEFAULT_5_XX, 500, "internal_error", "server_error", "InternalServerException", None),
)


class GatewayResponses(Construct):
    """One response a type, for the whole API: API Gateway has no other way, nor templates, in them.

    More than eight resources, as they are one table's rows. ``cors_origin`` None: no CORS headers.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, api: apigateway.IRestApi, cors_origin: str | None
    ) -> None:
        super().__init__(scope, construct_id)
        for error in GATEWAY_ERRORS:
            default = error.message is None  # these stand for many statuses, which they leave as they are
            apigateway.GatewayResponse(
                self,
                error.kind.response_type,
                rest_api=api,
                type=error.kind,
                status_code=None if default else str(error.status),
                response_headers=_headers(error, cors_origin),
                templates={"application/json": body(error)},
            )


def body(error: GatewayError) -> str:
    """The body's template: Bedrock's ``message`` and OpenAI's ``error`` in one object."""
    words = "$context.error.messageString"  # comes with its quotes
    message = words if error.message is None else json.dumps(error.message, ensure_ascii=False)
    retryable = json.dumps(error.retry_after_s is not None or error.status >= 500)
    return (
        f'{{"message":{message},"error":{{"message":{message},"type":"{error.openai_type}",'
        f'"code":"{error.code}","param":null,"retryable":{retryable}}}}}'
    )


def _headers(error: GatewayError, cors_origin: str | None) -> dict[str, str]:
    headers = {"x-amzn-ErrorType": f"'{error.bedrock_type}'"}
    if error.retry_after_s is not None:
        headers["Retry-After"] = f"'{error.retry_after_s}'"
    if cors_origin:
        headers["Access-Control-Allow-Origin"] = f"'{cors_origin}'"
        headers["Access-Control-Expose-Headers"] = "'x-amzn-ErrorType,x-amzn-RequestId,Retry-After'"
    return headers
