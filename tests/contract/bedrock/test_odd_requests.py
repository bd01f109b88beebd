"""Generated odd requests: every wire answers each with an answer or with one of Bedrock's errors."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.bedrock.clock import MovableClock
from local.bedrock.engine import Engine
from local.bedrock.errors import BedrockError
from local.bedrock.settings import Settings
from local.bedrock.wires.anthropic import Anthropic
from local.bedrock.wires.chat import Chat
from local.bedrock.wires.converse import Converse
from local.bedrock.wires.nova import Nova
from local.bedrock.wires.responses import Responses
from local.bedrock.wires.wire import Wire, decoded, frames

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
CONVERSE = {
    "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
    "messages": [
        {"role": "user", "content": [{"text": "Hi"}, {"image": {"format": "png", "source": {"bytes": "AA=="}}}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "1", "name": "t", "input": {}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "1", "content": [{"text": "yes"}]}}]},
    ],
    "inferenceConfig": {"maxTokens": 9, "stopSequences": ["x"]},
    "toolConfig": {"tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": SCHEMA}}}], "toolChoice": {"any": {}}},
}
ANTHROPIC = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 9,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "yes"}]}]},
    ],
    "tools": [{"name": "t", "input_schema": SCHEMA}],
    "tool_choice": {"type": "any"},
}
CHAT = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "data:"}}],
        },
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "t", "arguments": "{}"}}]},
    ],
    "tools": [{"type": "function", "function": {"name": "t", "parameters": SCHEMA}}],
    "tool_choice": {"type": "function", "function": {"name": "t"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
}
RESPONSES = {
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "function_call", "call_id": "1", "name": "t", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "yes"},
    ],
    "tools": [{"type": "function", "name": "t", "parameters": SCHEMA}],
    "tool_choice": "required",
    "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}},
}
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False), st.text(max_size=5),
    st.just([]), st.just({}), st.just([None]), st.just([{}]), st.just({"type": 7}), st.just([["x"]]),
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inside for place in [(*path, key), *places(item, (*path, key))]]


@pytest.mark.parametrize(
    ("wire", "model", "good"),
    [
        (Converse(), "amazon.nova-lite-v1:0", CONVERSE),
        (Nova(), "amazon.nova-lite-v1:0", CONVERSE),
        (Anthropic(), "us.anthropic.claude-haiku-4-5-20251001-v1:0", ANTHROPIC),
        (Chat(include_usage=True), "openai.gpt-oss-120b-1:0", CHAT),
        (Responses(), "openai.gpt-5.4", RESPONSES),
    ],
    ids=["converse", "nova", "anthropic", "chat", "responses"],
)
@given(data=st.data())
def test_an_odd_value_anywhere_is_answered_or_refused(wire: Wire, model: str, good: dict[str, Any], data: Any) -> None:
    body = copy.deepcopy(good)
    for _ in range(data.draw(st.integers(1, 2))):
        *path, last = data.draw(st.sampled_from(places(body)))
        parent: Any = body
        for key in path:
            parent = parent[key]
        parent[last] = copy.deepcopy(data.draw(ODD))
        if not places(body):
            break
    engine = Engine(Settings(), MovableClock())
    try:
        run = engine.admit(decoded(wire, model, body), wire.api)
        answer = engine.answer(run)
    except BedrockError as error:
        refused = error.status
    else:
        refused = None
    if refused is not None:
        assert 400 <= refused < 500
        return
    sent = list(frames(wire.encoder(run), answer))
    assert len(sent) == answer.output_tokens()
    assert wire.complete(run, answer, engine.finish(run, answer, answer.output_tokens(), 0.0))
