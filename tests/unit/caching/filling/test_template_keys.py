"""What is asked again from the log has the key of those who asked, on whichever wire they did."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipstream.caching.filling.template import asked_with, taken_apart
from slipstream.caching.key import Sources, key_of
from slipstream.chat.request import ChatRequest
from slipstream.gateway.bedrock import converse
from slipstream.gateway.http import Principal
from slipstream.gateway.openai import answers, request
from slipstream.models.resolve import Resolver

ACME = Principal("k1", tenant="acme", models=("amazon.*", "fast", "rag:*"))
QUESTION = "How often does Lambda retry?"
NOVA = "us.amazon.nova-lite-v1:0"
SCHEMA = {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "string"}}}
SOURCES = Sources(index="docs", generation="docs-000001", made_of=[1], options={})


def openai(**fields: Any) -> ChatRequest:
    body = {"model": NOVA, "messages": [{"role": "user", "content": QUESTION}]} | fields
    return request.decode(json.dumps(body).encode(), {}, ACME)


def bedrock(**fields: Any) -> ChatRequest:
    body = {"messages": [{"role": "user", "content": [{"text": QUESTION}]}]} | fields
    return converse.decode(NOVA, json.dumps(body).encode(), {}, ACME, stream=True)


def key(asked: ChatRequest, sources: Sources | None = None) -> str:
    return key_of(Resolver().resolve(asked), "tenant:acme", sources)


def again(asked: ChatRequest) -> ChatRequest:
    apart = taken_apart(asked)
    assert apart is not None
    return asked_with(apart.template, apart.question)


FULL_OPENAI = {
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}],
    "temperature": 0, "top_p": 1, "max_tokens": 200, "stop": ["END"], "user": "ada", "stream": True,
    "slipstream": {"cache": "exact", "max_age_s": 60},
    "tools": [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}],
}  # fmt: skip
FULL_BEDROCK = {
    "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
    "inferenceConfig": {"temperature": 0.0, "topP": 1, "maxTokens": 200, "stopSequences": ["END"]},
    "toolConfig": {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": SCHEMA}}}]},
    "requestMetadata": {"session": "7"},
}


@pytest.mark.parametrize(
    ("by_openai", "by_bedrock"),
    [({"temperature": 0}, {"inferenceConfig": {"temperature": 0}}), (FULL_OPENAI, FULL_BEDROCK)],
    ids=["plain", "full"],
)
def test_callers_of_both_wires_and_what_is_asked_from_either_ones_template_have_one_key(
    by_openai: dict[str, Any], by_bedrock: dict[str, Any]
) -> None:
    asked = [openai(**by_openai), bedrock(**by_bedrock)]

    assert len({key(one) for one in (*asked, *map(again, asked))}) == 1


@pytest.mark.parametrize(
    "asked",
    [
        openai(response_format={"type": "json_object"}),
        openai(slipstream={"use_case": "classification"}),
        openai(reasoning_effort="low", model="openai.gpt-oss-120b-1:0"),
        bedrock(guardrailConfig={"guardrailIdentifier": "g", "guardrailVersion": "1"}),
        bedrock(additionalModelRequestFields={"inferenceConfig": {"topK": 20}}),
    ],
    ids=["format", "use case", "reasoning", "guardrail", "fields"],
)
def test_everything_that_may_change_an_answer_is_asked_again(asked: ChatRequest) -> None:
    assert key(again(asked)) == key(asked)


def test_answers_over_an_index_are_asked_with_the_same_search() -> None:
    body = {"index": "docs", "question": QUESTION, "retrieval": {"passages": 3, "excluded": ["old.md"]}}
    asked = answers.decode(json.dumps(body).encode(), ACME)

    same = again(asked)

    assert (same.model, same.options.retrieval) == ("rag:docs@balanced", asked.options.retrieval)
    resolved = [ChatRequest(**{**{n: getattr(one, n) for n in one.__struct_fields__}, "model": NOVA}) for one in
                (asked, same)]  # fmt: skip
    assert len({key(one, SOURCES) for one in resolved}) == 1
