"""Errors in Bedrock's shape: botocore takes the exception from the header, the text from the body."""

from __future__ import annotations

import math

import msgspec

from slipstream.errors import SlipstreamError
from slipstream.gateway.naming import renamed

STATUS = {
    "ValidationException": 400,
    "AccessDeniedException": 403,
    "UnrecognizedClientException": 403,
    "ResourceNotFoundException": 404,
    "ModelTimeoutException": 408,
    "ModelErrorException": 424,
    "ModelStreamErrorException": 424,
    "ModelNotReadyException": 429,
    "ThrottlingException": 429,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
}
"""HTTP status of each exception in Bedrock's service model."""
NAMES = {
    "model": "modelId",
    "max_tokens": "inferenceConfig.maxTokens",
    "temperature": "inferenceConfig.temperature",
    "top_p": "inferenceConfig.topP",
    "stop": "inferenceConfig.stopSequences",
    "tools": "toolConfig.tools",
    "tool_choice": "toolConfig.toolChoice",
    "service_tier": "serviceTier.type",
}
"""The core's parameters → Converse's."""
_OWN_STATUS = frozenset((405, 413, 415, 499))


def encode(error: SlipstreamError) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body. The message names the field, in its text or behind it, as Converse calls it."""
    error = renamed(error, NAMES)
    status = error.http_status
    if status not in _OWN_STATUS:
        status = STATUS.get(error.bedrock_type, status)
    message = error.message
    if error.param and error.param not in message:
        message = f"{message} (field: {error.param})"
    headers = [("content-type", "application/json"), ("x-amzn-errortype", error.bedrock_type)]
    if error.retry_after_s is not None:
        headers.append(("retry-after", str(max(0, math.ceil(error.retry_after_s)))))
    try:
        return status, headers, msgspec.json.encode({"message": message})
    except UnicodeEncodeError:  # half a surrogate pair, out of a header or path
        return status, headers, msgspec.json.encode({"message": message.encode("utf-8", "replace").decode()})
