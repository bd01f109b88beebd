"""The program itself: ports, port file, TLS, options, bad requests on the wire."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner

from cli.bedrock import bedrock
from tests.contract.bedrock.running import Running

NOVA = "/model/amazon.nova-lite-v1%3A0/converse"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, int], Path]]:
    folder = tmp_path_factory.mktemp("program")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for index, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(str(folder / "cert.pem"), append=index > 0)
    arguments = ["--port", "0", "--port-file", str(folder / "ports"), "--tls-port", "0", "--first-token-ms", "0"]
    arguments += ["--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem"), "--token-ms", "0"]
    command = [sys.executable, "-m", "local.bedrock", *arguments, "--profile", "team=amazon.nova-lite-v1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Local Bedrock: http://127.0.0.1:")
        assert process.stdout.readline().startswith("Local Bedrock: https://127.0.0.1:")
        while not (folder / "ports").exists():
            assert process.poll() is None
        yield json.loads((folder / "ports").read_text()), folder
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_it_serves_http_and_https_and_names_both_ports(program: tuple[dict[str, int], Path]) -> None:
    ports, folder = program
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    for url, tls in ((f"http://127.0.0.1:{ports['port']}", None), (f"https://localhost:{ports['tls_port']}", context)):
        with urllib.request.urlopen(url + "/__double/health", context=tls, timeout=10) as answer:
            assert json.loads(answer.read()) == {"status": "ok"}


def test_a_profile_from_the_command_line_exists(program: tuple[dict[str, int], Path]) -> None:
    url = f"http://127.0.0.1:{program[0]['port']}/inference-profiles/team"
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert json.loads(answer.read())["type"] == "APPLICATION"


@pytest.mark.parametrize("arguments", [["--tls-port", "0"], ["--profile", "nameonly"], ["--token-ms", "-1"]])
def test_wrong_options_are_refused_before_anything_starts(arguments: list[str]) -> None:
    assert CliRunner().invoke(bedrock, arguments).exit_code == 2


@pytest.mark.parametrize(
    ("path", "body", "status", "kind"),
    [
        (NOVA, b"{", 400, "SerializationException"),
        (NOVA, b"[]", 400, "SerializationException"),
        (NOVA, b'{"messages":"Hi"}', 400, "SerializationException"),
        (NOVA, b'{"messages":[]}', 400, "ValidationException"),
        (NOVA, b'{"messages":[{"role":"assistant","content":[{"text":"Hi"}]}]}', 400, "ValidationException"),
        (NOVA, b'{"messages":[{"role":"user","content":[]}]}', 400, "ValidationException"),
        (NOVA, b'{"messages":[{"role":"user","content":[{"text":" "}]}]}', 400, "ValidationException"),
        ("/model/x/dance", b"{}", 404, "UnknownOperationException"),
        ("/nowhere", b"{}", 404, "UnknownOperationException"),
    ],
)
def test_bad_requests_get_bedrocks_errors(server: Running, path: str, body: bytes, status: int, kind: str) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == status
    assert (answer.getheader("x-amzn-ErrorType") or "").startswith(kind)
    assert json.loads(answer.read())["message"]
    connection.close()


@pytest.mark.parametrize("path", ["/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2F{}/converse",
                                  "/model/arn:aws:bedrock:us-east-1::foundation-model/{}/converse"])  # fmt: skip
def test_an_arn_may_come_encoded_or_not(server: Running, path: str) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(
        "POST", path.format("amazon.nova-lite-v1:0"), b'{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}'
    )
    assert connection.getresponse().status == 200
    connection.close()


def test_statistics_hold_digests_and_no_prompt(server: Running) -> None:
    secret = "a-very-private-question"
    client = server.boto()
    client.converse(modelId="amazon.nova-lite-v1:0", messages=[{"role": "user", "content": [{"text": secret}]}])
    stats = server.control("stats")
    assert stats["calls"] == {"Converse": 1}
    assert len(stats["last"][0]["body_blake2b"]) == 64
    assert secret not in json.dumps(stats)


@pytest.mark.parametrize("arguments", [("--host", "300.1.1.1", "--port", "0"), ("--port", "BUSY")])
def test_an_address_that_cannot_be_listened_on_is_told_in_one_line(arguments: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy = str(other.getsockname()[1])
        words = [busy if word == "BUSY" else word for word in arguments]
        ended = subprocess.run(
            [sys.executable, "-m", "local.bedrock", *words], capture_output=True, text=True, check=False
        )

    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("Error: cannot listen on")


def test_a_port_beyond_the_last_one_is_refused_with_the_range() -> None:
    assert "0<=x<=65535" in CliRunner().invoke(bedrock, ["--port", "99999"]).output
