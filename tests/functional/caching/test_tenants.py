"""Two tenants' keys at one gateway: nothing of one reaches the other, but in a namespace that is named for both."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.processes import running
from tests.functional.caching.conftest import environ_of
from tests.functional.caching.test_kept_answers import kept
from tests.functional.faults.conftest import FOREVER_MS, HI, NOVA, SERVE, Double, Host, Reply, eventually

SHARED = '{"blue": "group", "green": "group"}'
BODY: dict[str, Any] = {"model": NOVA, "messages": HI, "temperature": 0}
PATH = "/v1/chat/completions"


@pytest.fixture(scope="module")
def gateways(double_port: int, moto_url: str, folder: Path) -> Iterator[list[Host]]:
    """Two environments of one deployment, whose callers are known as behind the Web Adapter."""
    environ = environ_of(double_port, moto_url, SLIPSTREAM_CACHE_SHARED=SHARED)
    command = [*SERVE, "--behind-web-adapter"]
    with ExitStack() as parts:
        yield [
            Host(parts.enter_context(running(command, environ=environ, folder=folder, name=f"tenants{n}")))
            for n in (1, 2)
        ]


def headers_of(tenant: str, scopes: str = "invoke") -> dict[str, str]:
    """Of a key of ``tenant``: what API Gateway's authorizer says of it."""
    authorizer = {"key_id": f"k-{tenant}", "tenant": tenant, "scopes": scopes}
    context = json.dumps({"requestId": "r", "authorizer": authorizer})
    return {"content-type": "application/json", "x-amzn-request-context": context}


def ask(host: Host, tenant: str, **more: Any) -> Reply:
    return host.post(PATH, BODY | more, headers_of(tenant))


def kept_by(host: Host, url: str, tenant: str) -> Reply:
    """An answer that was kept for ``tenant``."""
    before = len(kept(url))
    reply = ask(host, tenant)
    eventually(lambda: len(kept(url)) == before + 1)
    return reply


def outcome(reply: Reply) -> str:
    assert reply.status == 200, reply.body
    return reply.headers["x-slipstream-cache"]


@contextmanager
def asking(double: Double, host: Host, tenant: str, *, delay_ms: int) -> Iterator[None]:
    """While ``tenant``'s own request waits for the model, for that long or until the end of this."""
    double.arm("slow", delay_ms=delay_ms)
    with closing(http.client.HTTPConnection("127.0.0.1", host.port, timeout=60)) as connection:
        connection.request("POST", PATH, json.dumps(BODY), headers_of(tenant))
        eventually(lambda: double.calls() == 1)
        yield


def test_a_kept_answer_is_its_tenants_alone(gateways: list[Host], table: str, double: Double) -> None:
    first = kept_by(gateways[0], table, "acme")
    other = kept_by(gateways[0], table, "beta")
    told = [outcome(each) for each in (first, other, *(ask(gateways[1], tenant) for tenant in ("acme", "beta")))]
    assert told == ["miss", "miss", "hit", "hit"]
    assert double.calls() == 2
    keys = [json.loads(each.body)["slipstream"]["cache"]["key"] for each in (first, other)]
    assert keys[0] != keys[1]


ENVIRONMENTS = pytest.mark.parametrize("environment", [0, 1], ids=["of the same process", "of another one"])


@ENVIRONMENTS
def test_nobody_follows_or_waits_for_another_tenants_answer(
    gateways: list[Host], table: str, double: Double, environment: int
) -> None:
    del table
    with asking(double, gateways[0], "acme", delay_ms=FOREVER_MS):
        other = ask(gateways[environment], "beta")
    assert (outcome(other), double.calls()) == ("miss", 2)
    assert "follow" not in json.loads(other.body)["slipstream"]["spans_ms"]


@ENVIRONMENTS
def test_the_same_tenants_next_request_has_the_first_ones_answer(
    gateways: list[Host], table: str, double: Double, environment: int
) -> None:
    del table
    with asking(double, gateways[0], "acme", delay_ms=300):
        other = ask(gateways[environment], "acme")
    assert (outcome(other) in ("joined", "hit"), double.calls()) == (True, 1)


def test_a_race_is_not_won_by_another_tenants_answer(gateways: list[Host], table: str, double: Double) -> None:
    kept_by(gateways[0], table, "acme")
    raced = ask(gateways[0], "beta", slipstream={"cache": "race"})
    assert outcome(raced) in ("miss", "late")
    assert double.calls() == 2


def test_a_purge_ends_the_answers_of_the_tenant_that_it_names_and_needs_an_operator(
    gateways: list[Host], table: str, double: Double
) -> None:
    for tenant in ("acme", "beta"):
        kept_by(gateways[0], table, tenant)
    refused, ended = (
        gateways[0].post("/v1/cache/purge", {"tenant": "acme"}, headers_of("beta", scopes))
        for scopes in ("invoke", "admin")
    )
    assert (refused.status, json.loads(ended.body)["answers"]) == (403, 1)
    assert [outcome(ask(gateways[1], tenant)) for tenant in ("acme", "beta")] == ["miss", "hit"]
    assert double.calls() == 3


def test_tenants_of_a_namespace_that_an_operator_named_share_and_others_do_not(
    gateways: list[Host], table: str, double: Double
) -> None:
    kept_by(gateways[0], table, "blue")
    assert [outcome(ask(gateways[1], tenant)) for tenant in ("green", "acme", "group")] == ["hit", "miss", "miss"]
    assert double.calls() == 3
