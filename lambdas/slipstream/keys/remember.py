"""Memory of checked keys, for deployments in which API Gateway cannot keep one."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from slipstream.gateway.http import Principal

MAX_KEYS = 10_000


class Remembered:
    """Wraps a check: what it found stands for ``ttl_s`` seconds; refusals are never remembered. 0: no memory.

    Keys are held as hashes only.
    """

    def __init__(self, check: Callable[[str], Principal], *, ttl_s: float, clock: Callable[[], float]) -> None:
        self._check = check
        self._ttl_s = ttl_s
        self._clock = clock
        self._known: dict[bytes, tuple[float, Principal]] = {}

    def __call__(self, key: str) -> Principal:
        """Whose key it is. Raises what the check raises."""
        if self._ttl_s <= 0:
            return self._check(key)
        name, now_s = blake2b(key.encode("utf-8", "replace"), digest_size=32).digest(), self._clock()
        until_s, principal = self._known.get(name, (0.0, None))
        if principal is not None and now_s < until_s:
            return principal
        self._known.pop(name, None)
        principal = self._check(key)
        if len(self._known) >= MAX_KEYS:
            self._known.clear()
        self._known[name] = (now_s + self._ttl_s, principal)
        return principal
