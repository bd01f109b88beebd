"""Parameters under the names by which their callers know them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipstream.errors import InvalidRequest
from slipstream.fakes.metrics import MemoryMetrics
from slipstream.fakes.model import ScriptedModels
from slipstream.gateway.app import create_app
from slipstream.gateway.bedrock.errors import NAMES
from slipstream.gateway.naming import renamed
from slipstream.gateway.pipeline import Pipeline
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolve import Resolver
from tests.unit.gateway.scripted import drain, gateway, post

NOVA, HAIKU = "us.amazon.nova-lite-v1:0", "us.anthropic.claude-haiku-4-5-20251001-v1:0"
HI = [{"role": "user", "content": "hi"}]
HI_CONVERSE = [{"role": "user", "content": [{"text": "hi"}]}]


def refused(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The error of a gateway with the real catalogue."""
    resolver = Resolver()
    pipeline = Pipeline(
        resolver=resolver, planner=PromptPlanner(), models=ScriptedModels(), metrics=MemoryMetrics(), region="us-east-1"
    )
    response = create_app(gateway(pipeline=pipeline, resolver=resolver))(post(path, json.dumps(body).encode()))
    assert response.status == 400
    return dict(json.loads(drain(response)))


def chat(**fields: Any) -> dict[str, Any]:
    return dict(refused("/v1/chat/completions", {"model": NOVA, "messages": HI, **fields})["error"])


def converse(model: str = NOVA, **fields: Any) -> str:
    return str(refused(f"/model/{model}/converse", {"messages": HI_CONVERSE, **fields})["message"])


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_openais_callers_read_the_name_that_they_sent(name: str) -> None:
    error = chat(**{name: 10**6})
    assert error["param"] == name
    assert error["message"].startswith(f"{name} is 1000000, but ")


def test_a_prompt_that_holds_the_other_name_changes_nothing() -> None:
    said = [{"role": "user", "content": 'what is "max_completion_tokens": 5?'}]
    assert chat(messages=said, max_tokens=10**6)["param"] == "max_tokens"
    assert chat(max_tokens=10**6, max_completion_tokens=None)["param"] == "max_tokens"


def test_other_parameters_keep_openais_names() -> None:
    error = chat(temperature=1.7, max_completion_tokens=5)
    assert (error["param"], error["message"].split()[0]) == ("temperature", "temperature")


def test_bedrocks_callers_read_converses_names() -> None:
    assert converse(inferenceConfig={"maxTokens": 10**6}).startswith("inferenceConfig.maxTokens is 1000000, but ")


def test_where_the_text_does_not_name_it_the_field_stands_behind_it() -> None:
    tool = {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}
    told = converse("mistral.mistral-7b-instruct-v0:2", toolConfig={"tools": [tool]})
    assert told.endswith("(field: toolConfig.tools)")


@pytest.mark.parametrize("operation", ["converse", "invoke"])
def test_a_model_is_a_model_id_there(operation: str) -> None:
    response = create_app(gateway())(post(f"/model/nonsense/{operation}"))
    assert json.loads(drain(response))["message"].endswith("(field: modelId)")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "stop has 9 sequences, but m takes at most 4",
            "inferenceConfig.stopSequences has 9 sequences, but m takes at most 4",
        ),
        (
            "m takes no stop sequences: leave 'stop' out",
            "m takes no stop sequences: leave 'inferenceConfig.stopSequences' out",
        ),
        ("stop_it is no name, nor is 'stop[0]'", "stop_it is no name, nor is 'stop[0]'"),
    ],
)
def test_only_the_name_itself_is_changed_in_a_text(message: str, expected: str) -> None:
    assert renamed(InvalidRequest(message, param="stop"), NAMES).message == expected


def test_an_error_about_something_else_stays_as_it_is() -> None:
    error = renamed(InvalidRequest("stop is fine", param="messages[0]"), NAMES)
    assert (error.message, error.param) == ("stop is fine", "messages[0]")
