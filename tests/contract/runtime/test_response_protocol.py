"""The bytes of a streamed answer, as the Runtime API's documentation asks for them."""

from __future__ import annotations

import json
import socket
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.lambda_host.http1 import BadRequest, Data, End, Head, Part, RequestParser
from slipstream.runtime.response_stream import DELIMITER, ReaderGone, ResponseStream, prelude
from slipstream.runtime.runtime_api import RuntimeApi
from slipstream.runtime.runtime_connection import RuntimeApiError


@dataclass
class Wire:
    """Our end and the Runtime API's end of one connection."""

    stream: ResponseStream
    peer: socket.socket

    def rest(self) -> list[Part]:
        """Everything sent, once our end has closed."""
        self.stream.close()
        data = b""
        while more := self.peer.recv(1 << 16):
            data += more
        return RequestParser().feed(data)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        yield server


@pytest.fixture
def wire(listener: socket.socket) -> Iterator[Wire]:
    stream = RuntimeApi(f"127.0.0.1:{listener.getsockname()[1]}").open_response("r-1")
    peer, _ = listener.accept()
    peer.settimeout(10)
    with peer:
        yield Wire(stream, peer)
        stream.close()


def test_head_prelude_delimiter_and_first_bytes_leave_in_one_write(wire: Wire) -> None:
    wire.stream.start(200, [("content-type", "text/event-stream")], b"data: 1\n\n")
    head, meta, first = RequestParser().feed(wire.peer.recv(1 << 16))  # one read: one segment on loopback
    assert isinstance(head, Head)
    assert head.target == "/2018-06-01/runtime/invocation/r-1/response"
    assert head.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert head.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert isinstance(meta, Data)
    assert meta.data.endswith(DELIMITER)
    assert json.loads(meta.data[: -len(DELIMITER)]) == {
        "statusCode": 200,
        "headers": {"content-type": "text/event-stream"},
    }
    assert first == Data(b"data: 1\n\n")


def test_an_error_after_the_start_is_in_trailers_that_the_head_announced(wire: Wire) -> None:
    wire.stream.start(200, [], b"half")
    wire.stream.fail(KeyError("the prompt"))
    head, *_, end = wire.rest()
    assert isinstance(head, Head)
    assert isinstance(end, End)
    assert {name.strip().lower() for name in head.headers["trailer"].split(",")} == set(end.trailers)
    assert end.trailers["lambda-runtime-function-error-type"] == "Runtime.KeyError"
    detail = json.loads(b64decode(end.trailers["lambda-runtime-function-error-body"]))
    assert detail["errorType"] == "KeyError"
    assert "prompt" not in str(detail)


def test_an_empty_item_does_not_end_the_answer(wire: Wire) -> None:
    wire.stream.start(200, [])
    wire.stream.write(b"")
    wire.stream.write(b"x")
    wire.stream.finish()
    _, _, data, end = wire.rest()
    assert (data, end) == (Data(b"x"), End())


def test_an_answer_known_whole_leaves_with_its_end_in_the_same_write(wire: Wire) -> None:
    wire.stream.start(204, [], last=True)
    wire.stream.finish()
    assert RequestParser().feed(wire.peer.recv(1 << 16))[-1] == End()


def test_a_peer_that_closes_is_noticed_without_waiting(wire: Wire) -> None:
    assert not wire.stream.gone()
    wire.peer.close()
    wire.stream.start(200, [])  # loopback: the close has arrived with the first answer to it
    assert wire.stream.gone()
    with pytest.raises(ReaderGone):
        wire.stream.write(b"x" * 50_000_000)


def test_a_prelude_that_api_gateway_would_not_read_is_refused() -> None:
    with pytest.raises(ValueError, match="16376"):
        prelude(200, [("x-long", "a" * 17_000)])


def serve_once(listener: socket.socket, reply: bytes) -> None:
    peer, _ = listener.accept()
    with peer:
        peer.recv(1 << 16)
        peer.sendall(reply)


EVENT_HEAD = b"Lambda-Runtime-Aws-Request-Id: r-7\r\nLambda-Runtime-Deadline-Ms: 99999999999999\r\n"


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\n" + EVENT_HEAD + b"Content-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n" + EVENT_HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + EVENT_HEAD + b"\r\nhello",
    ],
)
def test_an_event_comes_with_a_length_or_in_chunks_or_to_the_close(listener: socket.socket, reply: bytes) -> None:
    server = Thread(target=serve_once, args=(listener, reply))
    server.start()
    api = RuntimeApi(f"127.0.0.1:{listener.getsockname()[1]}")
    invocation = api.next()
    server.join()
    api.drop_connection()
    assert (invocation.request_id, invocation.event, invocation.trace_id) == ("r-7", b"hello", None)
    assert invocation.deadline_s is not None


def test_a_runtime_api_that_refuses_ends_the_loop(listener: socket.socket) -> None:
    refusal = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
    server = Thread(target=serve_once, args=(listener, refusal))
    server.start()
    with pytest.raises(RuntimeApiError, match="403"):
        RuntimeApi(f"127.0.0.1:{listener.getsockname()[1]}").next()
    server.join()


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"])
def test_a_runtime_api_that_breaks_off_ends_the_loop(listener: socket.socket, reply: bytes) -> None:
    server = Thread(target=serve_once, args=(listener, reply))
    server.start()
    with pytest.raises(RuntimeApiError):
        RuntimeApi(f"127.0.0.1:{listener.getsockname()[1]}").next()
    server.join()


@given(chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=6), cuts=st.lists(st.integers(0, 400), max_size=8))
def test_the_hosts_parser_sees_the_same_parts_however_the_bytes_are_cut(chunks: list[bytes], cuts: list[int]) -> None:
    raw = b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw += b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nA: b\r\n\r\n"
    raw += b"GET /y HTTP/1.1\r\n\r\n"
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    parser = RequestParser()
    parts = [part for left, right in pairwise(edges) for part in parser.feed(raw[left:right])]
    assert [part.data for part in parts if isinstance(part, Data)] == chunks
    assert [part for part in parts if isinstance(part, End)] == [End({"a": "b"}), End()]
    assert [part.target for part in parts if isinstance(part, Head)] == ["/x", "/y"]


@pytest.mark.parametrize("raw", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
def test_the_hosts_parser_refuses_what_is_no_http(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        RequestParser().feed(raw)
