"""A recommendation carried out: a new generation beside the live one, filled from what is stored, then swapped in."""

from __future__ import annotations

from time import monotonic
from typing import Any

import msgspec

from cli.tuning_data import Progress
from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import SlipstreamError
from slipstream.models.embedding import EmbeddingCall, Embeddings
from slipstream.models.targets import Target
from slipstream.retrieval import reindex
from slipstream.retrieval.ports import DocumentIndex, IndexSpec
from slipstream.retrieval.tuning.candidates import label
from slipstream.retrieval.tuning.choice import Recommendation
from slipstream.telemetry.waterfall import Waterfall

STEP_S = 5.0
"""How often progress is told."""


def change(
    index: DocumentIndex, name: str, current: IndexSpec, found: Recommendation, progress: Progress
) -> dict[str, Any]:
    """Re-index to ``found``, unless the index is that already or ``found`` misses a target. What was done, in words.

    Raises what the engine says; a re-index that was cut short goes on with ``slipstream index reindex --resume``.
    """
    spec = found.row.spec
    if not found.meets:
        return {"changed": False, "did": f"Nothing was changed: {label(spec)} does not reach the targets."}
    if spec == current:
        return {"changed": False, "did": "Nothing was changed: the index is what is recommended."}
    reindex.begin(index, name, spec)
    while True:
        step = reindex.step(index, name, _NoEmbedder(), _no_target, deadline_s=monotonic() + STEP_S)
        progress("re-indexing", step.documents - step.left, step.documents)
        if step.finished:
            return {
                "changed": True, "generation": step.generation, "spec": msgspec.to_builtins(spec),
                "did": f"{step.generation} is live: {label(spec)}.",
            }  # fmt: skip


class _NoEmbedder:
    """The vectors stay what they are: model and dimensions are no part of what is tuned."""

    def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
        """See Embedder."""
        raise _unwanted(call.model_id)


def _no_target(model: str) -> Target:
    raise _unwanted(model)


def _unwanted(model: str) -> SlipstreamError:
    return SlipstreamError(f"a passage has no vector of {model}: load its document again, then tune")
