"""The edge as a process of its own, before an API deployed into the real emulator, asked over real sockets."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.functional.runtime import deployed

pytestmark = pytest.mark.skipif(
    not deployed.EMULATOR.exists(), reason="the emulator's environment is not installed: run `make up` once"
)
GOOD = {"Authorization": "Bearer good"}


@dataclass(frozen=True)
class Front:
    http_port: int
    https_port: int
    ca: trustme.CA
    log: Path

    def ask(self, path: str, *, method: str = "GET", headers: Any = GOOD, body: Any = None) -> tuple[Any, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            with connection.getresponse() as reply:
                return reply, reply.read()
        finally:
            connection.close()

    def echo(self, path: str = "/v1/echo", **request: Any) -> dict[str, Any]:
        reply, body = self.ask(path, **request)
        assert reply.status == 200, body
        seen: dict[str, Any] = json.loads(body)
        return seen


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, task_root: Path) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("stack")
    ca = trustme.CA()
    certificate = ca.issue_cert("localhost")
    (folder / "edge.key").write_bytes(certificate.private_key_pem.bytes())
    (folder / "edge.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    with deployed.emulator(folder) as url:
        api_id = deployed.deploy(url, task_root)
        tls = {"https_port": 0, "certificate": str(folder / "edge.pem"), "private_key": str(folder / "edge.key")}
        config = deployed.edge_config(folder, url, api_id, **tls)
        command = [sys.executable, "-m", "local.edge", "--config", str(config)]
        with deployed.started(command, dict(os.environ), folder / "edge.log") as process:
            ready = folder / "ready.json"
            deployed.wait_for(process, ready.exists)
            ports = json.loads(ready.read_text())
            yield Front(ports["http_port"], ports["https_port"], ca, folder / "edge.log")


@pytest.fixture
def control() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        yield listener


def streaming(front: Front, path: str, control: socket.socket) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", front.http_port, timeout=20)
    connection.request("GET", f"{path}?control={control.getsockname()[1]}", headers=GOOD)
    return connection


def test_each_piece_reaches_the_client_before_the_function_makes_the_next(front: Front, control: socket.socket) -> None:
    connection = streaming(front, "/v1/gated", control)
    peer, _ = control.accept()
    with peer, connection.getresponse() as reply:
        for number in range(3):
            assert reply.read1() == f"data: {number}\n\n".encode()
            peer.send(b".")
        assert reply.read() == b""
    connection.close()


def test_a_client_that_hangs_up_ends_the_functions_work(front: Front, control: socket.socket) -> None:
    connection = streaming(front, "/v1/watches", control)
    peer, _ = control.accept()
    with peer:
        reply = connection.getresponse()
        assert reply.read1() == b"data: begun\n\n"
        reply.close()
        connection.close()
        assert peer.recv(20) == b"gone"


def test_a_broken_answer_never_looks_whole(front: Front) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", front.http_port, timeout=20)
    connection.request("GET", "/v1/breaks", headers=GOOD)
    with connection.getresponse() as reply, pytest.raises(http.client.IncompleteRead):
        reply.read()
    connection.close()


def test_a_crash_is_a_502_and_the_next_request_is_served(front: Front) -> None:
    reply, _ = front.ask("/v1/crashes")
    assert reply.status == 502
    assert front.echo()["method"] == "GET"
    assert "about to fall over" in front.log.read_text()


def test_a_request_without_a_key_gets_the_configured_401(front: Front) -> None:
    reply, body = front.ask("/v1/echo", headers={})
    assert (reply.status, reply.getheader("x-amzn-ErrorType")) == (401, "Unauthorized")
    assert json.loads(body) == {"message": "Unauthorized", "error": {"message": "Unauthorized"}}


@pytest.mark.parametrize(("key", "status"), [("unknown", 401), ("denied", 403)])
def test_a_key_that_the_authorizer_turns_away_gets_its_status(front: Front, key: str, status: int) -> None:
    reply, body = front.ask("/v1/echo", headers={"Authorization": f"Bearer {key}"})
    assert reply.status == status
    assert json.loads(body)["error"]["message"] == json.loads(body)["message"]


def test_the_authorizer_is_asked_once_until_its_cache_is_flushed(front: Front) -> None:
    first, second = front.echo()["key_id"], front.echo()["key_id"]
    assert first == second
    front.ask("/__edge/flush-authorizer-cache", method="POST")
    assert front.echo()["key_id"] != first


def test_a_successful_write_to_a_buffered_route_flushes_the_authorizers_cache(front: Front) -> None:
    first = front.echo()["key_id"]
    reply, body = front.ask("/v1/keys", method="DELETE")
    assert (reply.status, reply.getheader("x-from"), body) == (200, "emulator", b"/v1/keys")
    assert front.echo()["key_id"] != first


def test_an_open_route_has_no_principal(front: Front) -> None:
    seen = front.echo("/echo", headers={})
    assert (seen["key_id"], seen["scopes"]) == ("anonymous", [])


@pytest.mark.parametrize("path", ["/v1/a%2Fb%3Ac/echo", "/test/v1/a%2Fb%3Ac/echo"])
def test_the_path_stays_percent_encoded_with_and_without_the_stage(front: Front, path: str) -> None:
    assert front.echo(path)["path"] == "/v1/a%2Fb%3Ac/echo"


def test_an_unknown_route_is_told_in_the_configured_words(front: Front) -> None:
    reply, body = front.ask("/nowhere")
    assert reply.status == 404
    assert json.loads(body)["error"]["message"] == "Missing Authentication Token"


@pytest.mark.parametrize("body", [b"x" * (10 * 2**20 + 1), b'"' * (3 * 2**20 + 1)])
def test_a_body_over_a_limit_is_a_413_even_when_only_its_escapes_are(front: Front, body: bytes) -> None:
    reply, answer = front.ask("/v1/echo", method="POST", body=body)
    assert reply.status == 413
    assert "bytes" in json.loads(answer)["message"]


def test_a_body_just_within_the_limits_arrives_whole(front: Front) -> None:
    assert front.echo(method="POST", body=b'"' * 3_000_000)["bytes"] == 3_000_000


def test_tls_is_served_under_the_given_certificate(front: Front) -> None:
    context = ssl.create_default_context()
    front.ca.configure_trust(context)
    connection = http.client.HTTPSConnection("localhost", front.https_port, timeout=20, context=context)
    connection.request("GET", "/v1/echo", headers=GOOD)
    with connection.getresponse() as reply:
        assert reply.status == 200
    connection.close()


def test_a_head_request_has_headers_and_no_body(front: Front) -> None:
    reply, body = front.ask("/v1/echo", method="HEAD")
    assert (reply.status, body) == (200, b"")


def test_a_configuration_with_an_unknown_field_is_refused_by_name(tmp_path: Path) -> None:
    path = deployed.edge_config(tmp_path, "http://127.0.0.1:1", "api", colour="red")
    command = [sys.executable, "-m", "local.edge", "--config", str(path)]
    done = subprocess.run(command, cwd=deployed.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "colour" in done.stderr
