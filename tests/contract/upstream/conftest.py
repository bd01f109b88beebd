from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipstream.aws.transport import Transport
from tests.contract.upstream.tiny_server import Caller, TinyServer


@pytest.fixture
def server() -> Iterator[TinyServer]:
    tiny = TinyServer()
    yield tiny
    tiny.close()


@pytest.fixture
def transport() -> Iterator[Transport]:
    pool = Transport()
    yield pool
    pool.restore()


@pytest.fixture
def caller() -> Iterator[Caller]:
    line = Caller()
    yield line
    line.close()


@pytest.fixture(scope="session")
def bedrock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The local Bedrock server as users start it; it verifies each signature."""
    port_file = tmp_path_factory.mktemp("bedrock") / "port.json"
    command = [sys.executable, "-u", "-m", "local.bedrock", "--port", "0", "--port-file", str(port_file)]
    command += ["--first-token-ms", "0", "--token-ms", "0", "--require-auth", "--check-signatures"]
    root = Path(__file__).parents[3]
    environ = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'lambdas'}"}
    with subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it speaks once it listens
        reading = threading.Thread(target=process.stdout.read, daemon=True)  # so that it never waits for a reader
        reading.start()
        yield f"http://127.0.0.1:{json.loads(port_file.read_text())['port']}"
        process.terminate()
        process.wait(10)
        reading.join(5)
