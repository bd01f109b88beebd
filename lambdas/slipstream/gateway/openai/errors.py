"""Errors in OpenAI's shape, as its SDKs expect them."""

from __future__ import annotations

from math import ceil
from typing import Any

import msgspec

from slipstream.errors import SlipstreamError
from slipstream.gateway.naming import renamed


class _Given(msgspec.Struct):
    max_completion_tokens: object = None


_given = msgspec.json.Decoder(_Given)


def in_callers_words(error: SlipstreamError, body: bytes) -> SlipstreamError:
    """The error of a request that was understood, about ``max_completion_tokens`` where its ``body`` says so."""
    if error.param == "max_tokens" and _given.decode(body).max_completion_tokens is not None:
        return renamed(error, {"max_tokens": "max_completion_tokens"})
    return error


def shape(error: SlipstreamError) -> dict[str, Any]:
    """The ``{"error": …}`` object of a reply or of a stream that broke off."""
    told: dict[str, Any] = {
        "message": error.message,
        "type": error.openai_type,
        "param": error.param,
        "code": error.code,
        "retryable": error.retryable,
    }
    if error.retry_after_s is not None:
        told["retry_after_s"] = error.retry_after_s
    return {"error": told}


def encode_body(error: SlipstreamError) -> bytes:
    """The error as JSON. Never raises: text that is no Unicode (half a surrogate pair from a path) is replaced."""
    told = shape(error)
    try:
        return msgspec.json.encode(told)
    except UnicodeEncodeError:
        for field in ("message", "param"):
            if told["error"][field] is not None:
                told["error"][field] = told["error"][field].encode("utf-8", "replace").decode()
        return msgspec.json.encode(told)


def encode(error: SlipstreamError) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body. ``x-should-retry`` is what OpenAI's SDKs obey before they judge by the status."""
    headers = [("content-type", "application/json"), ("x-should-retry", "true" if error.retryable else "false")]
    if error.retry_after_s is not None:
        headers.append(("retry-after", str(ceil(error.retry_after_s))))
        headers.append(("retry-after-ms", str(ceil(error.retry_after_s * 1000))))
    return error.http_status, headers, encode_body(error)
