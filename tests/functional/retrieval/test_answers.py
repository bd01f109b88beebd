"""Answers over an index, by the clients that people have: cited, streamed, and honest where something is missing."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.functional.faults.conftest import Double, Host
from tests.functional.retrieval.conftest import INDEX, ORDER, TEXTS

RAG = f"rag:{INDEX}"
QUESTION = "How often does Lambda retry an asynchronous invocation that fails?"
ASK: list[Any] = [{"role": "user", "content": QUESTION}]


def chat(host: Host, question: str = QUESTION, **fields: Any) -> dict[str, Any]:
    reply = host.post(
        "/v1/chat/completions", {"model": RAG, "messages": [{"role": "user", "content": question}], **fields}
    )
    assert reply.status == 200, reply.body
    return dict(json.loads(reply.body))


def events(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    parts = [part for part in body.decode().split("\n\n") if part]
    return [(part.split("\n")[0].removeprefix("event: "), json.loads(part.split("data: ", 1)[1])) for part in parts]


def test_openais_sdk_streams_a_cited_answer_and_the_last_chunk_says_where_it_stands(sdk: openai.OpenAI) -> None:
    chunks = list(sdk.chat.completions.create(model=RAG, messages=ASK, stream=True))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    rag = chunks[-1].to_dict()["slipstream"]["rag"]  # type: ignore[index]
    assert len(chunks) > 5
    assert "Lambda retries a failed asynchronous invocation twice [1]." in text
    assert rag["supported"] is True
    (citation,) = [one for one in rag["citations"] if one["number"] == 1]
    assert (citation["document"], citation["source"]) == ("retries.md", "s3://docs/retries.md")
    title, passage, *_ = TEXTS["retries.md"]
    assert citation["title"] == title
    assert passage[citation["start"] : citation["end"]] == passage


def test_the_whole_answer_says_the_same_and_its_waterfall_has_the_retrieval(host: Host) -> None:
    reply = chat(host)

    spans = reply["slipstream"]["spans_ms"]
    assert reply["model"] == RAG
    assert "twice [1]." in reply["choices"][0]["message"]["content"]
    assert {"retrieve", "prepare", "embed", "search", "rank", "resolve", "bedrock_wait"} <= set(spans)
    assert spans["retrieve"] >= spans["search"]


def test_bedrocks_own_wire_answers_from_an_index_too(host: Host) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": QUESTION}]}]}

    reply = host.post(f"/model/{RAG.replace(':', '%3A')}/converse", body)

    assert reply.status == 200, reply.body
    assert "twice [1]." in json.loads(reply.body)["output"]["message"]["content"][0]["text"]
    assert json.loads(reply.headers["x-slipstream-report"])["rag"]["supported"] is True


def test_a_search_gives_passages_with_every_stages_scores(host: Host) -> None:
    reply = host.post("/v1/search", {"index": INDEX, "query": QUESTION, "explain": True})

    told = json.loads(reply.body)
    first = told["results"][0]
    assert reply.status == 200, reply.body
    assert (first["document"], first["number"]) == ("retries.md", 1)
    assert {"bm25", "document_bm25", "cosine", "lexical_rank", "dense_rank", "fused"} <= set(first["explain"])
    assert told["generation"].startswith(INDEX)
    assert max([one["document"] for one in told["results"]].count(name) for name in TEXTS) <= 2


def test_filters_pins_and_exclusions_reach_the_engine(host: Host) -> None:
    def found(**retrieval: Any) -> list[str]:
        reply = host.post("/v1/search", {"index": INDEX, "query": QUESTION, "retrieval": retrieval})
        assert reply.status == 200, reply.body
        return [one["document"] for one in json.loads(reply.body)["results"]]

    assert set(found(filters=[{"field": "id", "any_of": ["tables.md"]}])) == {"tables.md"}
    assert "retries.md" not in found(excluded=["retries.md"])
    assert found(pinned=["tables.md"])[0] == "tables.md"
    assert len(found(passages=2)) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_carries_its_citations_whole_and_streamed(host: Host, stream: bool) -> None:
    reply = host.post("/v1/answers", {"index": INDEX, "question": QUESTION, "stream": stream})

    assert reply.status == 200, reply.body
    if stream:
        *deltas, (last, told) = events(reply.body)
        assert {name for name, _ in deltas} == {"answer.delta"}
        assert last == "answer.done"
        text = "".join(delta["text"] for _, delta in deltas)
    else:
        told = json.loads(reply.body)
        text = told["answer"]
    assert "twice [1]." in text
    assert told["citations"][0]["document"] == "retries.md"
    assert told["usage"]["completion_tokens"] > 0
    assert told["slipstream"]["rag"]["question"] == QUESTION


def test_a_follow_up_question_is_searched_for_with_what_it_is_about(host: Host) -> None:
    messages = [
        {"role": "user", "content": "What do DynamoDB global tables do?"},
        {"role": "assistant", "content": "They replicate."},
        {"role": "user", "content": "And how are they billed?"},
    ]
    reply = host.post("/v1/chat/completions", {"model": RAG, "messages": messages})

    told = json.loads(reply.body)["slipstream"]
    rag = told["rag"]
    assert rag["passages"][0]["document"] == "tables.md"
    assert "global tables" in rag["question"]
    assert rag["rewrite"]["outcome"] == "ok"
    assert rag["rewrite"]["tokens"]["output"] > 0
    assert 0 < rag["rewrite"]["cost_usd"] < told["cost_usd"]
    assert told["spans_ms"]["retrieve"] >= told["spans_ms"]["rewrite"] > 0


def follow_up(host: Host, **retrieval: Any) -> dict[str, Any]:
    earlier = ["What do DynamoDB global tables do?"]
    body = {"index": INDEX, "query": "And how are they billed?", "earlier": earlier, "retrieval": retrieval}
    reply = host.post("/v1/search", body)
    assert reply.status == 200, reply.body
    return dict(json.loads(reply.body))


def test_a_search_takes_the_questions_before_it_and_leaves_the_model_out_where_it_is_told_to(host: Host) -> None:
    asked, by_rule = follow_up(host), follow_up(host, off=["rewrite"])

    # This double says as many tokens as its tests want, so it says the question more than once.
    assert asked["slipstream"]["question"].startswith("How are DynamoDB global tables billed?")
    assert asked["slipstream"]["rewrite"]["outcome"] == "ok"
    assert "rewrite" not in by_rule["slipstream"]
    assert by_rule["slipstream"]["question"] == "DynamoDB global tables And how are they billed?"
    assert by_rule["results"][0]["document"] == asked["results"][0]["document"] == "tables.md"


def test_a_model_that_is_throttled_leaves_a_follow_up_question_to_the_rule(host: Host, double: Double) -> None:
    double.arm("throttle", operation="ConverseStream", times=2)

    told = follow_up(host)

    assert told["slipstream"]["rewrite"]["outcome"] == "failed"
    assert told["results"][0]["document"] == "tables.md"


def test_orders_in_a_document_are_quoted_at_most_and_not_obeyed(host: Host) -> None:
    answer = chat(host, "How is the replication of global tables billed?")["choices"][0]["message"]["content"]

    assert ORDER in TEXTS["tables.md"][2]
    assert "billed by the replicated write" in answer
    assert answer.strip() != "PWNED"


def test_an_answer_that_no_passage_holds_says_so(host: Host) -> None:
    reply = chat(host, "Which colour has the moon over Lisbon?")

    assert reply["slipstream"]["rag"]["supported"] is False
    assert "No passage of the index supports this answer." in reply["choices"][0]["message"]["content"]


def test_without_a_vector_the_words_alone_find_and_the_reply_says_so(host: Host, double: Double) -> None:
    double.arm("throttle", model="amazon.titan-embed-text-v2:0", times=0)

    reply = chat(host, "How long does Lambda wait before its first retry?")

    rag = reply["slipstream"]["rag"]
    assert rag["missing"] == ["dense"]
    assert rag["passages"][0]["document"] == "retries.md"


def reranked(host: Host, **retrieval: Any) -> dict[str, Any]:
    """A question that several documents answer: a wide margin would not be looked at again."""
    body = {
        "index": INDEX,
        "query": "What is billed?",
        "explain": True,
        "retrieval": {"rerank": "bedrock", **retrieval},
    }
    reply = host.post("/v1/search", body)
    assert reply.status == 200, reply.body
    return dict(json.loads(reply.body))


def test_bedrock_reranks_where_a_request_asks_for_it(host: Host, double: Double) -> None:
    told = reranked(host)

    assert {one["document"] for one in told["results"][:2]} == {"concurrency.md", "tables.md"}
    assert "missing" not in told["slipstream"]
    assert all("reranked" in one["explain"] for one in told["results"])
    assert double.control("stats")["calls"]["Rerank"] == 1


def test_bedrock_is_not_asked_where_the_lead_is_wide_unless_the_request_wants_it(host: Host, double: Double) -> None:
    sure = reranked(host, rerank_margin=0)

    assert sure["slipstream"]["rerank"]["outcome"] == "sure"
    assert sure["slipstream"]["rerank"]["lead"] >= 0
    assert "Rerank" not in double.control("stats")["calls"]

    assert reranked(host, rerank_margin=1000)["slipstream"]["rerank"]["outcome"] == "done"
    assert double.control("stats")["calls"]["Rerank"] == 1


def test_a_question_in_another_language_than_the_index_is_ranked_by_meaning_and_the_reply_says_so(host: Host) -> None:
    reply = host.post("/v1/search", {"index": INDEX, "query": "Wie oft wird die Funktion von Lambda wiederholt?"})

    told = json.loads(reply.body)["slipstream"]
    assert told["language"]["question"] == "de"
    assert "shared words counts half" in told["language"]["did"]


@pytest.mark.parametrize("trouble", ["throttle", "stall"])
def test_a_re_ranking_service_that_is_busy_or_late_leaves_the_fused_order_and_the_reply_says_so(
    host: Host, double: Double, trouble: str
) -> None:
    double.arm(trouble, operation="Rerank", delay_ms=30_000)

    told = reranked(host)

    assert told["slipstream"]["missing"] == ["rerank"]
    assert told["slipstream"]["rerank"]["outcome"] == "late"
    assert told["results"][0]["document"] == "concurrency.md"
    assert not any("reranked" in one["explain"] for one in told["results"])


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        ("/v1/search", {"index": "no-such-index", "query": "x"}, 404, None),
        ("/v1/search", {"index": INDEX, "query": " "}, 400, "query"),
        ("/v1/search", {"index": "Docs!", "query": "x"}, 400, "index"),
        ("/v1/search", {"index": INDEX, "query": "x", "retrieval": {"passages": 21}}, 400, "retrieval.passages"),
        ("/v1/search", {"index": INDEX, "query": "x", "retrieval": {"rerank": "magic"}}, 400, "retrieval.rerank"),
        ("/v1/search", {"index": INDEX, "query": "x", "k": 3}, 400, "k"),
        ("/v1/answers", {"index": INDEX, "question": "x", "max_tokens": 0}, 400, "max_tokens"),
        ("/v1/answers", {"index": INDEX}, 400, "question"),
        ("/v1/chat/completions", {"model": "rag:", "messages": ASK}, 400, "model"),
        ("/v1/chat/completions", {"model": "rag:no-such-index", "messages": ASK}, 404, None),
        ("/v1/chat/completions", {"model": f"{RAG}@no-such-model-x", "messages": ASK}, 404, "model"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    host: Host, path: str, body: dict[str, Any], status: int, param: str | None
) -> None:
    reply = host.post(path, body)

    assert reply.status == status, reply.body
    assert reply.error["param"] == param or param is None


@pytest.mark.parametrize(
    "query", ["x" * 10_000, "the of and", "?!. ,;", "a AND (b OR", 'title:"x', "\0\u202e ملف", "東京"]
)
def test_no_query_breaks_the_search(host: Host, query: str) -> None:
    reply = host.post("/v1/search", {"index": INDEX, "query": query})

    assert reply.status == 200, reply.body
