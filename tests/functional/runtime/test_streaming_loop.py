"""Our loop in a real process, against the local host's Runtime API, over real sockets."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from local.lambda_host import FunctionFailed
from tests.functional.runtime.apps import SNAPSHOT_SEED
from tests.functional.runtime.conftest import Control, Running, event


def test_each_item_arrives_before_the_next_is_made(run: Any, control: Control) -> None:
    async def scenario(running: Running) -> None:
        answer = await running.host.invoke(event("/gated", multiValueQueryStringParameters=control.query))
        peer = await control.accept()
        chunks = aiter(answer)
        for number in range(3):  # the application makes the next only when it is told to
            assert await anext(chunks) == f"data: {number}\n\n".encode()
            peer.send(b".")
        with pytest.raises(StopAsyncIteration):
            await anext(chunks)

    run(scenario)


def test_the_request_reaches_the_application_as_the_client_sent_it(run: Any) -> None:
    async def scenario(running: Running) -> None:
        context = {"requestId": "r-9", "authorizer": {"key_id": "k1", "scopes": "invoke admin", "models": ""}}
        status, body = await running.get(
            "/echo",
            httpMethod="POST",
            multiValueHeaders={"X-Thing": ["a", "b"]},
            requestContext=context,
            body="caf\u00e9",
        )
        seen = json.loads(body)
        assert status == 200
        assert (seen["method"], seen["bytes"], seen["request_id"]) == ("POST", 5, "r-9")
        assert seen["headers"] == {"x-thing": "a, b"}
        assert (seen["key_id"], seen["scopes"]) == ("k1", ["admin", "invoke"])
        assert seen["has_deadline"]
        assert seen["trace"].startswith("Root=1-")

    run(scenario)


def test_no_module_that_makes_a_cold_start_slow_is_imported(run: Any) -> None:
    async def scenario(running: Running) -> None:
        modules = set(json.loads((await running.get("/echo"))[1])["modules"])
        assert not modules & {
            "site",
            "runpy",
            "logging",
            "asyncio",
            "http.client",
            "urllib.parse",
            "email",
            "ssl",
            "botocore",
        }

    run(scenario)


def test_an_answer_without_a_body_still_has_its_status_and_repeated_headers(run: Any) -> None:
    async def scenario(running: Running) -> None:
        answer = await running.host.invoke(event("/headers_twice"))
        assert [chunk async for chunk in answer] == []
        assert answer.status == 204
        assert sorted(answer.headers) == [
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("vary", "accept"),
            ("vary", "origin"),
        ]

    run(scenario)


def test_settling_runs_after_the_last_byte_and_before_the_next_event(run: Any, control: Control) -> None:
    async def scenario(running: Running) -> None:
        status, body = await running.get("/settles", multiValueQueryStringParameters=control.query)
        assert (status, body) == (200, b"onetwo")  # whole, although settling has not ended
        peer = await control.accept()
        second = asyncio.ensure_future(running.get("/echo"))
        assert await asyncio.get_running_loop().sock_recv(peer, 8) == b"settling"
        assert not second.done()
        peer.send(b".")
        assert (await second)[0] == 200

    run(scenario)


def test_an_error_after_the_start_breaks_the_answer_and_spares_the_environment(run: Any) -> None:
    async def scenario(running: Running) -> None:
        before = json.loads((await running.get("/echo"))[1])["pid"]
        answer = await running.host.invoke(event("/breaks"))
        chunks = aiter(answer)
        assert await anext(chunks) == b"data: half\n\n"
        with pytest.raises(FunctionFailed) as failed:
            await anext(chunks)
        assert failed.value.kind == "Runtime.ValueError"
        assert json.loads((await running.get("/echo"))[1])["pid"] == before

    run(scenario)


@pytest.mark.parametrize("path", ["/raises", "/first_item_raises"])
def test_an_error_before_the_start_is_reported_as_a_failed_invocation(run: Any, path: str) -> None:
    async def scenario(running: Running) -> None:
        with pytest.raises(FunctionFailed, match=r"Runtime\.ValueError"):
            await running.host.invoke(event(path))
        assert (await running.get("/echo"))[0] == 200

    run(scenario)


def test_an_error_is_logged_with_its_place_and_without_its_message(run: Any) -> None:
    async def scenario(running: Running) -> None:
        with pytest.raises(FunctionFailed) as failed:
            await running.get("/raises")
        logged = json.loads(await running.line("ValueError"))
        assert logged["requestId"]
        assert any("raises" in place for place in logged["stackTrace"])
        assert "sesame" not in "".join(running.lines) + str(failed.value)

    run(scenario)


def test_an_event_that_is_no_proxy_event_fails_alone(run: Any) -> None:
    async def scenario(running: Running) -> None:
        with pytest.raises(FunctionFailed, match="ValidationError"):
            await running.host.invoke(b'{"detail-type": "Scheduled Event"}')
        assert (await running.get("/echo"))[0] == 200

    run(scenario)


def test_the_restore_hook_runs_once_after_a_snapshot_and_never_without(run: Any) -> None:
    async def scenario(running: Running) -> None:
        expected = 1 if running.host.config.initialization_type == "snap-start" else 0
        assert json.loads((await running.get("/echo"))[1])["restored"] == expected

    run(scenario, initialization_type="snap-start")
    run(scenario)


def test_the_copies_of_a_snapshot_draw_other_random_numbers(run: Any) -> None:
    of_the_snapshot = random.Random(SNAPSHOT_SEED).random()

    async def drawn(running: Running) -> float:
        return float(json.loads((await running.get("/echo"))[1])["drawn"])

    async def never_restored(running: Running) -> None:
        assert await drawn(running) == of_the_snapshot

    async def restored(running: Running) -> None:
        assert await drawn(running) != of_the_snapshot

    run(never_restored)
    run(restored, initialization_type="snap-start")


def test_a_body_of_six_megabytes_of_escapes_arrives_whole(run: Any) -> None:
    async def scenario(running: Running) -> None:
        body = '"' * 3_000_000  # two bytes each as JSON
        assert json.loads((await running.get("/echo", body=body))[1])["bytes"] == 3_000_000

    run(scenario)


def test_a_long_answer_arrives_whole_at_a_slow_reader(run: Any) -> None:
    async def scenario(running: Running) -> None:
        _, body = await running.get("/many")
        assert body == b"x" * 5_000_000

    run(scenario)
