"""Calls a Slipstream gateway over OpenAI's wire: one connection a call, answers as they stream."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from cli.target import Target

TIMEOUT_S = 300.0
ENDED = "Task timed out", "Endpoint request timed out"
"""In what Lambda and API Gateway say themselves when a function is ended, or waited for no longer."""
LATE = (
    "the gateway's function had no answer when its time was over: what it asks (the search engine, a model) hangs or "
    "is overloaded; see whether that answers, then ask again"
)


class CallFailed(Exception):
    """The gateway, or the way to it, said no. The message is for the user, ``code`` the gateway's own where it gave
    one; ``retryable``: it may go well later.
    """

    def __init__(
        self, message: str, *, code: str = "", retryable: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.retry_after_s = retry_after_s


@dataclass
class Reply:
    """One answer, filled while ``stream`` is read. Times in ms from just before the request was sent."""

    text: str = ""
    first_token_ms: float | None = None
    total_ms: float = 0.0
    finish_reason: str | None = None
    report: dict[str, Any] = field(default_factory=dict)
    """The reply's ``slipstream`` object: tokens, cost and waterfall as the gateway tells them."""


def call(target: Target, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One JSON call. Raises CallFailed with the gateway's own words."""
    with _answer(target, method, path, body) as response:
        payload = response.read()
    return json.loads(payload) if payload else None


def stream(target: Target, body: dict[str, Any], reply: Reply) -> Iterator[str]:
    """Yield a chat completion's text as it comes and fill ``reply``. Raises CallFailed, also in mid-stream."""
    began = perf_counter()
    ended = False
    with _answer(target, "POST", "/v1/chat/completions", {**body, "stream": True}) as response:
        for line in response:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                ended = True
                break
            for piece in _take(json.loads(data), reply):
                if reply.first_token_ms is None:
                    reply.first_token_ms = (perf_counter() - began) * 1000
                reply.text += piece
                yield piece
    reply.total_ms = (perf_counter() - began) * 1000
    if not ended:
        raise CallFailed("the answer broke off before its end: what is above is not complete; ask again")


def complete(target: Target, body: dict[str, Any]) -> Reply:
    """The same, not streamed: nothing to read until all of it is there."""
    began = perf_counter()
    found = call(target, "POST", "/v1/chat/completions", {**body, "stream": False})
    total = (perf_counter() - began) * 1000
    choice = found["choices"][0]
    return Reply(
        text=choice["message"].get("content") or "",
        first_token_ms=total,
        total_ms=total,
        finish_reason=choice.get("finish_reason"),
        report=found.get("slipstream") or {},
    )


def _take(chunk: dict[str, Any], reply: Reply) -> Iterator[str]:
    """Read one chunk of a stream: yield its text, keep the rest."""
    if error := chunk.get("error"):
        raise CallFailed(f"the answer broke off: {error.get('message', error)}")
    if report := chunk.get("slipstream"):
        reply.report = report
    for choice in chunk.get("choices", ()):
        reply.finish_reason = choice.get("finish_reason") or reply.finish_reason
        if text := (choice.get("delta") or {}).get("content"):
            yield text


@contextmanager
def _answer(target: Target, method: str, path: str, body: dict[str, Any] | None) -> Iterator[HTTPResponse]:
    """The open response to one request; closes the connection. Raises CallFailed unless the status is good."""
    parts = urlsplit(target.base_url)
    connection = (
        HTTPSConnection(parts.netloc, timeout=TIMEOUT_S, context=ssl.create_default_context())
        if parts.scheme == "https"
        else HTTPConnection(parts.netloc, timeout=TIMEOUT_S)
    )
    headers = {"authorization": f"Bearer {target.api_key}", "content-type": "application/json"}
    payload = None if body is None else json.dumps(body).encode()
    try:
        connection.request(method, f"{parts.path}{path}", payload, headers)
        with connection.getresponse() as response:
            if response.status >= 400:
                raise _refusal(response)
            yield response
    except ConnectionRefusedError:
        raise CallFailed(f"nothing listens at {target.base_url}: is the stack running? `make up` starts it") from None
    except (OSError, HTTPException, ValueError) as error:
        raise CallFailed(
            f"{target.base_url} could not be asked: {error or type(error).__name__}", retryable=True
        ) from error
    finally:
        connection.close()


def _refusal(response: HTTPResponse) -> CallFailed:
    """The gateway's error in one line."""
    raw = response.read(65536)
    retryable = response.status in {429, 502, 503, 504}
    try:
        error = json.loads(raw)["error"]
        text, code = str(error["message"]), str(error.get("code") or response.status)
        retryable = bool(error.get("retryable", retryable))
    except (ValueError, KeyError, TypeError):
        text, code = raw.decode(errors="replace")[:300] or response.reason, str(response.status)
        if any(sign in text for sign in ENDED):
            text, retryable = LATE, True
    retry = response.getheader("retry-after") or ""
    told = f"{text} [{code}]" + (f" Try again in {retry} s." if retry else "")
    return CallFailed(told, code=code, retryable=retryable, retry_after_s=float(retry) if retry.isdecimal() else None)
