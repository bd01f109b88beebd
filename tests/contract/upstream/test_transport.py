from __future__ import annotations

import contextlib
import socket
import threading
from time import perf_counter

import pytest

from slipstream.aws import transport as pool
from slipstream.aws.connection import Connection, Patience
from slipstream.aws.exchange import BadResponse, Request, Response
from slipstream.aws.transport import MAX_IDLE_S, Transport
from slipstream.errors import ClientGone, StreamCut, UpstreamTimeout, UpstreamUnavailable
from slipstream.telemetry.waterfall import Waterfall
from tests.contract.upstream.tiny_server import Caller, Peer, TinyServer

GET = Request("GET", b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")


def fetch(
    transport: Transport, server: TinyServer, request: Request = GET, patience: Patience | None = None
) -> Response:
    exchange = transport.send(server.origin, request, patience)
    response = exchange.head()
    assert response is not None
    return response


def test_a_request_arrives_as_it_was_written_head_and_body(transport: Transport, server: TinyServer) -> None:
    seen: list[bytes] = []

    def script(peer: Peer) -> None:
        seen.append(peer.request())
        peer.answer(b"fine")

    server.expects(script)
    request = Request("POST", b"POST /a HTTP/1.1\r\ncontent-length: 5\r\n\r\n", b"hello")
    assert fetch(transport, server, request).read_all() == b"fine"
    assert seen == [b"POST /a HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello"]


def test_a_connection_is_used_again_and_only_the_first_call_reports_connect(
    transport: Transport, server: TinyServer
) -> None:
    def script(peer: Peer) -> None:
        for _ in range(2):
            peer.request()
            peer.answer(b"ok")

    server.expects(script)
    first, second = Waterfall(), Waterfall()
    for waterfall in (first, second):
        response = transport.send(server.origin, GET, None, waterfall).head()
        assert response is not None
        assert response.read_all() == b"ok"
    assert server.connections == 1
    assert "connect" in first.ms()
    assert "connect" not in second.ms()


def test_a_kept_alive_connection_that_closes_instead_of_answering_is_replaced_unseen(
    transport: Transport, server: TinyServer
) -> None:
    def closes_on_the_second(peer: Peer) -> None:
        peer.request()
        peer.answer(b"one")
        peer.request()

    def answers(peer: Peer) -> None:
        peer.request()
        peer.answer(b"two")

    server.expects(closes_on_the_second, answers)
    assert fetch(transport, server).read_all() == b"one"
    assert fetch(transport, server).read_all() == b"two"
    assert server.connections == 2


def test_a_connection_closed_while_idle_is_not_used_again(transport: Transport, server: TinyServer) -> None:
    closed = threading.Event()

    def once(peer: Peer) -> None:
        peer.request()
        peer.answer(b"one")
        peer.reset()
        closed.set()

    def again(peer: Peer) -> None:
        peer.request()
        peer.answer(b"two")

    server.expects(once, again)
    assert fetch(transport, server).read_all() == b"one"
    assert closed.wait(5)
    assert fetch(transport, server).read_all() == b"two"


def one_and_then_another(server: TinyServer, more: bytes = b"") -> threading.Event:
    """Have the server answer ``one`` with ``more`` behind it, and ``two`` on whichever connection is asked next."""
    closed = threading.Event()

    def first(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none" + more)
        with contextlib.suppress(ConnectionError):
            peer.request()
            peer.answer(b"two")
        closed.set()

    def second(peer: Peer) -> None:
        peer.request()
        peer.answer(b"two")

    server.expects(first, second)
    return closed


@pytest.mark.parametrize("more", [b"x", b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"])
def test_a_connection_on_which_more_came_than_the_answer_is_never_used_again(
    transport: Transport, server: TinyServer, more: bytes
) -> None:
    closed = one_and_then_another(server, more)
    assert fetch(transport, server).read_all() == b"one"
    assert closed.wait(5)
    assert fetch(transport, server).read_all() == b"two"
    assert server.connections == 2


@pytest.mark.parametrize(("age_s", "connections"), [(MAX_IDLE_S - 1, 1), (MAX_IDLE_S, 2), (9 * MAX_IDLE_S, 2)])
def test_a_connection_that_was_idle_for_long_is_closed_and_not_used_again(
    transport: Transport, server: TinyServer, monkeypatch: pytest.MonkeyPatch, age_s: float, connections: int
) -> None:
    one_and_then_another(server)
    now_s = [1_800_000_000.0]
    monkeypatch.setattr(pool.time, "time", lambda: now_s[0])
    assert fetch(transport, server).read_all() == b"one"
    now_s[0] += age_s
    assert fetch(transport, server).read_all() == b"two"
    assert server.connections == connections


def test_a_new_connection_that_closes_without_an_answer_is_an_error_not_a_second_try(
    transport: Transport, server: TinyServer
) -> None:
    server.expects(lambda peer: peer.request() and None)
    with pytest.raises(UpstreamUnavailable):
        fetch(transport, server)
    assert server.connections == 1


def test_an_answer_that_began_is_never_asked_for_again(transport: Transport, server: TinyServer) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.answer(b"one")
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-le")

    server.expects(script)
    assert fetch(transport, server).read_all() == b"one"
    with pytest.raises(UpstreamUnavailable):
        fetch(transport, server)
    assert server.connections == 1


def test_a_chunk_is_handed_on_before_the_next_one_is_sent(transport: Transport, server: TinyServer) -> None:
    read_first = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        peer.chunk(b"first")
        assert read_first.wait(5)
        peer.chunk(b"second")
        peer.end_chunks()

    server.expects(script)
    response = fetch(transport, server)
    assert response.read() == b"first"
    read_first.set()
    assert response.read_all() == b"second"


def test_half_a_chunk_is_handed_on_too(transport: Transport, server: TinyServer) -> None:
    read_half = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        peer.send(b"a\r\n01234")
        assert read_half.wait(5)
        peer.send(b"56789\r\n0\r\n\r\n")

    server.expects(script)
    response = fetch(transport, server)
    assert response.read() == b"01234"
    read_half.set()
    assert response.read_all() == b"56789"


@pytest.mark.parametrize("ends", ["close", "reset"])
def test_a_body_that_breaks_off_is_never_taken_for_whole(transport: Transport, server: TinyServer, ends: str) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        peer.chunk(b"half")
        if ends == "reset":
            peer.reset()

    server.expects(script)
    with pytest.raises((StreamCut, UpstreamUnavailable)):
        fetch(transport, server).read_all()


def test_a_silent_service_ends_in_a_timeout(transport: Transport, server: TinyServer) -> None:
    over = threading.Event()
    server.expects(lambda peer: over.wait(5) and None)
    with pytest.raises(UpstreamTimeout, match=r"silent for 0\.05 s"):
        fetch(transport, server, patience=Patience(0.05))
    over.set()


def test_a_deadline_ends_the_wait_even_while_bytes_keep_coming(transport: Transport, server: TinyServer) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        while True:
            peer.chunk(b".")

    server.expects(script)
    waterfall = Waterfall()
    response = fetch(transport, server, patience=Patience(5.0, deadline_s=waterfall.origin_s + 0.1))
    with pytest.raises(UpstreamTimeout, match="deadline"):
        response.read_all()


def test_a_deadline_that_has_passed_is_told_although_bytes_are_there_to_read() -> None:
    mine, services = socket.socketpair()
    connection = Connection(mine, secure=False)
    connection.attach(Patience(5.0, deadline_s=perf_counter()))
    services.sendall(b"more")
    with mine, services, pytest.raises(UpstreamTimeout, match="deadline"):
        connection.receive()


def test_silence_is_reported_and_the_answer_still_comes(transport: Transport, server: TinyServer) -> None:
    quiet = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        assert quiet.wait(5)
        peer.answer(b"late")

    server.expects(script)
    exchange = transport.send(server.origin, GET, Patience(5.0, quiet_s=0.02))
    assert exchange.head() is None
    quiet.set()
    while (response := exchange.head()) is None:
        pass
    assert response.read_all() == b"late"


def test_a_caller_who_hangs_up_ends_the_upstream_call_within_a_second(
    transport: Transport, server: TinyServer, caller: Caller
) -> None:
    closed: list[bool] = []

    def script(peer: Peer) -> None:
        peer.request()
        caller.callers.close()
        closed.append(peer.sees_close(1.0))

    server.expects(script)
    with pytest.raises(ClientGone):
        fetch(transport, server, patience=Patience(5.0, disconnect=caller))
    server.close_scripts()
    assert closed == [True]


def test_a_caller_who_sends_more_has_not_gone(transport: Transport, server: TinyServer, caller: Caller) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        caller.callers.sendall(b"next request")
        peer.answer(b"ok")

    server.expects(script)
    assert fetch(transport, server, patience=Patience(5.0, disconnect=caller)).read_all() == b"ok"


def test_a_refused_connection_says_where(transport: Transport, server: TinyServer) -> None:
    server.stop_listening()
    with pytest.raises(UpstreamUnavailable, match=r"127\.0\.0\.1"):
        transport.send(server.origin, GET)


@pytest.mark.parametrize(
    "head",
    [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
     b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", b"x" * 70_000],
)  # fmt: skip
def test_what_is_not_http_is_refused(transport: Transport, server: TinyServer, head: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head)

    server.expects(script)
    with pytest.raises(BadResponse):
        fetch(transport, server)


def test_an_early_refusal_of_a_large_body_is_read_not_lost(transport: Transport, server: TinyServer) -> None:
    def script(peer: Peer) -> None:
        peer.sock.recv(1000)
        peer.answer(b"too large", status=413, headers="connection: close\r\n")

    server.expects(script)
    body = b"x" * 8_000_000
    request = Request("POST", b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body), body)
    with contextlib.suppress(UpstreamUnavailable, StreamCut):  # the reset after unread bytes may overtake the answer
        response = fetch(transport, server, request)
        assert (response.status, response.read_all()) == (413, b"too large")


def test_a_large_body_goes_out_whole_through_a_slow_reader(transport: Transport, server: TinyServer) -> None:
    body = bytes(range(256)) * 40_000

    def script(peer: Peer) -> None:
        peer.answer(b"same" if peer.request().endswith(b"\r\n\r\n" + body) else b"different")

    server.expects(script)
    request = Request("POST", b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body), body)
    assert fetch(transport, server, request).read_all() == b"same"


def test_after_a_restore_no_old_connection_is_used(transport: Transport, server: TinyServer) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.answer(b"ok")
        peer.sees_close(5)

    server.expects(script, script)
    fetch(transport, server).read_all()
    transport.restore()
    fetch(transport, server).read_all()
    transport.restore()
    assert server.connections == 2


def test_threads_share_the_pool_without_mixing_answers(transport: Transport, server: TinyServer) -> None:
    def echo(peer: Peer) -> None:
        while True:
            peer.answer(peer.request().partition(b"\r\n\r\n")[2])

    server.expects(*[echo] * 8)
    wrong: list[bytes] = []

    def work(name: int) -> None:
        for turn in range(25):
            body = b"%d-%d" % (name, turn)
            request = Request("POST", b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body), body)
            if fetch(transport, server, request).read_all() != body:
                wrong.append(body)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    transport.restore()
    assert not wrong


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nX",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokX",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nX",
    ],
)
def test_a_connection_that_says_more_than_was_asked_is_not_used_again(
    transport: Transport, server: TinyServer, answer: bytes
) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer)
        peer.sees_close(5)

    server.expects(script, script)
    assert b"X" not in fetch(transport, server).read_all()
    assert b"X" not in fetch(transport, server).read_all()
    assert server.connections == 2
