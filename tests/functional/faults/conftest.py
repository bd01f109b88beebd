"""The threaded host over the local model service, each in its own process, and the clients that people use."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import openai
import pytest
import trustme
from botocore.config import Config

from bench.overhead import gateway_environ
from bench.processes import Running, running

T = TypeVar("T")
NOVA, GPT, CLAUDE = "us.amazon.nova-lite-v1:0", "openai.gpt-5.5", "us.anthropic.claude-sonnet-4-6"
PACE = ["--first-token-ms", "1", "--token-ms", "1", "--output-tokens", "20"]
DOUBLE = [sys.executable, "-m", "local.bedrock", *PACE]
SERVE = [sys.executable, "-m", "slipstream.runtime.serve"]
HEARTBEAT_S = 0.1
HI: list[Any] = [{"role": "user", "content": "The tower is 330 metres tall. How tall is the tower?"}]
HI_CONVERSE: list[Any] = [{"role": "user", "content": [{"text": HI[0]["content"]}]}]
FOREVER_MS = 600_000
WITHIN_S = 10.0


def eventually(probe: Callable[[], T]) -> T:
    """What ``probe`` returns once that is true; asked again and again until then."""
    until_s = time.monotonic() + WITHIN_S
    pause = threading.Event()
    while not (found := probe()):
        assert time.monotonic() < until_s, f"not within {WITHIN_S} s"
        pause.wait(0.01)
    return found


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """OpenAI's error object."""
        return dict(json.loads(self.body)["error"])

    @property
    def message(self) -> str:
        """The message, on whichever wire."""
        told = json.loads(self.body)
        return str(told.get("message") or told["error"]["message"])


@dataclass(frozen=True)
class Host:
    """A gateway process, and what it wrote."""

    running: Running

    @property
    def port(self) -> int:
        return self.running.port

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("POST", path, raw, {"content-type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return Reply(response.status, dict(response.headers), response.read())

    def chat(self, *, model: str = NOVA, **fields: Any) -> Reply:
        return self.post("/v1/chat/completions", {"model": model, "messages": HI, **fields})

    def converse(self, *, model: str = NOVA, operation: str = "converse", **fields: Any) -> Reply:
        return self.post(f"/model/{model}/{operation}", {"messages": HI_CONVERSE, **fields})

    def logged(self) -> str:
        return self.running.log.read_text(errors="replace")

    def metrics(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first line of metrics like that; they come after the last byte."""

        def probe() -> dict[str, Any] | None:
            lines = [line for line in self.logged().splitlines() if line.startswith('{"_aws"') and line.endswith("}")]
            return next((found for line in lines if wanted(found := json.loads(line))), None)

        return eventually(probe)  # type: ignore[return-value]

    def metrics_of(self, reply: Reply) -> dict[str, Any]:
        return self.metrics(lambda line: line.get("request_id") == reply.headers["x-request-id"])


@dataclass(frozen=True)
class Double:
    """The model service's control endpoint."""

    port: int

    def control(self, path: str, body: Any = None) -> dict[str, Any]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            raw = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", f"/__double/{path}", raw)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            return dict(json.loads(response.read()))

    def arm(self, kind: str, **fields: Any) -> None:
        """Have the next call go wrong (``times`` of them; 0: all until the test's end)."""
        self.control("faults", {"kind": kind, **fields})

    def calls(self, operation: str | None = None) -> int:
        """Model calls since the test began, of all operations or of one."""
        calls = self.control("stats")["calls"]
        return int(sum(calls.values()) if operation is None else calls.get(operation, 0))

    def aborted(self) -> int:
        return int(self.control("stats")["aborted_streams"])


@dataclass(frozen=True)
class Stack:
    double_port: int
    host: Host
    secure: Host
    ca: Path
    double_log: Path


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("faults")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    leaf = authority.issue_cert("localhost")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "chain.pem").write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
    tls = ["--certificate", str(folder / "chain.pem"), "--private-key", str(folder / "key.pem")]
    with ExitStack() as parts:
        double = parts.enter_context(running(DOUBLE, environ={}, folder=folder, name="double"))
        environ = environ_over(double.port)
        host = parts.enter_context(running(SERVE, environ=environ, folder=folder, name="host"))
        secure = parts.enter_context(running([*SERVE, *tls], environ=environ, folder=folder, name="secure"))
        yield Stack(double.port, Host(host), Host(secure), folder / "ca.pem", double.log)


def environ_over(double_port: int) -> dict[str, str]:
    """A host's environment; its model service is the double."""
    return gateway_environ(double_port) | {
        "SLIPSTREAM_HEARTBEAT_S": str(HEARTBEAT_S),
    }


@pytest.fixture
def host(stack: Stack) -> Host:
    return stack.host


@pytest.fixture
def double(stack: Stack) -> Iterator[Double]:
    control = Double(stack.double_port)
    control.control("reset", {})
    yield control
    control.control("reset", {})


@pytest.fixture
def sdk(stack: Stack) -> Iterator[openai.OpenAI]:
    """The OpenAI SDK, without repeats of its own."""
    base_url = f"http://127.0.0.1:{stack.host.port}/v1"
    with openai.OpenAI(base_url=base_url, api_key="sk-slip-any", max_retries=0) as client:
        yield client


@pytest.fixture
def boto(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """boto3 with a bearer key over TLS, without repeats of its own."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "sk-slip-any")
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=f"https://localhost:{stack.secure.port}",
        region_name="us-east-1",
        verify=str(stack.ca),
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()


@pytest.fixture(scope="module")
def dead_port() -> Iterator[int]:
    """A port that nobody listens on, and nobody else can take meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
