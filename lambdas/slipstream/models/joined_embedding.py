"""One call for the same text where two of a request's steps want its vector at once: a search, and kept answers."""

from __future__ import annotations

from threading import Event, Lock

from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import ClientGone
from slipstream.models.embedding import Embedder, EmbeddingCall, Embeddings
from slipstream.telemetry.waterfall import Waterfall

LOOK_S = 0.25
"""How often one who waits looks whether its own caller is still there."""


class _Flight:
    def __init__(self) -> None:
        self.over = Event()
        self.made: Embeddings | None = None


class JoinedEmbedder:
    """An Embedder over another one, for calls of one text; safe for threads. Nothing is remembered."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._flights: dict[tuple[str, int | None, str, str], _Flight] = {}
        self._lock = Lock()

    def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
        """See Embedder. Where the first one's call fails, or its caller leaves, the others make their own."""
        if len(call.texts) != 1:
            return self._embedder.embed(call, waterfall, disconnect)
        key = (call.target_id, call.dimensions, call.input_type, call.texts[0])
        with self._lock:
            joined = self._flights.get(key)
            flight = joined or self._flights.setdefault(key, _Flight())
        if joined is None:
            try:
                flight.made = self._embedder.embed(call, waterfall, disconnect)
                return flight.made
            finally:
                with self._lock:
                    del self._flights[key]
                flight.over.set()
        with waterfall.span("bedrock_wait"):
            while not flight.over.wait(LOOK_S):
                if disconnect.gone():
                    raise ClientGone("the client closed its connection before the answer was complete")
        return flight.made or self._embedder.embed(call, waterfall, disconnect)
