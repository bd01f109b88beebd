"""Embeds passages side by side, in batches where the model takes them, at the pace that its quota allows."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from slipstream.errors import SlipstreamError, UpstreamError
from slipstream.gateway.http import NEVER
from slipstream.gateway.ports import Embedder
from slipstream.retrieval.ports import IndexSpec
from slipstream.telemetry.waterfall import Waterfall

Vector = tuple[float, ...]
ATTEMPTS = 8
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 20.0
_BATCHES = {"cohere.embed": 96}


class PassageVectors:
    """A pool of ``side_by_side`` calls. Where one is throttled all of them wait, as they share one quota.

    ``flush`` sends what waits for a batch to fill; ``close`` ends the pool and drops what has not begun.
    """

    def __init__(
        self,
        embedder: Embedder,
        *,
        side_by_side: int = 8,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._embedder = embedder
        self._pool = ThreadPoolExecutor(side_by_side, thread_name_prefix="embed")
        self._sleep = sleep
        self._clock = clock
        self._waiting: dict[tuple[str, int], list[tuple[str, Future[Vector]]]] = {}
        self._not_before_s = 0.0
        self._lock = threading.Lock()

    def submit(self, spec: IndexSpec, text: str) -> Future[Vector]:
        """The vector of ``text`` to come. Its exception is a SlipstreamError."""
        place = (spec.embedding_model, spec.dimensions)
        batch = self._waiting.setdefault(place, [])
        future: Future[Vector] = Future()
        batch.append((text, future))
        if len(batch) >= next((size for name, size in _BATCHES.items() if name in spec.embedding_model), 1):
            self._send(place)
        return future

    def flush(self) -> None:
        """Send batches that are not full."""
        for place in list(self._waiting):
            self._send(place)

    def close(self) -> None:
        """Wait for the calls that run; the others never begin."""
        self._pool.shutdown(cancel_futures=True)

    def _send(self, place: tuple[str, int]) -> None:
        if batch := self._waiting.pop(place, None):
            self._pool.submit(self._embed, *place, batch)

    def _embed(self, model_id: str, dimensions: int, batch: list[tuple[str, Future[Vector]]]) -> None:
        wanted = [(text, future) for text, future in batch if future.set_running_or_notify_cancel()]
        if not wanted:
            return
        try:
            vectors = self._patiently(model_id, dimensions, [text for text, _ in wanted])
        except BaseException as error:  # a future that is never set would be waited for without end
            for _, future in wanted:
                future.set_exception(error)
            return
        for (_, future), vector in zip(wanted, vectors, strict=True):
            future.set_result(unit(vector))

    def _patiently(self, model_id: str, dimensions: int, texts: list[str]) -> list[list[float]]:
        for attempt in range(ATTEMPTS):
            self._wait()
            try:
                made = self._embedder.embed(model_id, texts, dimensions, Waterfall(time.perf_counter()), NEVER)
            except SlipstreamError as error:
                if not error.retryable or attempt == ATTEMPTS - 1:
                    raise
                self._back_off(error, attempt)
            else:
                if len(made.vectors) != len(texts):
                    raise UpstreamError("the embedding model answered with another number of vectors than of texts")
                return made.vectors
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def _wait(self) -> None:
        left_s = self._not_before_s - self._clock()
        if left_s > 0:
            self._sleep(left_s)

    def _back_off(self, error: SlipstreamError, attempt: int) -> None:
        """As long as the service asked for, else twice as long each time, with jitter."""
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt) * random.uniform(0.5, 1.0)  # noqa: S311
        until_s = self._clock() + max(wait_s, error.retry_after_s or 0.0)
        with self._lock:
            self._not_before_s = max(self._not_before_s, until_s)


def unit(vector: list[float]) -> Vector:
    """The vector at length 1; models that normalize are left as they are."""
    length = math.sqrt(sum(value * value for value in vector))
    if not length or abs(length - 1.0) < 1e-3:
        return tuple(vector)
    return tuple(value / length for value in vector)
