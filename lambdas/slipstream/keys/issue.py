"""Making, listing and revoking keys."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from slipstream.errors import InvalidRequest, NotFound
from slipstream.keys.form import SECRET_BYTES, compose, keyed_hash
from slipstream.keys.store import KeyRecord, KeyStore
from slipstream.ulid import new_ulid

SCOPES = ("invoke", "ingest", "admin")
MAX_MODELS, MAX_TEXT, MAX_LIFETIME_S = 50, 100, 10 * 366 * 86_400
_TENANT = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_TEXT}}}")
_MODEL = re.compile(r"[A-Za-z0-9._:/*?@-]{1,300}")


def create(
    *,
    store: KeyStore,
    pepper: bytes,
    now_s: float,
    tenant: str = "default",
    scopes: Sequence[str] = ("invoke",),
    models: Sequence[str] = (),
    name: str = "",
    expires_in_s: int | None = None,
) -> tuple[str, KeyRecord]:
    """Make a key; return it, the only time it is ever seen, and its record.

    ``models`` are ids, aliases or globs, none means all; ``expires_in_s`` counts from now, None means never.
    Raises InvalidRequest, naming the field.
    """
    _check(tenant, scopes, models, name, expires_in_s)
    key_id = new_ulid(now_s)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    record = KeyRecord(
        key_id=key_id,
        digest=keyed_hash(pepper, key_id, secret),
        tenant=tenant,
        scopes=tuple(dict.fromkeys(scopes)),
        models=tuple(dict.fromkeys(models)),
        name=name,
        created_s=int(now_s),
        expires_s=None if expires_in_s is None else int(now_s) + expires_in_s,
    )
    store.add(record)
    return compose(key_id, secret), record


def listed(store: KeyStore, tenant: str | None = None) -> list[KeyRecord]:
    """Return the records, of ``tenant`` or of all, oldest first (ids sort by age)."""
    return sorted((r for r in store.all() if tenant in (None, r.tenant)), key=lambda record: record.key_id)


def revoke(key_id: str, *, store: KeyStore, now_s: float) -> KeyRecord:
    """Revoke a key; a second time changes nothing. Raises NotFound."""
    record = store.revoke(key_id, int(now_s))
    if record is None:
        raise NotFound(f"there is no key '{key_id[:MAX_TEXT]}'; GET /v1/keys lists them", param="id")
    return record


def _check(tenant: str, scopes: Sequence[str], models: Sequence[str], name: str, expires_in_s: int | None) -> None:
    if not _TENANT.fullmatch(tenant):
        raise InvalidRequest(f"tenant is 1 to {MAX_TEXT} letters, digits, '.', '_' or '-'", param="tenant")
    if not scopes:
        raise InvalidRequest(f"scopes needs at least one of {', '.join(SCOPES)}", param="scopes")
    for index, scope in enumerate(scopes):
        if scope not in SCOPES:
            raise InvalidRequest(
                f"no scope '{scope[:MAX_TEXT]}'; there are {', '.join(SCOPES)}", param=f"scopes[{index}]"
            )
    if len(models) > MAX_MODELS:
        raise InvalidRequest(f"models holds {len(models)} entries; the limit is {MAX_MODELS}", param="models")
    for index, model in enumerate(models):
        # Models travel space-separated in the authorizer's context, so a space would make two of one.
        if not _MODEL.fullmatch(model):
            raise InvalidRequest(
                "a model is an id, an ARN, an alias or a glob, without spaces", param=f"models[{index}]"
            )
    if len(name) > MAX_TEXT or not name.isprintable():
        raise InvalidRequest(f"name is at most {MAX_TEXT} printable characters", param="name")
    if expires_in_s is not None and not 1 <= expires_in_s <= MAX_LIFETIME_S:
        raise InvalidRequest(f"expires_in_s is 1 to {MAX_LIFETIME_S} seconds", param="expires_in_s")
