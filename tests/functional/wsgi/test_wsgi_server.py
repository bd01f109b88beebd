"""The threaded WSGI server, through real sockets."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event
from typing import Any

import pytest
import trustme

from slipstream.errors import Unauthenticated
from slipstream.gateway.http import App, HttpRequest, HttpResponse
from slipstream.runtime import wsgi_request
from slipstream.runtime.wsgi import wsgi_app
from slipstream.runtime.wsgi_server import Server

Start = Callable[[App], Server]


@pytest.fixture
def start() -> Iterator[Start]:
    servers: list[Server] = []

    def begin(app: App, **options: Any) -> Server:
        servers.append(server := Server(wsgi_app(app), **options))
        server.start()
        return server

    yield begin
    for server in servers:
        server.close()


def exchange(server: Server, *writes: bytes, until: bytes | None = None) -> bytes:
    """Send and read until ``until`` has come, or until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        for data in writes:
            sock.sendall(data)
        return read(sock, until)


def read(sock: socket.socket, until: bytes | None) -> bytes:
    out = b""
    while until is None or until not in out:
        data = sock.recv(65536)
        if not data:
            break
        out += data
    return out


def echo(request: HttpRequest) -> HttpResponse:
    text = f"{request.method} {request.path} {dict(request.query)} {request.body.decode()}".encode()
    return HttpResponse(200, [("content-length", str(len(text)))], [text])


def test_a_request_reaches_the_app_with_its_path_still_encoded(start: Start) -> None:
    answer = exchange(start(echo), b"GET /model/a%3Ab?x=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert answer.endswith(b"GET /model/a%3Ab {'x': '1'} ")


def test_a_connection_serves_several_requests(start: Start) -> None:
    server = start(echo)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        for number in range(3):
            sock.sendall(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number)
            assert b"GET /%d " % number in read(sock, b"{} ")


@pytest.mark.parametrize("body", [b"5\r\nhello\r\n0\r\n\r\n", b"2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: t\r\n\r\n"])
def test_a_chunked_request_body_is_put_together(start: Start, body: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert exchange(start(echo), head, body).endswith(b"hello")


def test_a_body_that_comes_in_pieces_is_read_whole(start: Start) -> None:
    head = b"POST / HTTP/1.1\r\nContent-Length: 10\r\nConnection: close\r\n\r\n01"
    assert exchange(start(echo), head, b"234", b"56789").endswith(b"0123456789")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/2.0\r\n\r\n", b"505"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000, b"431"),
    ],
)
def test_what_is_not_http_is_refused_and_the_connection_closed(start: Start, raw: bytes, status: bytes) -> None:
    assert exchange(start(echo), raw).startswith(b"HTTP/1.1 " + status)


def names(request: HttpRequest) -> HttpResponse:
    text = repr(sorted(request.headers.items())).encode()
    return HttpResponse(200, [("content-length", str(len(text)))], [text])


def test_a_name_with_an_underscore_never_passes_for_its_twin_with_a_hyphen(start: Start) -> None:
    head = b"GET / HTTP/1.1\r\nX-Amzn_Request-Context: forged\r\nX-Real: a\r\nConnection: close\r\n\r\n"
    answer = exchange(start(names), head)
    assert b"('x-real', 'a')" in answer
    assert b"forged" not in answer


@pytest.mark.parametrize("name", [b"X-Amzn-Request-Context", b"Authorization", b"Host"])
def test_who_calls_is_said_once_or_the_request_is_refused(start: Start, name: bytes) -> None:
    head = b"GET / HTTP/1.1\r\n%b: a\r\n%b: b\r\nConnection: close\r\n\r\n" % (name, name.lower())
    assert exchange(start(names), head).startswith(b"HTTP/1.1 400 ")


def test_each_part_leaves_before_the_next_is_made(start: Start) -> None:
    proceed = Event()

    def parts() -> Iterator[bytes]:
        yield b"first"
        proceed.wait(10)
        yield b"second"

    server = start(lambda _: HttpResponse(200, [], parts()))
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read(sock, b"first").endswith(b"\r\n5\r\nfirst\r\n")
        proceed.set()
        assert read(sock, b"0\r\n\r\n") == b"6\r\nsecond\r\n0\r\n\r\n"


@pytest.mark.parametrize(("size", "status"), [(10, b"200"), (11, b"413")])
@pytest.mark.parametrize("framing", ["announced", "chunked"])
def test_a_body_of_just_the_limit_passes_and_one_byte_more_does_not(
    start: Start, monkeypatch: pytest.MonkeyPatch, framing: str, size: int, status: bytes
) -> None:
    monkeypatch.setattr(wsgi_request, "MAX_BODY_BYTES", 10)
    length, body = b"Content-Length: %d" % size, b"x" * size
    if framing == "chunked":
        length, body = b"Transfer-Encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (size, body)
    answer = exchange(start(echo), b"POST / HTTP/1.1\r\n%b\r\nConnection: close\r\n\r\n%b" % (length, body))
    assert answer.startswith(b"HTTP/1.1 " + status)


def test_an_answer_that_breaks_never_looks_complete(start: Start) -> None:
    def parts() -> Iterator[bytes]:
        yield b"begun"
        raise RuntimeError("model went away")

    answer = exchange(start(lambda _: HttpResponse(200, [], parts())), b"GET / HTTP/1.1\r\n\r\n")
    assert b"begun" in answer
    assert not answer.endswith(b"0\r\n\r\n")


