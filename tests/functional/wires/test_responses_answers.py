"""Models that Bedrock serves only through Responses, asked on both wires, streamed and whole."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.functional.faults.conftest import GPT, Double
from tests.functional.wires.conftest import Client
from tests.functional.wires.told import chat, converse

TOWER = "The tower is 330 metres tall."
QUESTION = f"{TOWER} How tall is the tower?"
PIXEL = "iVBORw0KGgo="
CITY: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
BOTH_TOOLS = "Use weather for Lima. Then use traffic for Oslo."


def functions(*names: str) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": name, "description": "d", "parameters": CITY}} for name in names]


def specs(*names: str) -> list[dict[str, Any]]:
    return [{"toolSpec": {"name": name, "description": "d", "inputSchema": {"json": CITY}}} for name in names]


def text(role: str, said: str) -> dict[str, Any]:
    return {"role": role, "content": [{"text": said}]}


def test_text_comes_with_its_end_its_tokens_and_its_price(client: Client, double: Double) -> None:
    told = client.say(QUESTION, model=GPT)
    assert told.text.startswith(TOWER)
    assert told.stop in ("stop", "end_turn")
    assert told.tokens["output"] == 20
    assert told.tokens["input"] > 10
    assert set(double.control("stats")["calls"]) == {"Responses"}
    if told.report is not None:
        assert told.report["model"] == GPT
        assert told.report["cost_usd"] == pytest.approx((told.tokens["input"] * 5.5 + 20 * 33.0) / 1e6)


def test_a_stream_comes_token_by_token(client: Client, double: Double) -> None:
    if client.stream:
        assert client.say(QUESTION, model=GPT).pieces == 20


def test_the_system_prompt_is_read(client: Client, double: Double) -> None:
    assert client.say("How tall is the tower?", system=TOWER, model=GPT).text.startswith(TOWER)


def test_earlier_turns_are_read(client: Client, double: Double) -> None:
    told = client.ask(
        openai={
            "model": GPT,
            "messages": [
                {"role": "user", "content": TOWER},
                {"role": "assistant", "content": "Noted."},
                {"role": "user", "content": "How tall is the tower?"},
            ],
        },
        bedrock={
            "modelId": GPT,
            "messages": [text("user", TOWER), text("assistant", "Noted."), text("user", "How tall is the tower?")],
        },
    )
    assert told.text.startswith(TOWER)


def test_an_image_goes_along(client: Client, double: Double) -> None:
    url = {"url": f"data:image/png;base64,{PIXEL}"}
    told = client.ask(
        openai={
            "model": GPT,
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": url}],
                }
            ],
        },
        bedrock={
            "modelId": GPT,
            "messages": [
                {
                    "role": "user",
                    "content": [{"text": QUESTION}, {"image": {"format": "png", "source": {"bytes": b"p"}}}],
                }
            ],
        },
    )
    assert told.tokens["input"] > 1600  # what the model service counts for one


def test_parallel_tool_calls_keep_their_ids_names_and_arguments(client: Client, double: Double) -> None:
    told = client.ask(
        openai={
            "model": GPT,
            "messages": [{"role": "user", "content": BOTH_TOOLS}],
            "tools": functions("weather", "traffic"),
        },
        bedrock={
            "modelId": GPT,
            "messages": [text("user", BOTH_TOOLS)],
            "toolConfig": {"tools": specs("weather", "traffic")},
        },
    )
    assert [(name, arguments) for _, name, arguments in told.calls] == [
        ("weather", {"city": "Lima"}),
        ("traffic", {"city": "Oslo"}),
    ]
    assert len({call_id for call_id, _, _ in told.calls}) == 2
    assert told.stop in ("tool_calls", "tool_use")


def test_parallel_tool_calls_can_be_forbidden(sdk: openai.OpenAI, double: Double) -> None:
    messages = [{"role": "user", "content": BOTH_TOOLS}]
    told = chat(
        sdk, stream=True, model=GPT, messages=messages, tools=functions("weather", "traffic"), parallel_tool_calls=False
    )
    assert [name for _, name, _ in told.calls] == ["weather"]


@pytest.mark.parametrize("named", [False, True], ids=["some tool", "this tool"])
def test_a_forced_tool_is_called(client: Client, double: Double, named: bool) -> None:
    one: Any = {"type": "function", "function": {"name": "weather"}}
    told = client.ask(
        openai={
            "model": GPT,
            "messages": [{"role": "user", "content": "Tell of Lima."}],
            "tools": functions("weather"),
            "tool_choice": one if named else "required",
        },
        bedrock={
            "modelId": GPT,
            "messages": [text("user", "Tell of Lima.")],
            "toolConfig": {
                "tools": specs("weather"),
                "toolChoice": {"tool": {"name": "weather"}} if named else {"any": {}},
            },
        },
    )
    assert [(name, arguments) for _, name, arguments in told.calls] == [("weather", {"city": "Lima"})]


def test_a_tools_result_is_read(client: Client, double: Double) -> None:
    function = {"name": "height", "arguments": '{"of":"tower"}'}
    told = client.ask(
        openai={
            "model": GPT,
            "tools": functions("height"),
            "messages": [
                {"role": "user", "content": "How tall is the tower?"},
                {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
                {"role": "tool", "tool_call_id": "c1", "content": TOWER},
            ],
        },
        bedrock={
            "modelId": GPT,
            "toolConfig": {"tools": specs("height")},
            "messages": [
                text("user", "How tall is the tower?"),
                {
                    "role": "assistant",
                    "content": [{"toolUse": {"toolUseId": "c1", "name": "height", "input": {"of": "tower"}}}],
                },
                {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": TOWER}]}}]},
            ],
        },
    )
    assert told.text.startswith(TOWER)


def test_an_effort_brings_reasoning_with_its_signature(client: Client, double: Double) -> None:
    told = client.ask(
        openai={"model": GPT, "messages": [{"role": "user", "content": QUESTION}], "reasoning_effort": "low"},
        bedrock={"modelId": GPT, "messages": [text("user", QUESTION)], "outputConfig": {"effort": "low"}},
    )
    assert told.reasoning.startswith("The question is: The tower is 330 metres tall.")
    assert told.signature
    assert told.text.startswith(TOWER)
    assert told.tokens["output"] == 16 + 20
    if told.report is not None:
        assert told.report["sent"]["reasoning_effort"] == "low"
    assert told.blocks in ([], [0, 1])


def test_reasoning_tokens_are_in_openais_usage(sdk: openai.OpenAI, double: Double) -> None:
    usage = sdk.chat.completions.create(
        model=GPT, messages=[{"role": "user", "content": QUESTION}], reasoning_effort="low"
    ).usage
    assert usage is not None
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == 16


def test_an_answer_begins_at_block_0_where_the_model_thought_unseen(boto: Any, double: Double) -> None:
    told = converse(
        boto,
        stream=True,
        modelId=GPT,
        messages=[text("user", QUESTION)],
        additionalModelRequestFields={"reasoning": {"effort": "low"}},
    )
    assert told.tokens["output"] == 16 + 20
    assert (told.reasoning, told.blocks) == ("", [0])


def test_reasoning_goes_back_to_the_model_that_gave_it(client: Client, double: Double) -> None:
    first = client.ask(
        openai={"model": GPT, "messages": [{"role": "user", "content": QUESTION}], "reasoning_effort": "low"},
        bedrock={"modelId": GPT, "messages": [text("user", QUESTION)], "outputConfig": {"effort": "low"}},
    )
    detail = {"type": "reasoning.text", "text": first.reasoning, "signature": first.signature, "index": 0}
    thought = {"reasoningText": {"text": first.reasoning, "signature": first.signature}}
    again = client.ask(
        openai={
            "model": GPT,
            "messages": [
                {"role": "user", "content": QUESTION},
                {"role": "assistant", "content": first.text, "reasoning_details": [detail]},
                {"role": "user", "content": "And again?"},
            ],
        },
        bedrock={
            "modelId": GPT,
            "messages": [
                text("user", QUESTION),
                {"role": "assistant", "content": [{"reasoningContent": thought}, {"text": first.text}]},
                text("user", "And again?"),
            ],
        },
    )
    assert again.text
    assert again.tokens["input"] > first.tokens["input"] + 20


def test_reasoning_without_a_signature_is_left_out_and_told(client: Client, double: Double) -> None:
    unsigned = {"type": "reasoning.text", "text": "Let me see.", "index": 0}
    told = client.ask(
        openai={
            "model": GPT,
            "messages": [
                {"role": "user", "content": QUESTION},
                {"role": "assistant", "content": "330 metres.", "reasoning_details": [unsigned]},
                {"role": "user", "content": "And again?"},
            ],
        },
        bedrock={
            "modelId": GPT,
            "messages": [
                text("user", QUESTION),
                {
                    "role": "assistant",
                    "content": [{"reasoningContent": {"reasoningText": {"text": "Hm."}}}, {"text": "330 metres."}],
                },
                text("user", "And again?"),
            ],
        },
    )
    assert told.text
    if told.report is not None:
        assert any("earlier reasoning left out" in note for note in told.report["notes"])


def test_a_schema_shapes_the_answer(client: Client, double: Double) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": CITY}}
    structure = {"jsonSchema": {"schema": json.dumps(CITY), "name": "place"}}
    told = client.ask(
        openai={"model": GPT, "messages": [{"role": "user", "content": "Tell of Lima."}], "response_format": form},
        bedrock={
            "modelId": GPT,
            "messages": [text("user", "Tell of Lima.")],
            "outputConfig": {"textFormat": {"type": "json_schema", "structure": structure}},
        },
    )
    assert json.loads(told.text) == {"city": "Lima"}


def test_a_limit_ends_an_answer_as_each_wire_says(client: Client, double: Double) -> None:
    told = client.say(QUESTION, model=GPT, max_tokens=3)
    assert told.stop in ("length", "max_tokens")
    assert told.tokens["output"] == 3


def test_a_content_filter_ends_an_answer_as_each_wire_says(client: Client, double: Double) -> None:
    double.arm("filter", after=3)
    told = client.say(QUESTION, model=GPT)
    assert told.stop in ("content_filter", "content_filtered")
    assert TOWER.startswith(told.text)


def test_a_prefix_that_came_before_is_read_from_the_cache_and_costs_less(client: Client, double: Double) -> None:
    long = " ".join(f"Line {number} of the handbook." for number in range(600))
    cold = client.say("Which line is first?", system=long, model=GPT)
    warm = client.say("Which line is last?", system=long, model=GPT)
    assert cold.tokens["cached"] == 0
    assert warm.tokens["cached"] > 0.9 * cold.tokens["input"]
    if warm.report is not None and cold.report is not None:
        assert warm.report["tokens"]["cached"] == warm.tokens["cached"]
        assert warm.report["cost_usd"] < cold.report["cost_usd"]
        assert warm.report["saved_usd"] > 0
