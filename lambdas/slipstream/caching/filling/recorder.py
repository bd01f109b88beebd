"""After the last byte: a sampled request into the log of what was asked, unless it may not be written down.

Refused before anything is written: whatever is not one short question, and text that names an address or a long number
(``slipstream.caching.precompute.privacy``), in the question or in what is asked with it. A user is never written, only
a hash under a random salt, which the store forgets with the retention: then nobody can tell any more whose it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import blake2b
from os import urandom
from threading import Lock

from slipstream.caching.day import DAY_S, day_of
from slipstream.caching.filling.asked import AskedStore, Family, Sighting
from slipstream.caching.filling.template import Asking, taken_apart
from slipstream.caching.precompute.privacy import personal
from slipstream.chat.request import ChatRequest
from slipstream.errors import SlipstreamError

MOST_FAMILIES_A_DAY = 200
"""That one environment logs: where every request has a system prompt of its own, nothing comes again."""


def drawn() -> float:
    """A number from 0 to 1, 1 excluded; without the library that a cold start would pay for."""
    return int.from_bytes(urandom(4), "big") / 2**32


class Recorder:
    """Built once an environment; safe for threads. ``share`` of the requests are logged, and kept for ``days``."""

    def __init__(
        self,
        store: AskedStore,
        *,
        share: float,
        days: int,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = drawn,
    ) -> None:
        """``clock`` gives Unix time (s), ``random`` a number from 0 to 1, 1 excluded."""
        self._store = store
        self._share = share
        self._days = days
        self._clock = clock
        self._random = random
        self._lock = Lock()
        self._period = ""
        self._described: set[tuple[str, str]] = set()
        self._salt: tuple[str, bytes] = ("", b"")

    def note(self, request: ChatRequest, namespace: str) -> dict[str, float]:
        """Log a request that was answered. Returns counts for the metrics; never raises."""
        if self._random() >= self._share:
            return {}
        asking = taken_apart(request)
        if asking is None or any(personal(text) for text in (asking.question, *asking.texts)):
            return {"query_log_left_out": 1.0}
        try:
            kept = self._write(request, namespace, asking)
        except SlipstreamError:
            return {"query_log_error": 1.0}
        return {"query_logged": 1.0} if kept else {"query_log_full": 1.0}

    def _write(self, request: ChatRequest, namespace: str, asking: Asking) -> bool:
        now_s = self._clock()
        period = day_of(now_s)
        until_s = now_s + self._days * DAY_S
        place = (namespace, asking.family)
        with self._lock:
            if period != self._period:
                self._period, self._described = period, set()
            known = place in self._described
            if not known and len(self._described) >= MOST_FAMILIES_A_DAY:
                return False
        if not known:
            family = Family(namespace=namespace, family=asking.family, template=asking.template)
            self._store.describe(family, until_s=until_s)
            with self._lock:
                self._described.add(place)
        sighting = Sighting(
            namespace=namespace,
            family=asking.family,
            period=period,
            question=asking.question,
            user=self._hashed(request, now_s),
            weight=round(1 / self._share, 3),
        )
        self._store.count(sighting, until_s=until_s)
        return True

    def _hashed(self, request: ChatRequest, now_s: float) -> str:
        """Who asked, as a hash. A caller that names no user is one user: its tenant."""
        number = int(now_s // (self._days * DAY_S))
        epoch, salt = self._salt
        if epoch != str(number):
            epoch = str(number)
            # counts of this epoch's last day are gone when the salt is
            salt = self._store.salt(epoch, urandom(32), until_s=(number + 2) * self._days * DAY_S)
            self._salt = epoch, salt
        told = f"{request.tenant}\0{request.user or ''}".encode()
        return blake2b(told, key=salt, digest_size=12).hexdigest()
