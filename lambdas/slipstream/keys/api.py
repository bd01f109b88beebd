"""Key administration over HTTP: POST and GET /v1/keys, GET and DELETE /v1/keys/{id}."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from slipstream.errors import InvalidRequest, MethodNotAllowed, NotFound
from slipstream.gateway.http import HttpRequest
from slipstream.keys import issue
from slipstream.keys.store import KeyRecord, KeyStore

ROOT = "/v1/keys"


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/keys. ``expires_in_s`` counts from now."""

    name: str = ""
    tenant: str = "default"
    scopes: list[str] = msgspec.field(default_factory=lambda: ["invoke"])
    models: list[str] = []
    expires_in_s: int | None = None


class KeysApi:
    """Needs the scope ``admin``. ``flush`` empties the authorizer's cache, which believes a key for ``believe_s``
    seconds, and says whether it did.
    """

    def __init__(
        self,
        *,
        store: KeyStore,
        pepper: Callable[[], bytes],
        flush: Callable[[], bool],
        clock: Callable[[], float],
        believe_s: int,
    ) -> None:
        self._store = store
        self._pepper = pepper
        self._flush = flush
        self._clock = clock
        self._believe_s = believe_s

    def __call__(self, request: HttpRequest) -> tuple[int, dict[str, Any]]:
        """Status and JSON body. Raises SlipstreamError."""
        request.principal.require("admin")
        path, method = request.path.rstrip("/"), request.method
        if path == ROOT:
            if method == "POST":
                return 201, self._create(request.body)
            if method == "GET":
                records = issue.listed(self._store, request.query.get("tenant"))
                return 200, {"object": "list", "data": [shown(record) for record in records]}
            raise MethodNotAllowed(f"{method} is not for {ROOT}: use GET or POST")
        parent, _, key_id = path.rpartition("/")
        if parent != ROOT:
            raise NotFound(f"no such route: {ROOT} and {ROOT}/{{id}} are here")
        if method == "DELETE":
            return 200, self._revoke(key_id)
        if method == "GET":
            record = self._store.get(key_id)
            if record is None:
                raise NotFound(f"there is no key '{key_id[:100]}'; GET {ROOT} lists them", param="id")
            return 200, shown(record)
        raise MethodNotAllowed(f"{method} is not for {ROOT}/{{id}}: use GET or DELETE")

    def _create(self, body: bytes) -> dict[str, Any]:
        wanted = _decode(body)
        key, record = issue.create(
            store=self._store,
            pepper=self._pepper(),
            now_s=self._clock(),
            tenant=wanted.tenant,
            scopes=wanted.scopes,
            models=wanted.models,
            name=wanted.name,
            expires_in_s=wanted.expires_in_s,
        )
        return {**shown(record), "key": key}

    def _revoke(self, key_id: str) -> dict[str, Any]:
        record = issue.revoke(key_id, store=self._store, now_s=self._clock())
        flushed = self._flush()
        told = {**shown(record), "revoked": True, "authorizer_cache_flushed": flushed}
        if not flushed and self._believe_s:
            told["note"] = (
                f"who has used it just now may go on for at most {self._believe_s} s (the authorizer's cache)"
            )
        return told


def shown(record: KeyRecord) -> dict[str, Any]:
    """A record as operators see it: everything but its hash. Times are Unix seconds."""
    return {
        "object": "api_key",
        "id": record.key_id,
        "name": record.name,
        "tenant": record.tenant,
        "scopes": list(record.scopes),
        "models": list(record.models),
        "created_at": record.created_s,
        "expires_at": record.expires_s,
        "revoked_at": record.revoked_s,
    }


def _decode(body: bytes) -> NewKey:
    try:
        return msgspec.json.decode(body or b"{}", type=NewKey)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        field = where.rstrip("`").removeprefix(".")
        if "unknown field" in message:
            field = message.split("`")[1]
        raise InvalidRequest(f"the body is not a key's description: {message}", param=field or None) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidRequest('the body is no JSON: send for example {"name": "my app"}') from None
