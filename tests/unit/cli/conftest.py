from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main

REPORT = {
    "model": "amazon.nova-lite-v1:0",
    "tokens": {"input": 9_000, "cached": 8_000, "cache_written": 0, "output": 2},
    "cost_usd": 0.000123,
    "saved_usd": 0.000456,
    "spans_ms": {"parse": 0.2, "resolve": 0.1, "plan": 0.3, "connect": 1.0, "bedrock_wait": 50.0, "stream": 200.0},
    "notes": ["seed has no effect"],
}


@dataclass
class Gateway:
    """A gateway that answers each request with what it was told to, over a real socket, and keeps what it was asked."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    url: str = ""

    def streams(self, *pieces: str, report: dict[str, Any] | None = REPORT, whole: bool = True) -> None:
        chunks: list[Any] = [{"choices": [{"delta": {"content": piece}, "finish_reason": None}]} for piece in pieces]
        chunks.append({"choices": [{"delta": {}, "finish_reason": "stop"}], "slipstream": report})
        events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        self.body = "".join([": ping\n\n", *events, *(["data: [DONE]\n\n"] if whole else [])]).encode()

    def refuses(self, status: int, error: dict[str, Any], **headers: str) -> None:
        self.status, self.body, self.headers = status, json.dumps({"error": error}).encode(), headers

    def returns(self, payload: Any) -> None:
        self.body = json.dumps(payload).encode()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    told = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            told.asked.append((self.command, self.path, json.loads(raw) if raw else None))
            told.keys.append(self.headers.get("authorization"))
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815  the base class looks these up

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield told
        server.shutdown()


@dataclass(frozen=True)
class Shell:
    """Runs the command line in an empty folder, without the caller's environment."""

    folder: Path
    env: dict[str, str | None]

    def run(self, *arguments: str, **env: str) -> Result:
        return CliRunner().invoke(main, arguments, env={**self.env, **env}, prog_name="slipstream")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    nothing = dict.fromkeys(("SLIPSTREAM_BASE_URL", "SLIPSTREAM_API_KEY"))
    width = {"COLUMNS": "120"}  # else that of the terminal the tests run in
    return Shell(tmp_path, {**nothing, **width, "SLIPSTREAM_LOCAL_DIR": str(tmp_path / "local")})


@pytest.fixture
def online(shell: Shell, gateway: Gateway) -> Shell:
    """A shell whose environment names the gateway."""
    return Shell(shell.folder, {**shell.env, "SLIPSTREAM_BASE_URL": gateway.url, "SLIPSTREAM_API_KEY": "sk-slip-k"})
