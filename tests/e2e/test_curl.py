"""curl, as the block that `make up` prints has it."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from cli.up import blocks
from local.endpoint import Endpoint
from tests.e2e.arrivals import Arrivals

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")


def test_the_printed_block_streams_server_sent_events(local_stack: Endpoint, arrivals: Arrivals) -> None:
    with subprocess.Popen(["sh", "-c", blocks(local_stack)["curl"]], stdout=subprocess.PIPE, text=True) as curl:
        assert curl.stdout is not None
        events = [line for line in arrivals.of(curl.stdout) if line.startswith("data:")]

    assert curl.returncode == 0
    assert events[-1].strip() == "data: [DONE]"
    assert json.loads(events[0][5:])["object"] == "chat.completion.chunk"
    assert arrivals.streamed


def test_the_certificate_is_trusted_with_the_bundle_and_not_without(local_stack: Endpoint) -> None:
    address = f"{local_stack.https_base_url}/healthz"

    trusting = subprocess.run(
        ["curl", "-sS", "--cacert", local_stack.ca_bundle, address], capture_output=True, check=False
    )
    strange = subprocess.run(["curl", "-sS", address], capture_output=True, check=False)

    assert trusting.returncode == 0, trusting.stderr
    assert strange.returncode == 60
