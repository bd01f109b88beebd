"""The transport over TLS, through real sockets and real certificates."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import pytest
import trustme

from slipstream.aws import connection
from slipstream.aws.connection import Patience
from slipstream.aws.exchange import Request
from slipstream.aws.origin import Origin
from slipstream.aws.transport import Transport
from slipstream.errors import StreamCut, UpstreamTimeout, UpstreamUnavailable
from tests.contract.upstream.tiny_server import Peer, TinyServer

GET = Request("GET", b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[TinyServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    tiny = TinyServer(context)
    yield tiny
    tiny.close()


@pytest.fixture
def transport(authority: trustme.CA, tmp_path: Path) -> Iterator[Transport]:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    pool = Transport(ca_bundle=str(bundle))
    yield pool
    pool.restore()


def fetched(transport: Transport, origin: Origin, patience: Patience | None = None) -> bytes:
    response = transport.send(origin, GET, patience).head()
    assert response is not None
    return response.read_all()


def test_a_certificate_of_the_named_authority_is_trusted(transport: Transport, server: TinyServer) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.answer(b"over TLS")

    server.expects(script)
    assert fetched(transport, server.origin) == b"over TLS"


def test_a_tls_connection_is_used_again_although_session_tickets_came_on_it(
    transport: Transport, server: TinyServer
) -> None:
    def script(peer: Peer) -> None:
        for _ in range(3):
            peer.request()
            peer.answer(b"ok")

    server.expects(script)
    assert [fetched(transport, server.origin) for _ in range(3)] == [b"ok"] * 3
    assert server.connections == 1


def test_a_later_connection_resumes_the_tls_session_of_an_earlier_one(transport: Transport, server: TinyServer) -> None:
    resumed: list[bool | None] = []

    def script(peer: Peer) -> None:
        peer.request()
        assert isinstance(peer.sock, ssl.SSLSocket)
        resumed.append(peer.sock.session_reused)
        peer.answer(b"ok")
        peer.sees_close(5)

    server.expects(script, script)
    assert fetched(transport, server.origin) == b"ok"
    second = transport.send_on_new(server.origin, GET, Patience(5.0))  # as when all idle ones are taken
    try:
        assert second.receive()
    finally:
        second.close()
    assert resumed == [False, True]


def test_after_a_restore_no_tls_session_of_the_snapshot_is_resumed(transport: Transport, server: TinyServer) -> None:
    resumed: list[bool | None] = []

    def script(peer: Peer) -> None:
        peer.request()
        assert isinstance(peer.sock, ssl.SSLSocket)
        resumed.append(peer.sock.session_reused)
        peer.answer(b"ok")
        peer.sees_close(5)

    server.expects(script, script)
    for _ in range(2):
        assert fetched(transport, server.origin) == b"ok"
        transport.restore()
    assert resumed == [False, False]


def test_an_untrusted_certificate_is_refused_and_the_error_names_the_setting(server: TinyServer) -> None:
    server.expects(lambda peer: None)
    with pytest.raises(UpstreamUnavailable, match="AWS_CA_BUNDLE") as caught:
        Transport().send(server.origin, GET)
    assert (caught.value.code, caught.value.retryable) == ("certificate_not_trusted", False)


def test_a_certificate_for_another_host_is_refused(authority: trustme.CA, transport: Transport) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    server = TinyServer(context)
    server.expects(lambda peer: None)
    try:
        with pytest.raises(UpstreamUnavailable, match="not trusted"):
            transport.send(server.origin, GET)
    finally:
        server.close()


def test_a_service_that_does_not_speak_tls_is_told_apart_from_an_untrusted_one(transport: Transport) -> None:
    plain = TinyServer()
    plain.expects(lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    try:
        with pytest.raises(UpstreamUnavailable, match="TLS with") as caught:
            transport.send(plain.origin._replace(scheme="https"), GET)
    finally:
        plain.close()
    assert caught.value.code == "upstream_unavailable"


def test_a_handshake_that_gets_no_answer_ends_in_a_timeout(authority: trustme.CA) -> None:
    hung_up = threading.Event()

    def script(peer: Peer) -> None:
        if peer.sees_close(5):
            hung_up.set()

    silent = TinyServer()
    silent.expects(script)
    try:
        with pytest.raises(UpstreamTimeout) as caught:
            Transport(connect_timeout_s=0.05).send(silent.origin._replace(scheme="https"), GET)
    finally:
        silent.close()
    assert caught.value.code == "connect_timeout"
    assert hung_up.is_set()


@pytest.mark.parametrize("ends", ["closed in order", "cut"])
def test_an_answer_that_breaks_off_over_tls_is_never_taken_for_whole(
    transport: Transport, server: TinyServer, ends: str
) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        peer.chunk(b"half")
        if ends == "closed in order":
            assert isinstance(peer.sock, ssl.SSLSocket)
            peer.sock.unwrap().close()
        else:
            peer.sock.shutdown(socket.SHUT_WR)

    server.expects(script)
    response = transport.send(server.origin, GET).head()
    assert response is not None
    with pytest.raises(StreamCut):
        response.read_all()


def test_a_reset_over_tls_is_a_cut_stream(transport: Transport, server: TinyServer) -> None:
    received = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        peer.chunk(b"half")
        received.wait(5)
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.sock.close()

    server.expects(script)
    response = transport.send(server.origin, GET).head()
    assert response is not None
    assert response.read() == b"half"
    received.set()
    with pytest.raises(StreamCut):
        response.read_all()


def test_a_deadline_ends_the_wait_over_tls(transport: Transport, server: TinyServer) -> None:
    hung_up = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        if peer.sees_close(5):
            hung_up.set()

    server.expects(script)
    patience = Patience(5.0, deadline_s=perf_counter() + 0.2)
    with pytest.raises(UpstreamTimeout, match="deadline"):
        fetched(transport, server.origin, patience)
    server.close_scripts()
    assert hung_up.is_set()


def test_bytes_that_wait_inside_the_tls_layer_are_read_though_the_socket_itself_has_fallen_silent(
    transport: Transport, server: TinyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = bytes(range(256)) * 32

    def script(peer: Peer) -> None:
        peer.request()
        peer.answer(body)  # one record
        peer.sees_close(5)  # stays, so that nothing but those bytes can wake the client

    server.expects(script)
    # A read shorter than a record leaves its rest decrypted in memory, where poll sees nothing.
    monkeypatch.setattr(connection, "READ_BYTES", 1000)
    assert fetched(transport, server.origin, Patience(3.0)) == body
    transport.restore()
