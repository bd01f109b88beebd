"""The one tree of errors, each with its HTTP status; a wire turns it into its own shape."""

from __future__ import annotations


class SlipstreamError(Exception):
    """Something a caller has to be told.

    ``code`` is stable and machine-readable, ``message`` names the fix, ``param`` is the offending
    field as a path in the caller's own body (``messages[2].content``), ``retry_after_s`` is seconds.
    ``bedrock_type`` and ``openai_type`` are what the two wires call this kind of error.
    """

    http_status: int = 500
    code: str = "internal_error"
    retryable: bool = False
    bedrock_type: str = "InternalServerException"
    openai_type: str = "server_error"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
        http_status: int | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        if code is not None:
            self.code = code
        if http_status is not None:
            self.http_status = http_status
        if retryable is not None:
            self.retryable = retryable


class InvalidRequest(SlipstreamError):
    """The request cannot be served as it is; ``param`` says which field."""

    http_status, code = 400, "invalid_request"
    bedrock_type, openai_type = "ValidationException", "invalid_request_error"


class PromptTooLong(InvalidRequest):
    """The prompt and the answer asked for do not fit the model's context window."""

    code = "context_length_exceeded"


class UnreadableDocument(SlipstreamError):
    """A document that cannot be indexed; ``code`` says why, the message what to do about it."""

    http_status, code = 422, "unreadable_document"
    bedrock_type, openai_type = "ValidationException", "invalid_request_error"


class Unauthenticated(SlipstreamError):
    """No key, or one that is unknown, expired or revoked."""

    http_status, code = 401, "invalid_api_key"
    bedrock_type, openai_type = "UnrecognizedClientException", "authentication_error"


class PermissionDenied(SlipstreamError):
    """The key is good but may not do this."""

    http_status, code = 403, "permission_denied"
    bedrock_type, openai_type = "AccessDeniedException", "permission_error"


class NotFound(SlipstreamError):
    """No such route or resource."""

    http_status, code = 404, "not_found"
    bedrock_type, openai_type = "ResourceNotFoundException", "invalid_request_error"


class IndexNotFound(NotFound):
    """No index of that name."""

    code = "index_not_found"


class NoSearchEngine(SlipstreamError):
    """Something of an index was asked, and there is no engine."""

    http_status, code = 501, "no_search_engine"
    bedrock_type, openai_type = "ValidationException", "invalid_request_error"


class IndexExists(SlipstreamError):
    """There is an index of that name already."""

    http_status, code = 409, "index_exists"
    bedrock_type, openai_type = "ConflictException", "invalid_request_error"


class IndexReadOnly(SlipstreamError):
    """The index takes no writes; reading goes on."""

    http_status, code = 409, "index_read_only"
    bedrock_type, openai_type = "ConflictException", "invalid_request_error"


class ModelNotFound(NotFound):
    """No model, alias or profile of that name; the message offers the nearest ones."""

    code = "model_not_found"


class MethodNotAllowed(SlipstreamError):
    """The route exists under another method."""

    http_status, code = 405, "method_not_allowed"
    bedrock_type, openai_type = "ValidationException", "invalid_request_error"


class BodyTooLarge(SlipstreamError):
    """The body is over the limit that the message states."""

    http_status, code = 413, "body_too_large"
    bedrock_type, openai_type = "ValidationException", "invalid_request_error"


class Throttled(SlipstreamError):
    """Bedrock or our own admission says: later."""

    http_status, code, retryable = 429, "rate_limit_exceeded", True
    bedrock_type, openai_type = "ThrottlingException", "rate_limit_error"


class UpstreamError(SlipstreamError):
    """Bedrock failed; the subclasses are Bedrock's own distinctions."""

    http_status, code, retryable = 502, "upstream_error", True
    bedrock_type, openai_type = "InternalServerException", "api_error"


class UpstreamUnavailable(UpstreamError):
    """Bedrock cannot be reached or says 503."""

    http_status, code = 503, "upstream_unavailable"
    bedrock_type = "ServiceUnavailableException"


class UpstreamTimeout(UpstreamError):
    """Bedrock took longer than the deadline allows."""

    http_status, code = 504, "upstream_timeout"
    bedrock_type = "ModelTimeoutException"


class UpstreamInternal(UpstreamError):
    """Bedrock says 500."""

    http_status, code = 500, "upstream_internal"
    bedrock_type = "InternalServerException"


class ModelFailed(UpstreamError):
    """The model itself failed (Bedrock's 424)."""

    http_status, code = 424, "model_error"
    bedrock_type = "ModelErrorException"


class StreamCut(UpstreamError):
    """The answer broke off after it had begun: what was sent is not complete."""

    code = "stream_interrupted"
    bedrock_type = "ModelStreamErrorException"


class ClientGone(SlipstreamError):
    """The caller hung up; nobody reads what follows."""

    http_status, code = 499, "client_closed_request"
