"""From the key in a request to whose key it is."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from slipstream.errors import Unauthenticated
from slipstream.gateway.http import Principal
from slipstream.keys.form import keyed_hash, split
from slipstream.keys.store import KeyStore

_HOW = "send `Authorization: Bearer sk-slip-…`; `slipstream keys create` makes a key"
_NOBODY = "0" * 26
_NO_DIGEST = "-" * 64
"""As long as a digest, and no hash's hex."""


def presented_key(headers: Mapping[str, str]) -> str:
    """Return the key of a request; ``headers`` has lower-case names. ``Authorization`` goes before ``x-api-key``.

    Raises Unauthenticated if there is none.
    """
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    key = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "").strip()
    if not key:
        raise Unauthenticated(f"no API key in the request: {_HOW}")
    return key


def verify(key: str, *, store: KeyStore, pepper: bytes, now_s: float) -> Principal:
    """Return the key's owner.

    Raises Unauthenticated, with one and the same message whether the key is malformed, unknown, wrong, expired or
    revoked. An unknown id costs the same look-up, hash and comparison as a known one.
    """
    key_id, secret = split(key) or (_NOBODY, "")
    record = store.get(key_id)
    stored = record.digest if record else _NO_DIGEST
    genuine = hmac.compare_digest(stored, keyed_hash(pepper, key_id, secret))
    if record is None or not genuine or not record.usable(now_s):
        raise Unauthenticated(f"this API key is not valid: {_HOW}")
    return Principal(record.key_id, record.tenant, frozenset(record.scopes), record.models)
