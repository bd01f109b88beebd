"""What the local host does when functions misbehave and clients leave."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from local.lambda_host import FunctionFailed, HostConfig
from tests.contract.upstream.calls import HELLO, STARTED
from tests.functional.runtime.conftest import Control, Running, event


def test_a_hang_up_ends_the_upstream_call_and_the_environment_serves_on(run: Any, control: Control) -> None:
    async def scenario(running: Running) -> None:
        answer = await running.host.invoke(event("/watches", multiValueQueryStringParameters=control.query))
        peer = await control.accept()
        assert await anext(aiter(answer)) == b"data: begun\n\n"
        answer.abandon()
        assert await asyncio.get_running_loop().sock_recv(peer, 20) == b"gone"
        assert (await running.get("/echo"))[0] == 200
        assert len(running.host.environments) == 1

    run(scenario)


def test_a_caller_that_leaves_before_the_answer_begins_frees_its_place(run: Any, control: Control) -> None:
    async def scenario(running: Running) -> None:
        call = asyncio.ensure_future(
            running.host.invoke(event("/hangs", multiValueQueryStringParameters=control.query))
        )
        peer = await control.accept()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        peer.send(b".")
        assert (await running.get("/echo"))[0] == 200

    run(scenario)


def test_a_crashed_environment_fails_its_request_with_its_last_lines_and_is_replaced(run: Any) -> None:
    async def scenario(running: Running) -> None:
        first = json.loads((await running.get("/echo"))[1])["pid"]
        with pytest.raises(FunctionFailed) as failed:
            await running.get("/crashes")
        assert failed.value.kind == "Runtime.ExitError"
        assert "status 3" in failed.value.detail
        assert failed.value.log_tail[-1] == "about to fall over"
        assert json.loads((await running.get("/echo"))[1])["pid"] != first

    run(scenario)


def test_a_crash_in_mid_stream_breaks_the_answer(run: Any) -> None:
    async def scenario(running: Running) -> None:
        answer = await running.host.invoke(event("/crashes_midway"))
        chunks = aiter(answer)
        assert await anext(chunks) == b"data: half\n\n"
        with pytest.raises(FunctionFailed):
            await anext(chunks)

    run(scenario)


def test_a_run_over_its_time_limit_is_ended(run: Any, control: Control) -> None:
    async def scenario(running: Running) -> None:
        with pytest.raises(FunctionFailed, match=r"Task timed out after 0\.20 seconds"):
            await running.get("/hangs", multiValueQueryStringParameters=control.query)

    run(scenario, timeout_s=0.2)


def test_a_stalled_model_ends_the_stream_with_an_error_and_its_metrics_before_the_time_limit(
    run: Any, config: HostConfig, control: Control
) -> None:
    async def scenario(running: Running) -> None:
        body = {"model": "fast", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        asked = event(
            "/v1/chat/completions",
            httpMethod="POST",
            multiValueHeaders={"content-type": ["application/json"]},
            requestContext={"requestId": "r-1", "authorizer": {"key_id": "k", "scopes": "invoke"}},
            body=json.dumps(body),
        )
        answer = asyncio.ensure_future(running.host.invoke(asked))
        peer = await control.accept()
        started = STARTED + HELLO
        head = b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(peer, head + started)
        *_, last = [line async for line in await answer]
        assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "upstream_timeout"
        await running.line('"outcome":"upstream_timeout"')

    port = control.listener.getsockname()[1]
    environment = {
        **config.environment,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"http://127.0.0.1:{port}",
    }
    run(scenario, handler="handlers.chat.build", environment=environment, timeout_s=4.0)


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        ("missing.app", "Runtime.ImportModuleError"),
        ("apps.missing", "Runtime.HandlerNotFound"),
        ("apps.SSE", "Runtime.TypeError"),
    ],
)
def test_a_function_that_cannot_start_says_why(run: Any, handler: str, kind: str) -> None:
    async def scenario(running: Running) -> None:
        with pytest.raises(FunctionFailed) as failed:
            await running.get("/echo")
        assert failed.value.kind == kind
        assert "stackTrace" in failed.value.log_tail[-1]

    run(scenario, handler=handler)


def test_a_wrapper_that_does_not_exist_is_named(run: Any) -> None:
    async def scenario(running: Running) -> None:
        with pytest.raises(FunctionFailed, match=r"nowhere\.sh"):
            await running.get("/echo")

    run(scenario, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/nowhere.sh"})


def test_requests_beyond_the_limit_wait_their_turn(run: Any) -> None:
    async def scenario(running: Running) -> None:
        answers = await asyncio.gather(*(running.get("/echo") for _ in range(6)))
        assert {status for status, _ in answers} == {200}
        assert len({json.loads(body)["pid"] for _, body in answers}) <= 2
        assert len(running.host.environments) <= 2

    run(scenario, max_environments=2)


def test_the_function_sees_nothing_of_the_hosts_own_environment(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "of the host")

    async def scenario(running: Running) -> None:
        assert "of the host" not in json.loads((await running.get("/echo"))[1])["trace"]

    run(scenario)