def test_an_app_that_raises_is_a_500_that_tells_nothing_and_the_server_lives(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/bad":
            raise RuntimeError("a secret")
        start_response("200 OK", [("content-length", "2")])
        return [b"ok"]

    server = Server(app)
    server.start()
    broken = exchange(server, b"GET /bad HTTP/1.1\r\n\r\n")
    fine = exchange(server, b"GET /good HTTP/1.1\r\nConnection: close\r\n\r\n")
    server.close()
    told = capsys.readouterr().err
    assert broken.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert b'"type":"server_error"' in broken
    assert fine.endswith(b"ok")
    assert "no answer: RuntimeError at test_wsgi_server.py:" in told
    assert "secret" not in told + broken.decode()
    assert "Traceback" not in told


def test_an_answer_to_a_caller_who_closes_ends_by_its_framing_too(start: Start) -> None:
    server = start(lambda _: HttpResponse(200, [], [b"a", b"b"]))
    answer = exchange(server, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n")


def test_a_caller_who_reads_to_the_end_does_not_wait_for_what_is_settled(start: Start) -> None:
    may_settle, settled = Event(), Event()

    def settle() -> None:
        may_settle.wait(10)
        settled.set()

    server = start(lambda _: HttpResponse(200, [], [b"all"], settle))
    assert exchange(server, b"GET / HTTP/1.0\r\n\r\n").endswith(b"all")
    assert not settled.is_set()
    may_settle.set()
    assert settled.wait(10)


def test_settling_that_fails_leaves_the_connection_to_the_next_request(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    def settle() -> None:
        raise RuntimeError("a secret")

    server = start(lambda _: HttpResponse(200, [("content-length", "2")], [b"ok"], settle))
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        for _ in range(2):
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert read(sock, b"ok").endswith(b"ok")
    told = capsys.readouterr().err
    assert "not settled: RuntimeError" in told
    assert "secret" not in told


def test_settle_runs_after_the_last_byte(start: Start) -> None:
    settled, may_settle = Event(), Event()

    def settle() -> None:
        may_settle.wait(10)
        settled.set()

    server = start(lambda _: HttpResponse(200, [], [b"all"], settle))
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read(sock, b"0\r\n\r\n").endswith(b"all\r\n0\r\n\r\n")
        assert not settled.is_set()
        may_settle.set()
        assert settled.wait(10)


def test_a_hang_up_is_seen_and_settled(start: Start) -> None:
    waiting, seen = Event(), Event()

    def app(request: HttpRequest) -> HttpResponse:
        def parts() -> Iterator[bytes]:
            import select

            poll = select.poll()
            poll.register(request.disconnect.fileno() or -1, select.POLLIN)
            waiting.set()
            poll.poll(10_000)
            assert request.disconnect.gone()
            yield b"nobody reads this"

        return HttpResponse(200, [], parts(), seen.set)

    server = start(app)
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert waiting.wait(10)
    sock.close()
    assert seen.wait(10)


def test_more_input_is_no_hang_up(start: Start) -> None:
    def app(request: HttpRequest) -> HttpResponse:
        gone = str(request.disconnect.gone()).encode()
        return HttpResponse(200, [("content-length", str(len(gone)))], [gone])

    two = b"GET / HTTP/1.1\r\n\r\n" + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
    assert exchange(start(app), two).count(b"False") == 2


def test_head_has_the_head_alone(start: Start) -> None:
    answer = exchange(start(echo), b"HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert b"content-length: " in answer
    assert answer.endswith(b"\r\n\r\n")


def test_http_1_0_gets_a_body_that_ends_with_the_connection(start: Start) -> None:
    answer = exchange(start(lambda _: HttpResponse(200, [], [b"a", b"b"])), b"GET / HTTP/1.0\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nab")


def test_a_caller_who_is_turned_away_reaches_the_app_with_the_reason() -> None:
    def refuse(_headers: object) -> Any:
        raise Unauthenticated("no key")

    def app(request: HttpRequest) -> HttpResponse:
        assert request.denied is not None
        return HttpResponse(request.denied.http_status, [("content-length", "0")])

    server = Server(wsgi_app(app, authenticate=refuse))
    server.start()
    answer = exchange(server, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    server.close()
    assert answer.startswith(b"HTTP/1.1 401 Unauthorized")


def bid_farewell(sock: ssl.SSLSocket) -> None:
    """Say the last word of TLS, as clients do before they close, and leave the connection open."""
    sock.settimeout(0)
    with suppress(ssl.SSLError):  # the peer has not answered yet
        sock.unwrap()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
@pytest.mark.parametrize(
    ("does", "gone"),
    [
        (ssl.SSLSocket.close, True),
        (bid_farewell, True),
        (lambda sock: sock.sendall(b"GET / HTTP/1.1\r\n\r\n"), False),
    ],
    ids=["closes", "bids farewell", "asks more"],
)
def test_over_tls_a_hang_up_is_told_apart_from_more_input(
    start: Start, version: ssl.TLSVersion, does: Callable[[ssl.SSLSocket], Any], gone: bool
) -> None:
    authority = trustme.CA()
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server_side)
    client_side = ssl.create_default_context()
    client_side.minimum_version = client_side.maximum_version = version
    authority.configure_trust(client_side)
    told: list[bool] = []
    waiting, over = Event(), Event()

    def app(request: HttpRequest) -> HttpResponse:
        import select

        poll = select.poll()
        poll.register(request.disconnect.fileno() or -1, select.POLLIN)
        waiting.set()
        poll.poll(10_000)
        told.append(request.disconnect.gone())
        over.set()
        return HttpResponse(200, [("content-length", "0")])

    server = start(app, ssl_context=server_side)  # type: ignore[call-arg]
    raw = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    with client_side.wrap_socket(raw, server_hostname="localhost") as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert waiting.wait(10)
        does(sock)
        assert over.wait(10)
    assert told[0] is gone
