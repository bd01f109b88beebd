"""A question's vector: waited for no longer than it is worth, and remembered."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from slipstream.beside import Beside
from slipstream.disconnect import Disconnect
from slipstream.errors import ClientGone, SlipstreamError
from slipstream.models.embedding import Embedder, embedding_call
from slipstream.models.targets import Target
from slipstream.retrieval.ports import IndexSpec
from slipstream.telemetry.waterfall import Waterfall

EMBED_LIMIT_S = 1.0
"""A vector that takes longer is not waited for: the lexical leg serves alone, and the reply says so."""
CALL_ENDS_AFTER = 1.25
"""Times the limit, after which the call ends too. Not sooner, so that it is the limit that a reply tells of."""
CALLS_AT_ONCE = 64
"""More than the requests that one environment has; a call that hangs holds its place until it ends."""
REMEMBERED_VECTORS = 2048

Vector = tuple[float, ...]


class QuestionVectors:
    """Built once an environment; safe to share between threads."""

    def __init__(
        self,
        embedder: Embedder,
        target: Callable[[str], Target],
        *,
        limit_s: float = EMBED_LIMIT_S,
        calls_at_once: int = CALLS_AT_ONCE,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        """``target`` finds an embedding model by its id; ``clock`` is the one of ``Disconnect.ends_s``."""
        self._embedder = embedder
        self._target = target
        self._limit_s = limit_s
        self._clock = clock
        self._beside = Beside(calls_at_once)
        self._known: dict[tuple[str, int, str], Vector] = {}

    def of(self, text: str, spec: IndexSpec, disconnect: Disconnect) -> tuple[Vector, str]:
        """The vector of ``text`` in the space of ``spec``; where there is none, why, for the reply.

        Raises ClientGone, and InvalidRequest for a spec that its model cannot meet.
        """
        key = (spec.embedding_model, spec.dimensions, text)
        if (known := self._known.get(key)) is not None:
            return known, ""
        call = embedding_call(self._target(spec.embedding_model), [text], spec.dimensions, "search_query")
        worth = _WhileWaitedFor(disconnect, self._clock() + self._limit_s * CALL_ENDS_AFTER)
        pending = self._beside.start(lambda: tuple(self._embedder.embed(call, Waterfall(), worth).vectors[0]))
        try:
            vector = pending.result(self._limit_s)
        except TimeoutError:
            worth.over = True
            self._beside.take_back(pending)
            return (), f"dense: the question's vector took longer than {self._limit_s:g} s"
        except ClientGone:
            raise
        except SlipstreamError as error:
            # A model service may repeat what it was sent, and notes hold nothing of what callers write.
            return (), f"dense: {error.code}" + ("" if text in error.message else f": {error.message}")
        if len(self._known) >= REMEMBERED_VECTORS:
            self._known.clear()
        self._known[key] = vector
        return vector, ""


class _WhileWaitedFor(Disconnect):
    """The caller's line, until nobody waits for the vector any more: it may belong to another request by then."""

    def __init__(self, line: Disconnect, ends_s: float) -> None:
        self._line = line
        self.ends_s = ends_s if line.ends_s is None else min(ends_s, line.ends_s)
        self.over = False

    def fileno(self) -> int | None:
        """See Disconnect."""
        return None if self.over else self._line.fileno()

    def gone(self) -> bool:
        """See Disconnect."""
        return self.over or self._line.gone()
