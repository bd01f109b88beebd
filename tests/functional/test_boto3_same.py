"""boto3 cannot tell the gateway from Bedrock: the same calls to the local Bedrock server, direct and through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from local.bedrock.settings import Settings
from slipstream.runtime.settings import read_settings
from slipstream.runtime.wiring import build
from slipstream.runtime.wsgi import wsgi_app
from slipstream.runtime.wsgi_server import Server
from tests.contract.bedrock.running import QUICK, Running

CLAUDE, NOVA = "us.anthropic.claude-sonnet-4-6", "us.amazon.nova-lite-v1:0"
HI = [{"role": "user", "content": [{"text": "Which city is the capital of France? Paris is its capital."}]}]
TOOL = {"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object", "properties": {"city": {
    "type": "string"}}, "required": ["city"]}}}}  # fmt: skip
CALLS: dict[str, dict[str, Any]] = {
    "text": {"messages": HI, "inferenceConfig": {"maxTokens": 200}},
    "cut short": {"messages": HI, "inferenceConfig": {"maxTokens": 3}},
    "system and settings": {
        "messages": HI,
        "system": [{"text": "Be brief."}],
        "inferenceConfig": {"maxTokens": 200, "temperature": 0.2, "stopSequences": ["zzz"]},
        "requestMetadata": {"team": "a"},
    },
    "a forced tool": {
        "messages": [{"role": "user", "content": [{"text": "Weather in Bonn?"}]}],
        "inferenceConfig": {"maxTokens": 200},
        "toolConfig": {"tools": [TOOL], "toolChoice": {"tool": {"name": "weather"}}},
    },
}


@pytest.fixture(scope="module")
def bedrock() -> Iterator[Running]:
    with Running(Settings(**QUICK)) as server:
        yield server


@pytest.fixture
def direct(bedrock: Running) -> Any:
    bedrock.control("reset", {})
    return bedrock.boto()


@pytest.fixture
def through(bedrock: Running) -> Iterator[Any]:
    environ = {
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": bedrock.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    server = Server(wsgi_app(build(read_settings(environ), environ).app))
    server.start()
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=f"http://127.0.0.1:{server.port}",
        region_name="us-east-1",
        aws_access_key_id="id",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()
    server.close()


def comparable(reply: Any) -> Any:
    """Without what differs from call to call: ids, headers, times, and a tool call's random id."""
    if isinstance(reply, dict):
        varying = ("ResponseMetadata", "metrics", "toolUseId")
        return {name: comparable(value) for name, value in reply.items() if name not in varying}
    return [comparable(value) for value in reply] if isinstance(reply, list) else reply


def streamed(client: Any, **call: Any) -> list[Any]:
    return list(client.converse_stream(**call)["stream"])


def told(events: list[Any]) -> Any:
    """A stream's content, however its text was cut into events."""
    out: list[Any] = []
    for event in comparable(events):
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        last = out[-1].get("contentBlockDelta", {}).get("delta", {}) if out else {}
        if "text" in delta and "text" in last:
            last["text"] += delta["text"]
        elif "input" in delta.get("toolUse", {}) and "toolUse" in last:
            last["toolUse"]["input"] += delta["toolUse"]["input"]
        else:
            out.append(event)
    return out


@pytest.mark.parametrize("model", [CLAUDE, NOVA])
@pytest.mark.parametrize("name", list(CALLS))
def test_converse_gives_the_same(direct: Any, through: Any, model: str, name: str) -> None:
    call = {"modelId": model, **CALLS[name]}
    assert comparable(through.converse(**call)) == comparable(direct.converse(**call))


@pytest.mark.parametrize("model", [CLAUDE, NOVA])
@pytest.mark.parametrize("name", list(CALLS))
def test_a_stream_gives_the_same(direct: Any, through: Any, model: str, name: str) -> None:
    call = {"modelId": model, **CALLS[name]}
    assert told(streamed(through, **call)) == told(streamed(direct, **call))


def raised(client: Any, call: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        client.converse(**call)
    told = caught.value.response
    return told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    "call",
    [
        {"modelId": CLAUDE, "messages": []},
        {"modelId": CLAUDE, "messages": HI, "inferenceConfig": {"temperature": 3.0}},
        {"modelId": CLAUDE, "messages": [{"role": "user", "content": []}]},
    ],
)
def test_a_bad_call_raises_the_same_exception(direct: Any, through: Any, call: Any) -> None:
    assert raised(through, call) == raised(direct, call)


def test_tokens_are_counted_the_same(direct: Any, through: Any) -> None:
    call = {"modelId": "anthropic.claude-sonnet-4-6", "input": {"converse": {"messages": HI}}}
    assert comparable(through.count_tokens(**call)) == comparable(direct.count_tokens(**call))


def test_invoke_and_its_stream_give_the_same_bytes_of_content(direct: Any, through: Any) -> None:
    body = json.dumps(
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 50,
            "messages": [{"role": "user", "content": "Paris is the capital of France. Which city is the capital?"}],
        }
    )
    whole = [json.loads(client.invoke_model(modelId=CLAUDE, body=body)["body"].read()) for client in (direct, through)]
    assert whole[0]["content"] == whole[1]["content"]
    kinds = []
    for client in (direct, through):
        events = client.invoke_model_with_response_stream(modelId=CLAUDE, body=body)["body"]
        kinds.append([json.loads(event["chunk"]["bytes"])["type"] for event in events])
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("name", ["throttlingException", "modelStreamErrorException", "internalServerException"])
def test_a_stream_that_breaks_raises_the_same_after_the_same(
    bedrock: Running, direct: Any, through: Any, name: str
) -> None:
    seen: list[Any] = []
    for client in (direct, through):
        bedrock.control("faults", {"kind": "exception", "error": name, "after": 3})
        events: list[Any] = []
        stream = client.converse_stream(modelId=NOVA, messages=HI)["stream"]
        with pytest.raises(EventStreamError) as caught:
            events.extend(stream)
        stream.close()
        seen.append((caught.value.response["Error"], [event for event in events if "contentBlockDelta" in event]))
    assert seen[0] == seen[1]
    assert len(seen[0][1]) == 3


def test_a_stream_that_is_cut_raises_and_has_no_end(bedrock: Running, through: Any) -> None:
    bedrock.control("faults", {"kind": "cut", "after": 2})
    stream = through.converse_stream(modelId=NOVA, messages=HI)["stream"]
    events: list[Any] = []
    with pytest.raises(EventStreamError, match="modelStreamErrorException"):
        events.extend(stream)
    stream.close()
    assert not any("messageStop" in event for event in events)


@pytest.mark.parametrize("kind", ["throttle", "status"])
def test_a_refusal_of_bedrock_arrives_as_it_is(bedrock: Running, direct: Any, through: Any, kind: str) -> None:
    bedrock.control("faults", {"kind": kind, "times": 0})
    call = {"modelId": NOVA, "messages": HI}
    assert raised(through, call) == raised(direct, call)
