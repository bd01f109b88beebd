"""The Runtime API as one connection of a function's process sees it, and the little of the Extensions API that an
extension needs which only wants to live (the AWS Lambda Web Adapter is one).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from base64 import b64decode
from typing import Protocol, cast

from local.lambda_host.buffered import as_stream
from local.lambda_host.http1 import BadRequest, Data, End, Head, Part, RequestParser
from local.lambda_host.invocation import Answer, FunctionFailed

API = "/2018-06-01/runtime"
EXTENSIONS = "/2020-01-01/extension"


class Polled(Protocol):
    """The environment behind a connection."""

    def polled(self, connection: RuntimeConnection) -> None:
        """It asks for the next event."""
        ...

    def answer_of(self, request_id: str) -> Answer | None:
        """The answer that a POST with this request id may still give."""
        ...

    def invocation_failed(self, answer: Answer, kind: str, detail: str) -> None:
        """The function reports an error."""
        ...

    def init_failed(self, kind: str, detail: str) -> None:
        """The loop could not start."""
        ...

    def opened(self, connection: RuntimeConnection) -> None:
        """A connection has been made."""
        ...

    def closed(self, connection: RuntimeConnection) -> None:
        """One has been closed."""
        ...


class RuntimeConnection(asyncio.Protocol):
    """One connection from the function's process to its Runtime API."""

    def __init__(self, environment: Polled) -> None:
        self._environment = environment
        self._parser = RequestParser()
        self._transport: asyncio.Transport | None = None
        self._head: Head | None = None
        self._answer: Answer | None = None
        self._body = bytearray()
        self.polls = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._environment.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer that has not ended is truncated."""
        self._environment.closed(self)
        if self._answer is not None:
            self._answer.fail(FunctionFailed("Runtime.TruncatedResponse", "the connection closed before the end"))

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        try:
            for part in self._parser.feed(data):
                self._take(part)
        except BadRequest as error:
            self._reply(400, str(error))
            self.close()

    def _take(self, part: Part) -> None:
        if isinstance(part, Head):
            self._head, self._body = part, bytearray()
            pieces = part.target.removeprefix(API).strip("/").split("/")
            self._answer = None
            if len(pieces) == 3 and pieces[0] == "invocation" and pieces[2] == "response":
                self._answer = self._environment.answer_of(pieces[1])
        elif isinstance(part, Data):
            if self._answer is not None and self._streams():
                self._feed(self._answer, part.data)
            else:
                self._body += part.data
        elif self._head is not None:
            self._finished(self._head, part)

    def _streams(self) -> bool:
        return self._head is not None and self._head.headers.get("lambda-runtime-function-response-mode") == "streaming"

    def _feed(self, answer: Answer, data: bytes) -> None:
        try:
            answer.feed(data)
        except FunctionFailed as error:
            answer.fail(error)
            self._answer = None

    def _finished(self, head: Head, end: End) -> None:
        path = head.target.removeprefix(API).strip("/")
        kind = head.headers.get("lambda-runtime-function-error-type", "")
        detail = self._body.decode("utf-8", "replace")[:2000]
        answer, self._answer = self._answer, None
        if head.target.startswith(EXTENSIONS):
            self._extension(head.target.removeprefix(EXTENSIONS))
            return
        if path == "invocation/next":
            self.polls = True
            self._environment.polled(self)
            return
        if path == "restore/next":
            self.polls = True
            self._reply(200, "restored")
            return
        if path in ("init/error", "restore/error"):
            self._reply(202, "OK")
            self._environment.init_failed(kind, detail)
        elif path.endswith("/response") and answer is not None:
            self._respond(answer, end)
        elif path.endswith("/error") and (failed := self._environment.answer_of(path.split("/")[1])) is not None:
            self._environment.invocation_failed(failed, kind or "Unhandled", detail)
            self._reply(202, "OK")
        else:
            self._reply(400, "no such invocation, or it has been answered")
        if head.headers.get("connection", "").lower() == "close":
            self.close()

    def _extension(self, path: str) -> None:
        """Registering is answered; the wait for the next event lasts as long as the environment."""
        if path == "/register":
            self._reply(200, "registered", f"Lambda-Extension-Identifier: {uuid.uuid4()}\r\n")
        elif path == "/event/next":
            self.polls = True
        else:
            self._reply(404, "no such call of the Extensions API here")

    def _respond(self, answer: Answer, end: End) -> None:
        kind = end.trailers.get("lambda-runtime-function-error-type")
        if kind is not None:
            detail = ""
            with contextlib.suppress(ValueError):
                detail = b64decode(end.trailers.get("lambda-runtime-function-error-body", "")).decode()
            self._environment.invocation_failed(answer, kind, detail)
        else:
            if not self._streams():  # a buffered runtime posts the proxy answer as one JSON document
                self._feed_buffered(answer)
            answer.end()
        self._reply(202, "OK")

    def _feed_buffered(self, answer: Answer) -> None:
        try:
            self._feed(answer, as_stream(bytes(self._body)))
        except ValueError as error:
            answer.fail(FunctionFailed("Runtime.MalformedResponse", str(error)))

    def reply_event(self, answer: Answer, deadline_ms: int, arn: str) -> None:
        """Hand an event to the polling loop."""
        if self._transport is None:
            return
        trace = f"Root=1-{deadline_ms // 1000:08x}-{uuid.uuid4().hex[:24]};Sampled=0"
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer.event)}\r\n"
            f"Lambda-Runtime-Aws-Request-Id: {answer.request_id}\r\nLambda-Runtime-Deadline-Ms: {deadline_ms}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {arn}\r\n"
            f"Lambda-Runtime-Trace-Id: {trace}\r\n\r\n"
        )
        self._transport.write(head.encode() + answer.event)

    def _reply(self, status: int, text: str, fields: str = "") -> None:
        if self._transport is not None:
            body = f'{{"status":"{text}"}}'.encode()
            kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            self._transport.write(f"HTTP/1.1 {status} Answer\r\n{kind}{fields}\r\n".encode() + body)

    def flow(self, flowing: bool) -> None:
        """Pause or resume reading: the client is slower than the function."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading() if flowing else self._transport.pause_reading()

    def close(self) -> None:
        """Close the connection once what was written has gone."""
        if self._transport is not None:
            self._transport.close()
