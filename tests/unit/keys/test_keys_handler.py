import json
from io import StringIO
from itertools import count
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from handlers.keys import reply
from slipstream.errors import UpstreamUnavailable
from slipstream.fakes.keys import MemoryKeyStore
from slipstream.keys.api import KeysApi
from slipstream.keys.verify import verify

PEPPER, NOW_S = b"p" * 64, 1_800_000_000.0
_numbers = count()


class Desk:
    """The handler with everything around it in memory."""

    def __init__(self) -> None:
        self.store = MemoryKeyStore()
        self.flushes = 0
        self.flush_works = True
        api = KeysApi(store=self.store, pepper=lambda: PEPPER, flush=self._flush, clock=lambda: NOW_S, believe_s=300)
        self.log = StringIO()
        # A logger is one for its name, with its first stream: each desk needs its own.
        logger = Logger(service=f"keys-{next(_numbers)}", stream=self.log)
        self._reply = lambda event: reply(event, api, ("https://a.example",), logger)

    def _flush(self) -> bool:
        self.flushes += 1
        return self.flush_works

    def ask(
        self, method: str, path: str = "/v1/keys", body: Any = None, scopes: str = "admin", **event: Any
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        answer = self._reply(
            {
                "httpMethod": method,
                "path": path,
                "resource": "",
                "multiValueHeaders": {"Origin": ["https://a.example"]},
                "requestContext": {
                    "requestId": "r-1",
                    "authorizer": {"key_id": "boss", "tenant": "t", "scopes": scopes, "models": ""},
                },
                "body": body if isinstance(body, str) or body is None else json.dumps(body),
                **event,
            }
        )
        return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_created_key_works_and_is_shown_once(desk: Desk) -> None:
    status, made, headers = desk.ask("POST", body={"name": "app", "tenant": "acme", "models": ["fast"]})
    assert (status, headers["cache-control"]) == (201, "no-store")
    owner = verify(made["key"], store=desk.store, pepper=PEPPER, now_s=NOW_S)
    assert (owner.tenant, owner.models, owner.scopes) == ("acme", ("fast",), frozenset({"invoke"}))
    status, listed, _ = desk.ask("GET")
    (shown,) = listed["data"]
    assert status == 200
    assert shown == {name: value for name, value in made.items() if name != "key"}
    assert desk.ask("GET", f"/v1/keys/{made['id']}")[1] == shown


def test_nothing_about_a_key_but_its_id_is_logged(desk: Desk) -> None:
    _, made, _ = desk.ask("POST", body={"name": "private name"})
    logged = desk.log.getvalue()
    assert made["id"] in logged
    assert made["key"].rpartition(made["id"])[2] not in logged
    assert "private name" not in logged


def test_a_revoked_key_stops_and_the_authorizer_forgets_it(desk: Desk) -> None:
    _, made, _ = desk.ask("POST")
    status, told, _ = desk.ask("DELETE", f"/v1/keys/{made['id']}")
    assert (status, told["revoked_at"], told["authorizer_cache_flushed"]) == (200, int(NOW_S), True)
    assert desk.flushes == 1
    record = desk.store.get(made["id"])
    assert record is not None
    assert not record.usable(NOW_S)


def test_a_cache_that_could_not_be_emptied_is_told_and_the_key_is_revoked_all_the_same(desk: Desk) -> None:
    _, made, _ = desk.ask("POST")
    desk.flush_works = False
    status, told, _ = desk.ask("DELETE", f"/v1/keys/{made['id']}")
    assert (status, told["revoked"], told["authorizer_cache_flushed"]) == (200, True, False)
    assert "at most 300 s" in told["note"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/keys"), ("GET", "/v1/keys"), ("DELETE", "/v1/keys/x")])
def test_a_key_without_the_admin_scope_may_do_nothing(desk: Desk, method: str, path: str) -> None:
    status, told, _ = desk.ask(method, path, scopes="invoke")
    assert (status, told["error"]["code"]) == (403, "permission_denied")
    assert list(desk.store.all()) == []


def test_an_event_without_an_authorizer_may_do_nothing(desk: Desk) -> None:
    assert desk.ask("GET", requestContext={"requestId": "r"})[0] == 403


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ("{", None),
        ("[]", None),
        ('{"scope": "admin"}', "scope"),
        ('{"tenant": 3}', "tenant"),
        ('{"scopes": ["invoke", 3]}', "scopes[1]"),
        ('{"expires_in_s": -1}', "expires_in_s"),
        ('{"models": ["a b"]}', "models[0]"),
    ],
)
def test_a_bad_body_gets_400_and_the_field_is_named(desk: Desk, body: str, param: str | None) -> None:
    status, told, _ = desk.ask("POST", body=body)
    assert (status, told["error"]["param"]) == (400, param)
    assert list(desk.store.all()) == []


def test_wrong_ids_methods_and_paths_have_their_statuses(desk: Desk) -> None:
    assert desk.ask("DELETE", "/v1/keys/nope")[0] == 404
    assert desk.ask("GET", "/v1/keys/nope")[0] == 404
    assert desk.ask("PUT")[0] == 405
    assert desk.ask("POST", "/v1/keys/nope")[0] == 405
    assert desk.ask("GET", "/v1/keys/a/b")[0] == 404


def test_keys_are_listed_by_tenant(desk: Desk) -> None:
    for tenant in ("a", "b"):
        desk.ask("POST", body={"tenant": tenant})
    _, listed, _ = desk.ask("GET", multiValueQueryStringParameters={"tenant": ["b"]})
    assert [record["tenant"] for record in listed["data"]] == ["b"]


def test_a_browser_of_an_allowed_origin_may_read_answers_and_errors(desk: Desk) -> None:
    for scopes in ("admin", "invoke"):
        assert desk.ask("GET", scopes=scopes)[2]["access-control-allow-origin"] == "https://a.example"


def test_a_table_that_cannot_be_reached_gives_a_retryable_503(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable() -> None:
        raise UpstreamUnavailable("dynamodb cannot be reached; try again")

    monkeypatch.setattr(desk.store, "all", unreachable)
    status, told, _ = desk.ask("GET")
    assert (status, told["error"]["retryable"]) == (503, True)
