"""A user's proxy leads to the world; the stack's own servers are on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from local import cdk
from local.first_key import create_first_key
from local.places import ROOT
from local.proxies import past_proxies

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def keys_function() -> Iterator[str]:
    """Answers every invocation as the keys function does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            payload = json.dumps({"statusCode": 201, "body": json.dumps({"key": "sk-slip-first"})}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_first_key_is_made_past_the_users_proxy(keys_function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, NOBODY)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    assert create_first_key(cdk.emulated(os.environ, keys_function), "keys") == "sk-slip-first"


def test_loopback_is_added_to_the_hosts_that_the_user_reaches_without_a_proxy() -> None:
    env = past_proxies({"NO_PROXY": "packages.example, localhost", "http_proxy": NOBODY})

    assert env["NO_PROXY"] == env["no_proxy"] == "packages.example,localhost,127.0.0.1"
    assert env["http_proxy"] == NOBODY


def test_a_launcher_that_fails_unforeseen_says_so_in_one_line_and_where_the_rest_stands(tmp_path: Path) -> None:
    (tmp_path / "certificates").write_text("a file where a folder belongs")

    launcher = subprocess.run(
        [sys.executable, "-m", "local.launcher"],
        cwd=ROOT,
        env={**os.environ, "SLIPSTREAM_LOCAL_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert launcher.returncode == 1
    (line,) = (launcher.stdout + launcher.stderr).splitlines()
    assert line.startswith("error: the launcher itself failed (")
    assert str(tmp_path / "failure.log") in line
    assert "Traceback" in (tmp_path / "failure.log").read_text()
