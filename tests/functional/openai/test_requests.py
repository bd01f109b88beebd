"""OpenAI's wire through the whole gateway, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator

import openai
import pytest

from bench.odd import over_sockets
from bench.odd.case import PIXEL
from bench.odd.openai import cases, complaint
from slipstream.runtime.wsgi_server import Server
from tests.functional.openai.conftest import EncodedModels
from tests.unit.gateway.openai.test_request import WEATHER, answering, call, calling, user


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    base_url = f"http://127.0.0.1:{server.port}/v1"
    with openai.OpenAI(base_url=base_url, api_key="k", max_retries=0) as client:
        yield client


def test_odd_and_bad_requests_find_no_fault(server: Server) -> None:
    answers = over_sockets.send(cases(2024, 600), port=server.port, path="/v1/chat/completions")
    assert [told for answer in answers if (told := complaint(*answer))] == []


def test_a_streamed_answer_arrives_with_its_report(client: openai.OpenAI) -> None:
    asked = [user("one two three")]
    chunks = list(client.chat.completions.create(model="fast", messages=asked, stream=True, seed=1))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "one two three"
    report = chunks[-1].slipstream
    assert report["model"] == "anthropic.claude-haiku-4-5-20251001-v1:0"
    assert any("seed" in note for note in report["notes"])
    assert report["tokens"]["output"] == 3


def test_an_answer_in_one_piece_stops_at_its_limit(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="fast", messages=[user("one two three")], max_completion_tokens=2)
    assert answer.choices[0].message.content == "one two "
    assert answer.choices[0].finish_reason == "length"


def test_a_conversation_with_tools_and_an_image_reaches_converse(client: openai.OpenAI, models: EncodedModels) -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    client.chat.completions.create(
        model="fast",
        tools=[WEATHER],
        messages=[
            {"role": "system", "content": "Be brief."},
            user([{"type": "text", "text": "Weather here?"}, image]),
            calling(call("call_1", arguments='{"city":"Bonn"}')),
            answering("call_1"),
            user("Thanks"),
        ],
    )
    sent = json.loads(models.bodies[0])
    assert sent["system"][0] == {"text": "Be brief."}
    assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "user"]
    assert sent["messages"][0]["content"][1] == {"image": {"format": "png", "source": {"bytes": PIXEL}}}
    assert sent["messages"][1]["content"][0]["toolUse"]["input"] == {"city": "Bonn"}
    assert [next(iter(part)) for part in sent["messages"][2]["content"]][:2] == ["toolResult", "text"]


def test_an_unknown_model_is_told_with_the_nearest(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="nova-pro"):
        client.chat.completions.create(model="amazon-nova-pro", messages=[user()])


def test_the_models_served_are_listed(client: openai.OpenAI) -> None:
    assert next(iter(client.models.list())).id == "fast"
    assert client.models.retrieve("us.amazon.nova-pro-v1:0").owned_by == "amazon"
