from __future__ import annotations

import json
from typing import Any

import pytest

from slipstream.errors import Throttled, Unauthenticated
from slipstream.gateway.app import create_app
from slipstream.gateway.http import HttpRequest, HttpResponse, Principal
from tests.unit.gateway.scripted import MODEL, drain, gateway, post

CHAT = b'{"model":"vendor.model-v1:0","messages":[{"role":"user","content":"hi"}]}'
PREFLIGHT = {"origin": "https://a.example", "access-control-request-method": "POST"}


def ask(request: HttpRequest, script: Any = None, **parts: Any) -> HttpResponse:
    return create_app(gateway(script, **parts) if script else gateway(**parts))(request)


def headers(response: HttpResponse) -> dict[str, str]:
    return dict(response.headers)


def get(path: str, method: str = "GET", **more: Any) -> HttpRequest:
    return HttpRequest(method, path, more.pop("headers", {}), **more)


def test_health_needs_no_key() -> None:
    response = ask(get("/prod/healthz", denied=Unauthenticated("no key")))
    assert (response.status, json.loads(drain(response))) == (200, {"status": "ok", "version": "9.9.9"})


def test_head_answers_like_get_without_the_body() -> None:
    whole, head = ask(get("/v1/models")), ask(get("/v1/models", "HEAD"))
    assert (head.status, drain(head)) == (200, b"")
    assert headers(head)["content-length"] == headers(whole)["content-length"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat/completions", "POST, OPTIONS"),
        ("HEAD", "/model/a.b/converse", "POST, OPTIONS"),
        ("POST", "/v1/models", "GET, HEAD, OPTIONS"),
        ("DELETE", "/healthz", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(method: str, path: str, allow: str) -> None:
    response = ask(get(path, method))
    assert (response.status, headers(response)["allow"]) == (405, allow)


def test_an_unknown_route_names_the_nearest_in_each_wires_shape() -> None:
    ours, bedrocks = ask(post("/v1/chat/completion")), ask(post("/model/a.b/convers"))
    assert (ours.status, bedrocks.status) == (404, 404)
    assert "/v1/chat/completions" in json.loads(drain(ours))["error"]["message"]
    assert "/model/{id}/converse" in json.loads(drain(bedrocks))["message"]
    assert headers(bedrocks)["x-amzn-errortype"] == "ResourceNotFoundException"


@pytest.mark.parametrize("path", ["/v1/indexes", "/v1/indexes/docs", "/prod/v1/indexes/docs/load"])
def test_indexes_of_a_gateway_without_an_engine_are_told_how_to_get_one(path: str) -> None:
    response = ask(get(path))
    error = json.loads(drain(response))["error"]
    assert (response.status, error["code"]) == (501, "no_search_engine")
    assert "search=dev" in error["message"]
    assert "SLIPSTREAM_SEARCH unset" in error["message"]


def test_the_callers_request_id_comes_back_cleaned_and_cut() -> None:
    response = ask(get("/healthz", headers={"x-request-id": "a b\r\n\x7fé" + "c" * 200}))
    assert headers(response)["x-request-id"] == "ab" + "c" * 126


def test_without_one_the_hosts_request_id_or_a_new_ulid_is_used() -> None:
    assert headers(ask(get("/healthz", request_id="host-1")))["x-request-id"] == "host-1"
    first, second = (headers(ask(get("/healthz")))["x-request-id"] for _ in range(2))
    assert first != second
    assert len(first) == 26
    assert set(first) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_bedrocks_answers_carry_the_id_where_boto3_looks_for_it() -> None:
    response = ask(post(f"/model/{MODEL}/converse", headers={"x-request-id": "mine"}))
    assert headers(response)["x-amzn-requestid"] == "mine"


def test_a_browser_is_told_what_it_may_send() -> None:
    asked = "Authorization, X-Slipstream-Use-Case, x-stainless-lang, x-evil"
    request = get("/v1/chat/completions", "OPTIONS", headers=PREFLIGHT | {"access-control-request-headers": asked})
    response = ask(request, cors_origins=["https://a.example"])
    told = headers(response)
    assert response.status == 204
    assert told["access-control-allow-origin"] == "https://a.example"
    assert told["access-control-allow-methods"] == "POST, OPTIONS"
    assert told["access-control-allow-headers"] == "authorization, x-slipstream-use-case, x-stainless-lang"
    assert told["vary"] == "origin"


def test_a_preflight_needs_no_key() -> None:
    request = get("/v1/models", "OPTIONS", headers=PREFLIGHT, denied=Unauthenticated("no key"))
    assert ask(request, cors_origins=["*"]).status == 204


def test_origins_that_are_not_listed_get_no_permission() -> None:
    for origins in ([], ["https://b.example"]):
        for method in ("OPTIONS", "GET"):
            told = headers(ask(get("/v1/models", method, headers=PREFLIGHT), cors_origins=origins))
            assert not any(name.startswith("access-control-") for name in told)


def test_errors_may_be_read_by_a_browser_too() -> None:
    request = get("/nowhere", headers={"origin": "https://a.example"})
    told = headers(ask(request, cors_origins=["*"]))
    assert told["access-control-allow-origin"] == "*"
    assert "x-request-id" in told["access-control-expose-headers"]


def test_options_without_a_browser_tells_the_methods() -> None:
    assert headers(ask(get("/v1/models", "OPTIONS")))["allow"] == "GET, HEAD, OPTIONS"
    assert ask(get("*", "OPTIONS")).status == 204


@pytest.mark.parametrize("path", ["/v1/chat/completions", f"/model/{MODEL}/converse", f"/model/{MODEL}/invoke"])
def test_a_body_over_the_limit_is_refused_with_the_limit(path: str) -> None:
    response = ask(post(path, b"x" * 1001), max_body_bytes=1000)
    assert response.status == 413
    assert b"1,000 bytes" in drain(response)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 200),
        ({"content-type": "application/json; charset=utf-8"}, 200),
        ({"content-type": "application/x-www-form-urlencoded"}, 200),
        ({"content-type": "multipart/form-data; boundary=x"}, 415),
        ({"content-type": "application/soap+xml"}, 415),
        ({"content-encoding": "gzip"}, 415),
    ],
)
def test_bodies_that_are_clearly_no_json_are_refused(given: dict[str, str], status: int) -> None:
    assert ask(HttpRequest("POST", "/v1/chat/completions", given, CHAT)).status == status


