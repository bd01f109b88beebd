"""How an index is to be searched is held to its ranges on each route that takes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from slipstream.chat.retrieval_options import RetrievalOptions
from slipstream.errors import InvalidRequest
from slipstream.gateway.http import Principal
from slipstream.gateway.openai import answers, request, search

KEY = Principal("k")
MESSAGES = [{"role": "user", "content": "Which?"}]


def asked_for_passages(options: Any) -> RetrievalOptions:
    return search.decode(json.dumps({"index": "docs", "query": "Which?", "retrieval": options}).encode(), KEY).options


def asked_for_an_answer(options: Any) -> RetrievalOptions | None:
    body = json.dumps({"index": "docs", "question": "Which?", "retrieval": options}).encode()
    return answers.decode(body, KEY).options.retrieval


def asked_in_a_chat(options: Any) -> RetrievalOptions | None:
    body = {"model": "rag:docs", "messages": MESSAGES, "slipstream": {"retrieval": options}}
    return request.decode(json.dumps(body).encode(), {}, KEY).options.retrieval


Route = Callable[[Any], RetrievalOptions | None]
ROUTES = [(asked_for_passages, ""), (asked_for_an_answer, ""), (asked_in_a_chat, "slipstream.")]
RANGES = [
    ("passages", 0, 21, "1 and 20"),
    ("rerank_margin", -0.5, 1001, "0 and 1000"),
    ("recency_half_life_days", -5, 40_000, "0.01 and 36500"),
    ("popularity_weight", -1, 1000, "0 and 1"),
    ("leg_timeout_ms", -1000, 60_001, "1 and 60000"),
    ("boosts.title", -1, 101, "0 and 100"),
]


def nested(path: str, value: float) -> Any:
    for name in reversed(path.split(".")):
        value = {name: value}  # type: ignore[assignment]
    return value


@pytest.mark.parametrize(("decode", "below"), ROUTES)
@pytest.mark.parametrize(("path", "low", "high", "span"), RANGES)
def test_what_lies_outside_is_refused_with_the_field_and_its_range(
    decode: Route, below: str, path: str, low: float, high: float, span: str
) -> None:
    for value in (low, high):
        with pytest.raises(InvalidRequest) as refused:
            decode(nested(path, value))

        param = f"{below}retrieval.{path}"
        assert refused.value.param == param
        assert refused.value.message == f"Invalid '{param}': it must lie between {span}."


@pytest.mark.parametrize(("decode", "below"), ROUTES)
def test_the_ends_of_each_range_are_taken(decode: Route, below: str) -> None:
    for path, _, _, span in RANGES:
        for end in map(json.loads, span.split(" and ")):
            assert decode(nested(path, end)) is not None
