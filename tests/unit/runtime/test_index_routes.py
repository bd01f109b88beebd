"""Index routes in front of the chat function's app, in one process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipstream.errors import Unauthenticated
from slipstream.gateway.http import HttpRequest, HttpResponse, Principal
from slipstream.runtime.index_routes import with_indexes
from slipstream.runtime.search_parts import SearchSettings
from slipstream.runtime.settings import Settings

NOWHERE = "http://127.0.0.1:9"
CREDENTIALS = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
SETTINGS = Settings(region="us-east-1", search=SearchSettings(NOWHERE, signed=False, region=""))


def ask(method: str, path: str, body: bytes = b"", **fields: Any) -> tuple[int, dict[str, str], Any]:
    """Of an app that calls everything else a teapot; status, headers, JSON."""
    app = with_indexes(lambda _: HttpResponse(418, []), SETTINGS, CREDENTIALS | {"OPENSEARCH_URL": NOWHERE})
    request = HttpRequest(method, path, {"x-request-id": "r1"}, body, **fields)
    found = app(request)
    raw = b"".join(found.body)
    return found.status, dict(found.headers), json.loads(raw) if raw else None


@pytest.mark.parametrize("path", ["/v1/search", "/v1/indexesx", "/v1", "/"])
def test_every_other_path_is_the_apps(path: str) -> None:
    assert ask("GET", path)[0] == 418


def test_who_was_turned_away_is_told_so_here_too() -> None:
    status, headers, told = ask("GET", "/v1/indexes", denied=Unauthenticated("no key"))

    assert (status, told["error"]["message"], headers["x-request-id"]) == (401, "no key", "r1")


def test_scopes_are_asked_for() -> None:
    status, _, told = ask("PUT", "/v1/indexes/docs", b"{}", principal=Principal("k"))

    assert (status, "scope 'admin'" in told["error"]["message"]) == (403, True)


def test_an_engine_that_is_not_there_yet_is_worth_another_try() -> None:
    admin = Principal("k", scopes=frozenset({"admin"}))

    status, headers, told = ask("GET", "/v1/indexes/docs", principal=admin)

    assert (status, headers["x-should-retry"]) == (503, "true")
    assert "cannot be reached" in told["error"]["message"]