def test_nothing_is_kept_by_caches_and_streams_are_not_buffered() -> None:
    whole, streamed = ask(post("/v1/chat/completions", CHAT)), ask(post(f"/model/{MODEL}/converse-stream"))
    assert headers(whole)["cache-control"] == headers(streamed)["cache-control"] == "no-store"
    assert headers(streamed)["x-accel-buffering"] == "no"
    assert "content-length" not in headers(streamed)


def test_a_retry_after_is_passed_on_in_whole_seconds() -> None:
    for path, body in (("/v1/chat/completions", CHAT), (f"/model/{MODEL}/converse", b"{}")):
        response = ask(post(path, body), [Throttled("later", retry_after_s=1.2)])
        assert (response.status, headers(response)["retry-after"]) == (429, "2")


def test_a_caller_who_was_turned_away_is_told_in_his_wires_shape() -> None:
    denied = Unauthenticated("this key was revoked")
    ours = ask(post("/v1/chat/completions", CHAT, denied=denied))
    bedrocks = ask(post(f"/model/{MODEL}/converse", denied=denied))
    assert (ours.status, json.loads(drain(ours))["error"]["code"]) == (401, "invalid_api_key")
    assert (bedrocks.status, json.loads(drain(bedrocks))) == (403, {"message": "this key was revoked"})


def test_a_key_without_the_scope_may_not_ask() -> None:
    nobody = Principal(key_id="k", scopes=frozenset({"admin"}))
    assert ask(post("/v1/chat/completions", CHAT, principal=nobody)).status == 403
