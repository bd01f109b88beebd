"""Kept answers on the deployed functions: asked once, served again, and ended by a document that changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import openai
import pytest

from local.endpoint import Endpoint
from tests.functional.faults.conftest import eventually

INDEX = "kept"
QUESTION = "How tall is the old lighthouse of Rosshaven?"


class Gateway:
    """The stack's edge, and what its replies say of the cache."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.sdk = openai.OpenAI(base_url=endpoint.openai_base_url, api_key=endpoint.api_key, max_retries=0)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"authorization": f"Bearer {self._endpoint.api_key}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self._endpoint.base_url}{path}", data, headers, method=method)) as answer:
            return json.load(answer)

    def ask(self, question: str, **more: Any) -> tuple[str, dict[str, Any]]:
        """Text and report of a streamed answer."""
        messages: Any = [{"role": "user", "content": question}]
        pieces, report = [], dict[str, Any]()
        for chunk in self.sdk.chat.completions.create(messages=messages, stream=True, **more):
            pieces += [choice.delta.content or "" for choice in chunk.choices]
            report = (chunk.model_extra or {}).get("slipstream") or report
        return "".join(pieces), report


@pytest.fixture
def gateway(local_stack: Endpoint) -> Iterator[Gateway]:
    found = Gateway(local_stack)
    with found.sdk:
        yield found


def test_an_answer_is_kept_in_the_table_and_served_again(gateway: Gateway) -> None:
    asked: dict[str, Any] = {"model": "fast", "temperature": 0, "extra_body": {"slipstream": {"max_age_s": 600}}}
    first, miss = gateway.ask("What is a queue, in a few words?", **asked)
    again, hit = gateway.ask("What is a queue, in a few words?", **asked)
    assert (miss["cache"]["outcome"], hit["cache"]["outcome"]) == ("miss", "hit")
    assert first == again
    assert (hit["cost_usd"], hit["saved_usd"]) == (0.0, miss["cost_usd"])


def test_a_document_that_changes_ends_the_answers_that_rest_on_it(gateway: Gateway, local_stack: Endpoint) -> None:
    if not local_stack.opensearch_url:
        pytest.skip(f"no OpenSearch: the stack runs with the engine {local_stack.search_engine}")

    def says(metres: int) -> None:
        text = f"The old lighthouse of Rosshaven is {metres} metres tall. It was built of granite."
        document = {"id": "rosshaven", "title": "Rosshaven", "text": text}
        gateway.send("POST", f"/v1/indexes/{INDEX}/documents", {"documents": [document]})

    def found() -> list[str]:
        passages = gateway.send("POST", "/v1/search", {"index": INDEX, "query": QUESTION, "explain": True})["results"]
        return [one["text"] for one in passages]

    gateway.send("PUT", f"/v1/indexes/{INDEX}", {})
    try:
        says(41)
        eventually(lambda: any("41" in text for text in found()))
        gateway.ask(QUESTION, model=f"rag:{INDEX}@fast")
        text, report = gateway.ask(QUESTION, model=f"rag:{INDEX}@fast")
        assert report["cache"]["outcome"] == "hit"
        assert "41" in text
        assert [one["document"] for one in report["cache"]["documents"]] == ["rosshaven"]
        says(43)
        text, report = gateway.ask(QUESTION, model=f"rag:{INDEX}@fast")
        assert report["cache"]["outcome"] == "miss"
        eventually(lambda: any("43" in text for text in found()))
        assert "43" in gateway.ask(QUESTION, model=f"rag:{INDEX}@fast")[0]
    finally:
        gateway.send("DELETE", f"/v1/indexes/{INDEX}")


def test_an_operator_ends_a_tenants_answers(gateway: Gateway) -> None:
    asked: dict[str, Any] = {"model": "fast", "temperature": 0}
    gateway.ask("What is a stack, in a few words?", **asked)
    assert gateway.ask("What is a stack, in a few words?", **asked)[1]["cache"]["outcome"] == "hit"
    keys = gateway.send("GET", "/v1/keys")["data"]
    assert gateway.send("POST", "/v1/cache/purge", {"tenant": keys[0]["tenant"]})["answers"] >= 1
    assert gateway.ask("What is a stack, in a few words?", **asked)[1]["cache"]["outcome"] == "miss"
