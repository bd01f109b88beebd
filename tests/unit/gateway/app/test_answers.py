from __future__ import annotations

import json
from typing import Any

import pytest

from slipstream.chat.events import Event, Started, Stopped, TextDelta
from slipstream.errors import ClientGone, StreamCut, Throttled, Unauthenticated, UpstreamInternal
from slipstream.fakes.metrics import MemoryMetrics
from slipstream.gateway.app import create_app
from slipstream.gateway.http import HttpRequest, HttpResponse, Principal
from tests.unit.gateway.scripted import (
    HELLO,
    MODEL,
    ScriptedEmbedder,
    ScriptedModels,
    drain,
    gateway,
    limited_to,
    post,
)

CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
SECRET = "my grandmother's recipe"


def chat(**more: Any) -> Any:
    principal = {"principal": more.pop("principal")} if "principal" in more else {}
    return post("/v1/chat/completions", json.dumps(CHAT | more).encode(), **principal)


def converse(operation: str = "converse", model: str = MODEL, **more: Any) -> Any:
    return post(f"/model/{model}/{operation}", **more)


def ask(request: Any, script: Any = HELLO) -> tuple[HttpResponse, ScriptedModels, MemoryMetrics]:
    models = ScriptedModels(script)
    built = gateway(models=models)
    assert isinstance(built.metrics, MemoryMetrics)
    return create_app(built)(request), models, built.metrics


def test_both_wires_tell_the_same_answer() -> None:
    ours, bedrocks = drain(ask(chat())[0]), drain(ask(converse())[0])
    assert json.loads(ours)["choices"][0]["message"]["content"] == "Hello"
    assert json.loads(bedrocks)["output"]["message"]["content"] == [{"text": "Hello"}]


def test_a_whole_answer_tells_where_the_time_went() -> None:
    response, _, _ = ask(converse())
    told = dict(response.headers)
    assert [span.partition(";")[0] for span in told["server-timing"].split(", ")][:2] == ["start", "parse"]
    assert told["x-slipstream-model"] == MODEL
    assert told["x-slipstream-report"].isascii()
    assert json.loads(told["x-slipstream-report"])["notes"] == ["“quoted”"]


@pytest.mark.parametrize("request_of", [chat, converse])
def test_what_passed_before_the_body_was_read_is_a_span_too(request_of: Any) -> None:
    request = request_of()
    request.received_s -= 10
    response, _, _ = ask(request)
    spans = dict(span.split(";dur=") for span in dict(response.headers)["server-timing"].split(", "))
    assert float(spans["start"]) >= 10_000


def test_settling_waits_for_the_last_byte() -> None:
    for request in (chat(), chat(stream=True), converse(), converse("converse-stream")):
        response, _, metrics = ask(request)
        assert metrics.rows == []
        drain(response)
        assert [row[2]["outcome"] for row in metrics.rows] == ["ok"]


def test_a_host_that_stops_early_ends_the_call() -> None:
    for request in (chat(stream=True), converse("converse-stream")):
        response, models, _ = ask(request)
        body = iter(response.body)
        next(body)
        assert models.closed == 0
        body.close()  # type: ignore[attr-defined]
        assert models.closed == 1


@pytest.mark.parametrize("error", [StreamCut("cut"), ValueError(SECRET)])
def test_what_breaks_a_stream_is_said_in_the_stream(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    script: list[Event | Exception] = [Started(), TextDelta("a"), error]
    ours = drain(ask(chat(stream=True), script)[0])
    bedrocks = drain(ask(converse("converse-stream"), script)[0])
    assert b'"error"' in ours
    assert b"[DONE]" not in ours
    assert b"Exception" in bedrocks
    assert b"messageStop" not in bedrocks
    assert SECRET.encode() not in ours + bedrocks
    assert SECRET not in capsys.readouterr().err


def test_what_breaks_a_whole_answer_gets_its_true_status() -> None:
    script: list[Event | Exception] = [Started(), UpstreamInternal("bedrock failed")]
    for request in (chat(), converse()):
        response, models, metrics = ask(request, script)
        assert response.status == 500
        assert b"bedrock failed" in drain(response)
        assert (len(metrics.rows), models.closed) == (1, 1)


def test_an_unforeseen_failure_tells_the_id_and_logs_the_place_only(capsys: pytest.CaptureFixture[str]) -> None:
    request = converse(headers={"x-request-id": "r-1"})
    response, _, _ = ask(request, [ValueError(SECRET)])
    body = drain(response)
    line = json.loads(capsys.readouterr().err)
    assert (response.status, dict(response.headers)["x-amzn-errortype"]) == (500, "InternalServerException")
    assert b"r-1" in body
    assert SECRET.encode() not in body
    assert (line["type"], line["request_id"]) == ("ValueError", "r-1")
    assert "scripted.py:" in line["at"]
    assert SECRET not in json.dumps(line)


def test_an_answer_for_somebody_who_left_is_broken_off() -> None:
    response, _, metrics = ask(converse("converse-stream"), [Started(), ClientGone("gone"), Stopped("end_turn")])
    with pytest.raises(ClientGone):
        drain(response)
    assert metrics.rows[0][2]["outcome"] == "client_closed_request"


@pytest.mark.parametrize(
    ("allowed", "asked", "status"),
    [
        (("fast",), "fast", 200),
        (("vendor.*",), "fast", 200),
        (("us.vendor.*",), "fast", 200),
        (("vendor.quick-v1",), "fast", 200),
        (("fast",), "vendor.quick-v1", 403),
        (("other.*",), "fast", 403),
    ],
)
def test_a_key_may_use_the_models_it_names(allowed: tuple[str, ...], asked: str, status: int) -> None:
    key = limited_to(*allowed)
    for request in (
        chat(model=asked, principal=key),
        converse(model=asked, principal=key),
        converse("invoke", asked, principal=key),
    ):
        assert ask(request)[0].status == status


def test_a_refused_model_is_never_called() -> None:
    _, models, _ = ask(chat(principal=limited_to("other.*")))
    assert models.calls == []


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/search", {"index": "docs", "query": "Which?"}, "index"),
        ("/v1/chat/completions", CHAT | {"model": "rag:docs"}, "model"),
        ("/v1/answers", {"index": "docs", "question": "Which?"}, "model"),
    ],
)
def test_without_an_engine_whatever_asks_for_an_index_says_how_to_have_one(
    path: str, body: dict[str, Any], param: str
) -> None:
    response, _, metrics = ask(post(path, json.dumps(body).encode()))

    error = json.loads(drain(response))["error"]
    assert (response.status, error["code"], error["param"]) == (501, "no_search_engine", param)
    assert "deploy it with search=dev or search=prod" in error["message"]
    assert len(metrics.rows) == 1


