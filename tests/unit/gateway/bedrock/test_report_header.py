"""The report in a header is always JSON and never longer than API Gateway lets through."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipstream.fakes.metrics import MemoryMetrics
from slipstream.gateway.app import create_app
from slipstream.gateway.bedrock.report_header import LIMIT_BYTES, encode
from slipstream.gateway.pipeline import Pipeline
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolve import Resolver
from slipstream.runtime.response_stream import prelude
from tests.unit.gateway.scripted import HELLO, MODEL, ScriptedModels, gateway, post

BASE: dict[str, Any] = {"model": MODEL, "target": f"us.{MODEL}", "tokens": {"input": 7}, "spans_ms": {"parse": 0.1}}


def test_a_report_that_fits_is_told_whole() -> None:
    report = BASE | {"sent": {"stop": ["a", "b"]}, "notes": ["“quoted”"]}
    assert json.loads(encode(report)) == report


def test_long_stop_sequences_are_counted_instead() -> None:
    report = BASE | {"sent": {"max_tokens": 9, "stop": ["x" * 5000] * 4}, "notes": ["n"]}
    told = json.loads(encode(report))
    assert told == report | {"sent": {"max_tokens": 9, "stop": 4}, "truncated": True}


def test_passages_go_before_what_says_how_they_were_found() -> None:
    passages = [{"number": n, "document": "d" * 200} for n in range(40)]
    told = json.loads(encode(BASE | {"rag": {"index": "docs", "supported": True, "passages": passages}}))
    assert told == BASE | {"rag": {"index": "docs", "supported": True}, "truncated": True}


@pytest.mark.parametrize("name", ["model", "notes", "use_case", "cache_points"])
@pytest.mark.parametrize("letter", ["x", "é", "\N{GRINNING FACE}", '"', "\n"])
def test_whatever_is_long_the_header_is_not(name: str, letter: str) -> None:
    text = encode(BASE | {name: letter * 20_000})
    assert len(text) <= LIMIT_BYTES
    assert text.isascii()
    assert json.loads(text)["truncated"] is True


def test_the_limit_itself_is_still_whole() -> None:
    room = LIMIT_BYTES - len(encode(BASE | {"use_case": ""}))
    assert "truncated" not in json.loads(encode(BASE | {"use_case": "x" * room}))
    assert "truncated" in json.loads(encode(BASE | {"use_case": "x" * (room + 1)}))


def test_an_answer_to_long_stop_sequences_can_be_sent_through_the_streaming_loop() -> None:
    body = {
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        "inferenceConfig": {"stopSequences": [str(n) * 5000 for n in range(4)]},
    }
    pipeline = Pipeline(
        resolver=Resolver(), planner=PromptPlanner(), models=ScriptedModels(HELLO), metrics=MemoryMetrics(), region="r"
    )
    request = post("/model/amazon.nova-lite-v1:0/converse", json.dumps(body).encode())
    response = create_app(gateway(pipeline=pipeline))(request)
    assert json.loads(dict(response.headers)["x-slipstream-report"])["sent"]["stop"] == 4
    assert len(prelude(response.status, response.headers)) < 8192
