"""Embeds passages side by side, in batches where the model takes them, at the pace that its quota allows."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime

import msgspec

from slipstream.disconnect import Disconnect
from slipstream.errors import SlipstreamError
from slipstream.models.embedding import Embedder, EmbeddingCall, embedding_call
from slipstream.models.targets import Target
from slipstream.retrieval.document import Document, embedding_text
from slipstream.retrieval.ports import IndexSpec
from slipstream.telemetry.waterfall import Waterfall

Vector = tuple[float, ...]
ATTEMPTS = 8
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 20.0


class PassageVectors:
    """A pool of ``side_by_side`` calls. Where one is throttled all of them wait, as they share one quota.

    ``flush`` sends what waits for a batch to fill; ``close`` ends the pool and drops what has not begun. Beyond
    ``deadline_s`` (of ``clock``) nothing is asked, waited for or tried again: vectors that are not there by then raise
    ``concurrent.futures.TimeoutError``.
    """

    def __init__(
        self,
        embedder: Embedder,
        resolve: Callable[[str], Target],
        *,
        side_by_side: int = 8,
        deadline_s: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._embedder = embedder
        self._resolve = resolve
        self._pool = ThreadPoolExecutor(side_by_side, thread_name_prefix="embed")
        self._sleep = sleep
        self._clock = clock
        self._deadline_s = deadline_s
        self._until = Disconnect()
        self._until.ends_s = deadline_s
        self._closed = False
        self._calls: dict[tuple[str, int], EmbeddingCall] = {}
        self._waiting: dict[tuple[str, int], list[tuple[str, Future[Vector]]]] = {}
        self._not_before_s = 0.0
        self._lock = threading.Lock()

    def of(self, document: Document, spec: IndexSpec, former: Mapping[str, Vector]) -> tuple[list[Future[Vector]], int]:
        """The vectors of a document's passages, and how many of them are computed.

        ``former``: vectors that are known, by the text that they are made of.
        """
        futures: list[Future[Vector]] = []
        computed = 0
        for passage in document.passages:
            text = embedding_text(document, passage)
            if vector := former.get(text):
                futures.append(Future())
                futures[-1].set_result(vector)
            else:
                futures.append(self.submit(spec, text))
                computed += 1
        return futures, computed

    def submit(self, spec: IndexSpec, text: str) -> Future[Vector]:
        """The vector of ``text`` to come. Raises ModelNotFound or InvalidRequest for a spec that cannot be met."""
        place = (spec.embedding_model, spec.dimensions)
        if place not in self._calls:
            self._calls[place] = embedding_call(self._resolve(spec.embedding_model), (), spec.dimensions)
        batch = self._waiting.setdefault(place, [])
        future: Future[Vector] = Future()
        batch.append((text, future))
        if len(batch) >= self._calls[place].max_texts:
            self._send(place)
        return future

    def flush(self) -> None:
        """Send batches that are not full."""
        for place in list(self._waiting):
            self._send(place)

    def close(self) -> None:
        """Wait for the calls that run; the others never begin, and none is tried again."""
        self._closed = True
        self._pool.shutdown(cancel_futures=True)

    def _send(self, place: tuple[str, int]) -> None:
        if batch := self._waiting.pop(place, None):
            self._pool.submit(self._embed, self._calls[place], batch)

    def _embed(self, call: EmbeddingCall, batch: list[tuple[str, Future[Vector]]]) -> None:
        wanted = [(text, future) for text, future in batch if future.set_running_or_notify_cancel()]
        if not wanted:
            return
        try:
            vectors = self._patiently(msgspec.structs.replace(call, texts=[text for text, _ in wanted]))
        except BaseException as error:  # a future that is never set would be waited for without end
            for _, future in wanted:
                future.set_exception(error)
            return
        for (_, future), vector in zip(wanted, vectors, strict=True):
            future.set_result(unit(vector))

    def _patiently(self, call: EmbeddingCall) -> list[list[float]]:
        for attempt in range(ATTEMPTS - 1):
            try:
                return self._once(call)
            except SlipstreamError as error:
                if not error.retryable:
                    raise
                self._back_off(error, attempt)
        return self._once(call)

    def _once(self, call: EmbeddingCall) -> list[list[float]]:
        self._wait()
        return self._embedder.embed(call, Waterfall(time.perf_counter()), self._until).vectors

    def _wait(self) -> None:
        now_s = self._clock()
        if self._closed or (self._deadline_s is not None and max(now_s, self._not_before_s) >= self._deadline_s):
            raise NotInTime
        if self._not_before_s > now_s:
            self._sleep(self._not_before_s - now_s)

    def _back_off(self, error: SlipstreamError, attempt: int) -> None:
        """As long as the service asked for, else twice as long each time, with jitter."""
        wait_s: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt) * random.uniform(0.5, 1.0)  # noqa: S311
        until_s = self._clock() + max(wait_s, error.retry_after_s or 0.0)
        with self._lock:
            self._not_before_s = max(self._not_before_s, until_s)


def unit(vector: list[float]) -> Vector:
    """The vector at length 1; models that normalize are left as they are."""
    length = math.sqrt(sum(value * value for value in vector))
    if not length or abs(length - 1.0) < 1e-3:
        return tuple(vector)
    return tuple(value / length for value in vector)
