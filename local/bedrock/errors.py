"""Errors as Bedrock words them; each wire encodes the same error in its own shape."""

from __future__ import annotations

HTTP_STATUS = {
    "ValidationException": 400,
    "SerializationException": 400,
    "AccessDeniedException": 403,
    "UnrecognizedClientException": 403,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "ResourceNotFoundException": 404,
    "UnknownOperationException": 404,
    "ModelTimeoutException": 408,
    "ConflictException": 409,
    "ModelErrorException": 424,
    "ModelStreamErrorException": 424,
    "ThrottlingException": 429,
    "ModelNotReadyException": 429,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
}
"""Status of each exception in the service model of bedrock and bedrock-runtime."""

OPENAI_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
}


class BedrockError(Exception):
    """An answer other than 200. ``kind`` is the exception's name in Bedrock's service model.

    ``param`` is the field that is wrong, where only OpenAI's shape can say so, in that shape's names.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status if status is not None else HTTP_STATUS[kind]
        self.retry_after_s = retry_after_s
        self.param = param


def invalid(message: str, param: str | None = None) -> BedrockError:
    """A ValidationException."""
    return BedrockError("ValidationException", message, param=param)


def model_refused(message: str, param: str | None = None) -> BedrockError:
    """A ValidationException that the model, not the service, gave."""
    return invalid(f"The model returned the following errors: {message}", param)
