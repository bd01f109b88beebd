"""``POST /v1/cache/purge``: who may, what is asked, what is told."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from slipstream.caching.entry import Body, checksum_of
from slipstream.caching.filling.asked import Sighting
from slipstream.caching.semantic.ports import Known
from slipstream.caching.store import Head, Mark, Place
from slipstream.errors import InvalidRequest, PermissionDenied
from slipstream.fakes.answer_store import MemoryAnswerStore
from slipstream.fakes.asked_store import MemoryAskedStore
from slipstream.fakes.question_store import MemoryQuestionStore
from slipstream.gateway.app import create_app
from slipstream.gateway.http import Principal
from slipstream.gateway.openai.purge import NoCache, purge
from tests.unit.gateway.app.test_feedback import World
from tests.unit.gateway.scripted import gateway, post

ADMIN = Principal(key_id="k", scopes=frozenset({"admin"}))
NOW_S = 1_800_000_000.0


def kept() -> MemoryAnswerStore:
    store = MemoryAnswerStore()
    for namespace, key in (("tenant:acme", "3f01"), ("tenant:acme", "a001"), ("shared:group", "3f01")):
        head = Head(entry_id="e", checksum=checksum_of(b"x"), created_s=NOW_S, expires_s=NOW_S + 9, asked_s=NOW_S)
        store.write(Place(namespace, key), head, Body(b"x", checksum_of(b"x")))
    return store


def asked(store: MemoryAnswerStore, **body: Any) -> dict[str, Any]:
    return purge(store, msgspec.json.encode(body), ADMIN, clock=lambda: NOW_S)


@pytest.mark.parametrize(
    ("body", "namespace", "answers"),
    [
        ({"tenant": "acme"}, "tenant:acme", 2),
        ({"tenant": "acme", "prefix": "3f"}, "tenant:acme", 1),
        ({"namespace": "group"}, "shared:group", 1),
        ({"tenant": "group"}, "tenant:group", 0),
    ],
)
def test_answers_are_ended_by_whose_they_are(body: dict[str, Any], namespace: str, answers: int) -> None:
    assert asked(kept(), **body) == {"object": "purge", "namespace": namespace, "answers": answers}


def test_a_document_ends_what_was_asked_until_now() -> None:
    store = kept()
    assert asked(store, document="docs/guides/a.md") == {
        "object": "purge", "index": "docs", "document": "guides/a.md",
    }  # fmt: skip
    assert store.marks([("docs", "guides/a.md")]) == {("docs", "guides/a.md"): Mark(None, NOW_S + 5)}
    asked(store, document="docs/")
    assert store.marks([("docs", "")]) == {("docs", ""): Mark(None, NOW_S + 5)}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "tenant"),
        ({"tenant": "a", "document": "docs/a"}, "tenant"),
        ({"tenant": "a", "prefix": "3F"}, "prefix"),
        ({"document": "docs"}, "document"),
        ({"document": "../a"}, "document"),
        ({"tenants": "a"}, "tenants"),
    ],
)
def test_a_request_that_is_not_clear_ends_nothing_and_is_told_its_field(body: dict[str, Any], param: str) -> None:
    store = kept()
    with pytest.raises(InvalidRequest) as refused:
        asked(store, **body)
    assert refused.value.param == param
    assert asked(store, tenant="acme")["answers"] == 2


def test_the_questions_of_what_is_purged_are_forgotten() -> None:
    world = World()
    questions = world.questions = MemoryQuestionStore()
    world.knowledge = msgspec.structs.replace(world.knowledge, questions=questions)
    for namespace in ("tenant:acme", "tenant:beta"):
        known = Known(key="3f", text="How?", vector=b"\x01", answer="3f", asked_s=NOW_S, expires_s=NOW_S + 9)
        questions.put(namespace, "family", known)
    purge(kept(), b'{"tenant":"acme","prefix":"3f"}', ADMIN, known_of=lambda: world.knowledge)
    assert questions.newest("tenant:acme", "family", limit=9) == []
    assert len(questions.newest("tenant:beta", "family", limit=9)) == 1


def test_only_an_admins_key_may() -> None:
    with pytest.raises(PermissionDenied, match="admin"):
        purge(kept(), b'{"tenant":"acme"}', Principal(key_id="k"))


def test_a_deployment_without_a_cache_says_so() -> None:
    with pytest.raises(NoCache, match=r"cache=on.*SLIPSTREAM_CACHE=on"):
        purge(None, b'{"tenant":"acme"}', ADMIN)


def test_the_route_takes_a_key_that_may_do_nothing_else() -> None:
    app = create_app(gateway(kept=kept()))
    response = app(post("/prod/v1/cache/purge", b'{"tenant":"acme"}', principal=ADMIN))
    assert response.status == 200
    refused = app(post("/v1/cache/purge", b'{"tenant":"acme"}'))
    assert refused.status == 403


def test_what_was_learnt_goes_only_where_that_is_asked() -> None:
    world = World()
    world.say(correct=True)
    assert len(world.told) == 1

    for learnt, labels in ((b"false", None), (b"true", 1)):
        body = b'{"tenant":"acme","learnt":' + learnt + b"}"
        assert purge(world.answers, body, ADMIN, known_of=lambda: world.knowledge).get("labels") == labels
    assert world.told == []


@pytest.mark.parametrize(
    "body", [b'{"document":"docs/a","learnt":true}', b'{"tenant":"acme","prefix":"3f","learnt":true}']
)
def test_what_was_learnt_is_never_part_of_less_than_a_namespace(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        purge(kept(), body, ADMIN, known_of=lambda: World().knowledge)
    assert refused.value.param == "learnt"


def test_all_of_a_tenant_takes_what_is_logged_of_its_questions_along_and_a_prefix_does_not() -> None:
    asked = MemoryAskedStore()
    for tenant in ("acme", "beta"):
        seen = Sighting(namespace=f"tenant:{tenant}", family="f", period="2026-11-26", question="Why?", user="u")
        asked.count(seen, until_s=NOW_S)

    part = purge(kept(), b'{"tenant":"acme","prefix":"3f"}', ADMIN, asked_store=asked)
    whole = purge(kept(), b'{"tenant":"acme"}', ADMIN, asked_store=asked)

    assert ("logged_questions" in part, whole["logged_questions"]) == (False, 1)
    assert list(asked.counts("tenant:acme", "f", since="2000-01-01")) == []
    assert len(list(asked.counts("tenant:beta", "f", since="2000-01-01"))) == 1
