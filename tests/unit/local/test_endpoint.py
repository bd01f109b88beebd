from __future__ import annotations

import json
import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local import endpoint
from local.authority import certificates
from local.endpoint import Endpoint

FOUND = Endpoint("http://127.0.0.1:1", "https://localhost:2", "/ca.pem", "http://127.0.0.1:1/v1", "sk-slip-x", "m")


def test_the_endpoint_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "endpoint.json"

    FOUND.write(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert endpoint.read(path) == FOUND


def test_an_endpoint_file_that_others_could_read_is_replaced_by_one_that_they_cannot(tmp_path: Path) -> None:
    path = tmp_path / "endpoint.json"
    path.write_text("{}")
    path.chmod(0o644)

    FOUND.write(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_incomplete_endpoint_file_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "endpoint.json"
    path.write_text(json.dumps({"base_url": "http://127.0.0.1:1"}))

    with pytest.raises(ValueError, match="https_base_url, ca_bundle"):
        endpoint.read(path)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_client_that_trusts_the_authority_can_speak_tls_with_the_server(tmp_path: Path, name: str) -> None:
    files = certificates(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(files.certificate, files.key)
    client = ssl.create_default_context(cafile=str(files.ca_bundle))
    left, right = socket.socketpair()

    def answer() -> None:
        with server.wrap_socket(left, server_side=True) as line:
            line.sendall(line.recv(5))

    thread = threading.Thread(target=answer)
    thread.start()
    with client.wrap_socket(right, server_hostname=name) as line:
        line.sendall(b"hello")
        echoed = line.recv(5)
    thread.join()

    assert echoed == b"hello"
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600


def test_the_authority_is_made_once(tmp_path: Path) -> None:
    first = certificates(tmp_path).ca_bundle.read_bytes()

    assert certificates(tmp_path).ca_bundle.read_bytes() == first


def test_certificates_near_their_end_are_made_anew(tmp_path: Path) -> None:
    first = certificates(tmp_path).ca_bundle.read_bytes()
    (tmp_path / "valid-until").write_text((datetime.now(UTC) + timedelta(days=3)).isoformat())

    assert certificates(tmp_path).ca_bundle.read_bytes() != first
