"""The vectors of questions that are compared with others: what makes them, and how long that may take."""

from __future__ import annotations

from time import perf_counter

from slipstream.disconnect import Disconnect
from slipstream.models.embedding import Embedder, embedding_call
from slipstream.models.targets import Target
from slipstream.retrieval.question.clean import normalized
from slipstream.telemetry.waterfall import Waterfall

DIMENSIONS = 512
"""Where the model lets them be chosen: what indexes have as well, so that a question is embedded once for both."""
ENDS_S = 2.0
"""When a call ends. Who waits for it has a limit of its own; a late vector still serves the next one who asks."""


class QuestionEmbedding:
    """Of one model. ``space`` names it and the vectors' size: what was made by another is not compared."""

    def __init__(self, embedder: Embedder, target: Target) -> None:
        self._embedder = embedder
        self._target = target
        self._dimensions = DIMENSIONS if DIMENSIONS in target.model.dimensions else None
        self.space = f"{target.model.id}/{self._dimensions or 'own'}"

    def of(self, text: str) -> list[float]:
        """See semantic.serving.Embed. Raises InvalidRequest where the model makes no vectors."""
        call = embedding_call(self._target, [normalized(text)], self._dimensions, "search_query")
        line = Disconnect()  # the caller's would end a call that others may have joined
        line.ends_s = perf_counter() + ENDS_S
        return self._embedder.embed(call, Waterfall(), line).vectors[0]