def test_embeddings_know_the_aliases() -> None:
    body = json.dumps({"model": "fast", "input": ["ab", "c"]}).encode()
    reply = json.loads(drain(ask(post("/v1/embeddings", body))[0]))
    assert [entry["embedding"] for entry in reply["data"]] == [[2.0, 0.5], [1.0, 0.5]]
    assert reply["usage"]["prompt_tokens"] == 6


TITAN = "amazon.titan-embed-text-v2:0"
EMBED = json.dumps({"model": "fast", "input": ["ab", SECRET]}).encode()


def test_embeddings_leave_a_metric_after_the_last_byte() -> None:
    response, _, metrics = ask(post("/v1/embeddings", EMBED, principal=Principal("k", "acme")))
    assert metrics.rows == []
    drain(response)
    figures, dimensions, properties = metrics.rows[0]
    assert (figures["requests"], figures["errors"], figures["input_tokens"]) == (1, 0, 6)
    assert figures["cost_usd"] > 0
    assert {"span_parse_ms", "span_embed_ms", "total_ms"} <= figures.keys()
    assert dimensions == {"model": TITAN}
    assert (properties["outcome"], properties["tenant"]) == ("ok", "acme")
    assert SECRET not in repr(metrics.rows)


def test_embeddings_that_fail_leave_a_metric_too() -> None:
    built = gateway(embedder=ScriptedEmbedder(Throttled("later")))
    assert create_app(built)(post("/v1/embeddings", EMBED)).status == 429
    assert isinstance(built.metrics, MemoryMetrics)
    figures, dimensions, properties = built.metrics.rows[0]
    assert (figures["errors"], dimensions, properties["outcome"]) == (
        1,
        {"model": TITAN},
        "rate_limit_exceeded",
    )
    assert SECRET not in repr(built.metrics.rows)


def test_embeddings_that_a_key_may_not_have_leave_a_metric() -> None:
    response, _, metrics = ask(post("/v1/embeddings", EMBED, principal=limited_to("other")))
    assert response.status == 403
    assert [(row[1], row[2]["outcome"]) for row in metrics.rows] == [({"model": TITAN}, "permission_denied")]


def test_embeddings_of_no_model_are_counted_as_of_an_unknown_one() -> None:
    response, _, metrics = ask(post("/v1/embeddings", json.dumps({"model": SECRET, "input": "x"}).encode()))
    assert response.status == 404
    assert [(row[1], row[2]["outcome"]) for row in metrics.rows] == [({"model": "unknown"}, "model_not_found")]
    assert SECRET not in repr(metrics.rows)


def test_what_the_vectors_are_for_reaches_the_model() -> None:
    embedder = ScriptedEmbedder()
    body = json.dumps({"model": "fast", "input": "ab", "dimensions": 256, "input_type": "search_query"}).encode()
    assert create_app(gateway(embedder=embedder))(post("/v1/embeddings", body)).status == 200
    (call,) = embedder.calls
    assert (call.texts, call.dimensions, call.input_type) == (["ab"], 256, "search_query")


def test_a_key_embeds_with_the_models_it_names_only() -> None:
    body = json.dumps({"model": "fast", "input": "ab"}).encode()
    for allowed, status in (("other.*", 403), ("amazon.titan-*", 200), ("fast", 200)):
        assert ask(post("/v1/embeddings", body, principal=limited_to(allowed)))[0].status == status


def test_models_can_be_listed_and_looked_up() -> None:
    listed = json.loads(drain(ask(HttpRequest("GET", "/v1/models", {}))[0]))
    assert [entry["id"] for entry in listed["data"]] == ["fast"]
    assert ask(HttpRequest("GET", "/v1/models/fast", {}))[0].status == 200
    missing = ask(HttpRequest("GET", "/v1/models/fats", {}))[0]
    assert (missing.status, b"fast" in drain(missing)) == (404, True)


def test_a_host_that_never_begins_to_send_ends_the_call_too() -> None:
    for request in (chat(stream=True), converse("converse-stream")):
        response, models, _ = ask(request)
        response.body.close()  # type: ignore[union-attr]
        assert models.closed == 1


@pytest.mark.parametrize("path", ["/v1/models/healthz", "/v1/models/x/healthz"])
def test_a_path_that_only_ends_like_the_health_check_is_not_open(path: str) -> None:
    response, _, _ = ask(HttpRequest(method="GET", path=path, headers={}, denied=Unauthenticated("no key")))
    assert response.status == 401
