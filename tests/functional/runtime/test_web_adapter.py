"""The Web Adapter's variant: run.sh out of the built bundle, asked as the adapter asks it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from bench import cold_start
from bench.web_adapter import behind_web_adapter
from local.lambda_host import HostConfig
from stacks.constructs.bundle import Bundle
from stacks.constructs.target import Target
from tests.functional.runtime.deployed import answers, free_port, wait_for

CONTEXT = "x-amzn-request-context"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    bundle = Bundle("chat", Target.local()).build()
    path = tmp_path_factory.mktemp("path")
    (path / "python3").symlink_to(Path(sys.executable).resolve())
    chosen = free_port()
    env = {
        "PATH": f"{path}{os.pathsep}{os.defpath}",
        "LAMBDA_TASK_ROOT": str(bundle),
        "AWS_LWA_PORT": str(chosen),
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
    }
    with subprocess.Popen([bundle / "run.sh"], env=env, cwd=path) as process:
        try:
            wait_for(process, lambda: answers(chosen))
            yield chosen
        finally:
            process.terminate()


def ask(port: int, method: str, path: str, headers: dict[str, str], body: str | None = None) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, {"content-type": "application/json", **headers})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def context(**authorizer: str) -> dict[str, str]:
    """What the adapter hands on of API Gateway's event."""
    return {CONTEXT: json.dumps({"requestId": "r-1", "authorizer": {"key_id": "k", "tenant": "t", **authorizer}})}


def test_the_adapters_readiness_check_is_answered(port: int) -> None:
    assert ask(port, "GET", "/healthz", {})[0] == 200


def test_the_caller_is_who_the_request_context_says(port: int) -> None:
    # A key that no authorizer has checked says nothing here: API Gateway refuses it before the function runs.
    assert ask(port, "GET", "/v1/models", {"authorization": "Bearer sk-slip-whatever"})[0] == 403
    assert ask(port, "GET", "/v1/models", context(scopes="invoke", models=""))[0] == 200


def test_a_twin_of_the_request_context_gives_no_rights(port: int) -> None:
    forged = json.dumps({"authorizer": {"key_id": "k", "scopes": "invoke admin"}})
    status, body = ask(port, "GET", "/v1/models", {"x_amzn_request_context": forged})
    assert (status, "invoke" in body) == (403, True)


def test_a_request_context_that_cannot_be_read_is_nobodys(port: int) -> None:
    status, body = ask(port, "GET", "/v1/models", {CONTEXT: "{"})
    assert (status, "API Gateway" in body) == (401, True)


def test_the_keys_own_list_of_models_holds(port: int) -> None:
    body = json.dumps({"model": "best", "messages": [{"role": "user", "content": "x"}]})
    status, told = ask(port, "POST", "/v1/chat/completions", context(scopes="invoke", models="amazon.*"), body)
    assert (status, json.loads(told)["error"]["type"]) == (403, "permission_error")


def test_the_cold_start_bench_measures_an_adapter_that_is_given_and_then_quotes_no_record() -> None:
    adapter = Path(__file__).with_name("stand_in_adapter.py")

    runtimes = cold_start.run(rounds=1, web_adapter=adapter)["runtimes"]

    measured = runtimes[f"web adapter ({adapter.name})"]
    assert measured["samples"] == 1
    assert measured["first_byte_ms"]["p50"] > measured["init_ms"]["p50"] > 0
    assert not any("recorded" in name for name in runtimes)


def test_an_adapter_that_cannot_be_run_is_refused_with_what_to_do(tmp_path: Path) -> None:
    adapter = tmp_path / "lambda-adapter"
    adapter.write_bytes(b"")

    with pytest.raises(PermissionError, match=r"chmod \+x"):
        behind_web_adapter(HostConfig(task_root=tmp_path, handler="x"), adapter, tmp_path)
