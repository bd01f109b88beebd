"""What Bedrock says went wrong → our one error tree; services of the JSON protocol add names of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from slipstream.errors import (
    InvalidRequest,
    ModelFailed,
    ModelNotFound,
    NotFound,
    PermissionDenied,
    PromptTooLong,
    SlipstreamError,
    StreamCut,
    Throttled,
    UpstreamError,
    UpstreamInternal,
    UpstreamTimeout,
    UpstreamUnavailable,
)

_TOO_LONG = (
    "too long", "too many input tokens", "context length", "context window", "context limit", "context_length_exceeded",
    "maximum number of input tokens", "input tokens exceed",
)  # fmt: skip
_NO_SUCH_MODEL = ("model identifier is invalid", "model id is invalid", "model_not_found", "invalid model identifier")
_NEEDS_PROFILE = "with on-demand throughput isn"
"""What follows is an apostrophe, of one kind or the other."""
_OUR_CREDENTIALS = frozenset(
    ["UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignature", "ExpiredTokenException",
     "ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "MissingAuthenticationToken",
     "MissingAuthenticationTokenException"]
)  # fmt: skip
_MESSAGE_CHARACTERS = 2000


class ServiceSaid(msgspec.Struct, frozen=True):
    """An error as the service told it."""

    name: str
    message: str
    raw: Any = None
    param: str | None = None
    """The field that it complains of, where it says so (OpenAI's shape), in the service's own words."""


def read(status: int, headers: Mapping[str, str], body: bytes) -> ServiceSaid:
    """Name and message out of an error response; AWS's JSON shape and OpenAI's."""
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raw = None
    fields = raw if isinstance(raw, dict) else {}
    inner = fields.get("error")
    if isinstance(inner, dict):
        fields = {"__type": inner.get("code") or inner.get("type") or "", **inner}
    name = headers.get("x-amzn-errortype") or str(fields.get("__type") or fields.get("code") or "")
    message = fields.get("message") or fields.get("Message") or (inner if isinstance(inner, str) else "")
    text = str(message or f"the service answered with status {status} and no message")
    param = fields.get("param")
    return ServiceSaid(
        name.partition(":")[0].rpartition("#")[2],
        text[:_MESSAGE_CHARACTERS],
        raw,
        param if isinstance(param, str) and param else None,
    )


def from_response(status: int, headers: Mapping[str, str], body: bytes) -> SlipstreamError:
    """The error that an HTTP response of Bedrock stands for; ``Retry-After`` and ``param`` are kept."""
    said = read(status, headers, body)
    error = from_exception(said.name, said.message, status=status)
    if isinstance(error, InvalidRequest):
        error.param = said.param
    if error.retry_after_s is None:
        error.retry_after_s = _seconds(headers.get("retry-after"))
    return error


def from_exception(name: str, message: str, *, status: int | None = None) -> SlipstreamError:
    """The error for one of Bedrock's exception names (``throttlingException`` in a stream, too)."""
    name = name[:1].upper() + name[1:]
    if name in _OUR_CREDENTIALS or status == 401:  # the OpenAI-compatible endpoints say no more than that
        return UpstreamError(
            f"AWS refused the gateway's own credentials ({name or status}): check the function's role or Bedrock key",
            code="upstream_credentials", retryable=False,
        )  # fmt: skip
    by_status = _BY_STATUS.get(status) if status is not None else None
    # OpenAI's name for every failure of a server says less than the status beside it.
    make = (by_status if name == "Server_error" else None) or _BY_NAME.get(name) or by_status
    if make is None:
        make = UpstreamInternal if status is None or status >= 500 else InvalidRequest
    if make is InvalidRequest:
        return _invalid(message)
    if make is Throttled:
        return Throttled(message, code=_THROTTLE_CODES.get(name))
    if make is PermissionDenied:
        return PermissionDenied(message, code="upstream_access_denied")
    return make(message)


_BY_NAME: dict[str, type[SlipstreamError]] = {
    "ValidationException": InvalidRequest,
    "ThrottlingException": Throttled,
    "TooManyRequestsException": Throttled,
    "ServiceQuotaExceededException": Throttled,
    "ModelNotReadyException": Throttled,
    "ModelTimeoutException": UpstreamTimeout,
    "ModelErrorException": ModelFailed,
    "ModelStreamErrorException": StreamCut,
    "InternalServerException": UpstreamInternal,
    "ServiceUnavailableException": UpstreamUnavailable,
    "AccessDeniedException": PermissionDenied,
    "ResourceNotFoundException": ModelNotFound,
    "Rate_limit_exceeded": Throttled,
    "Server_error": UpstreamInternal,
    "Server_is_overloaded": UpstreamUnavailable,
    "Service_unavailable": UpstreamUnavailable,
    "Slow_down": Throttled,
    "Model_not_found": ModelNotFound,
    "Context_length_exceeded": PromptTooLong,
}
_BY_STATUS: dict[int, type[SlipstreamError]] = {
    400: InvalidRequest, 403: PermissionDenied, 404: NotFound, 408: UpstreamTimeout,
    413: InvalidRequest, 422: InvalidRequest, 424: ModelFailed, 429: Throttled, 500: UpstreamInternal,
    502: UpstreamUnavailable, 503: UpstreamUnavailable, 504: UpstreamTimeout,
}  # fmt: skip
_THROTTLE_CODES = {
    "ModelNotReadyException": "model_not_ready", "ServiceQuotaExceededException": "service_quota_exceeded",
}  # fmt: skip


def _invalid(message: str) -> SlipstreamError:
    lower = message.lower()
    if any(phrase in lower for phrase in _NO_SUCH_MODEL):
        return ModelNotFound(message)
    if _NEEDS_PROFILE in lower:
        return InvalidRequest(message, code="inference_profile_required")
    if any(phrase in lower for phrase in _TOO_LONG):
        return PromptTooLong(message)
    return InvalidRequest(message)


def _seconds(text: str | None) -> float | None:
    try:
        value = float(text) if text else -1.0
    except ValueError:  # a date: the services we call send seconds
        return None
    return value if 0 <= value < 86400 else None
