from __future__ import annotations

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
def bedrock_url() -> Iterator[str]:
    """The local Bedrock server as users start it; it verifies each signature."""
    command = [sys.executable, "-u", "-m", "local.bedrock", "--port", "0"]
    command += ["--first-token-ms", "0", "--token-ms", "0", "--require-auth", "--check-signatures"]
    root = Path(__file__).parents[3]
    environ = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'lambdas'}"}
    with subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().decode().strip().rpartition(" ")[2]  # it says where once it listens
            assert url.startswith("http://127.0.0.1:"), url
            reading = threading.Thread(target=process.stdout.read, daemon=True)  # so that it never waits for a reader
            reading.start()
            yield url
        finally:
            process.terminate()
            process.wait(10)
        reading.join(5)
