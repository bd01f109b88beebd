"""The form of a key, ``sk-slip-<key id>-<secret>``, and the keyed hash that is stored in the secret's place."""

from __future__ import annotations

import hashlib
import re

from slipstream.ulid import ALPHABET, LENGTH

PREFIX = "sk-slip-"
SECRET_BYTES = 32
MIN_PEPPER_BYTES = 32

_SECRET_LENGTH = 43  # 32 bytes in base64url without padding
_FORM = re.compile(rf"{PREFIX}([{ALPHABET}]{{{LENGTH}}})-([A-Za-z0-9_-]{{{_SECRET_LENGTH}}})")


def compose(key_id: str, secret: str) -> str:
    """Return the key as its owner sees it, once."""
    return f"{PREFIX}{key_id}-{secret}"


def split(key: str) -> tuple[str, str] | None:
    """Return key id and secret, or None for what is not a key of ours."""
    match = _FORM.fullmatch(key)
    return (match[1], match[2]) if match else None


def keyed_hash(pepper: bytes, key_id: str, secret: str) -> str:
    """Return BLAKE2b-256 over id and secret, keyed with ``pepper``, in hex.

    The id is part of what is hashed, so a stored hash cannot be moved to another record. The secret has 256
    random bits: a slow password hash would cost time on every request and add nothing.
    Raises ValueError for a pepper under 32 bytes: an empty one must never pass for a working one.
    """
    if len(pepper) < MIN_PEPPER_BYTES:
        raise ValueError(f"the pepper has {len(pepper)} bytes; it needs {MIN_PEPPER_BYTES} or more")
    hash_key = hashlib.blake2b(pepper, digest_size=32, person=b"slip-pepper").digest()
    message = f"{key_id}-{secret}".encode()
    return hashlib.blake2b(message, key=hash_key, digest_size=32, person=b"slip-api-key").hexdigest()
