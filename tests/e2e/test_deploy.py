"""The command behind `make deploy`, with its own CDK run, against the emulator instead of an account."""

import json
import os
import subprocess
import sys

import boto3
import pytest

from local import cdk
from local.deployment import context
from local.endpoint import Endpoint
from local.first_key import usable_keys
from local.places import REGION, ROOT, Places


@pytest.fixture
def account(local_stack: Endpoint, local_places: Places) -> dict[str, str]:
    """The environment of somebody whose account is the emulator of the running stack."""
    emulator = json.loads((local_places.folder / "edge.json").read_text())["variables"]["AWS_ENDPOINT_URL"]
    return cdk.emulated(os.environ, emulator) | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'lambdas'}"}


def deploy(env: dict[str, str], settings: tuple[str, ...]) -> str:
    options = [*cdk.context(settings), "--require-approval", "never"]
    command = [sys.executable, "-m", "local.account", "deploy", *options]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_deploying_again_tells_the_addresses_and_makes_no_second_key(
    account: dict[str, str], local_stack: Endpoint
) -> None:
    client = boto3.client(
        "lambda",
        endpoint_url=account["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    told = deploy(account, context(local_stack.opensearch_url))
    outputs = json.loads((ROOT / "build" / "outputs.json").read_text())
    function = outputs["Slipstream-local-Gateway"]["KeysFunction"]
    before = usable_keys(client, function)
    assert before >= 1  # the local stack's own
    assert "sk-slip-" not in told
    assert f"OpenAI's wire   {outputs['Slipstream-local-Gateway']['BaseUrl'].rstrip('/')}/v1" in told
    assert usable_keys(client, function) == before
