"""What each step of ranking is worth: the same searches with one step left out at a time."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from slipstream.retrieval.evaluation import Searched
from slipstream.retrieval.evidence import OF_LEGS, OF_TEXT, Values
from slipstream.retrieval.parameters import Parameters
from slipstream.retrieval.search import Hit

PER_QUESTION = tuple(name for name in OF_LEGS if "_" in name)
"""The evidence that weighs the legs by the question."""


def variants(parameters: Parameters) -> dict[str, Parameters]:
    """Parameters without one kind of evidence, by what is missing."""
    dropped = {
        "document BM25": ("document",),
        "document length": ("length",),
        "weights by question": PER_QUESTION,
        "all text evidence": OF_TEXT,
        **{f"text: {name}": (name,) for name in OF_TEXT},
    }
    return {what: _without(parameters, names) for what, names in dropped.items()}


def blind(searched: Sequence[Searched]) -> list[Searched]:
    """The same searches as if no leg had been asked about the other's passages."""
    return [
        msgspec.structs.replace(
            one,
            legs=msgspec.structs.replace(
                one.legs, lexical=_forgotten(one.legs.lexical), dense=_forgotten(one.legs.dense)
            ),
        )
        for one in searched
    ]


def _forgotten(hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
    return tuple(msgspec.structs.replace(hit, other_score=None) for hit in hits)


def _without(parameters: Parameters, names: Sequence[str]) -> Parameters:
    def rest(weights: Values) -> Values:
        return {name: weight for name, weight in weights.items() if name not in names}

    return msgspec.structs.replace(parameters, fusion=rest(parameters.fusion), rerank=rest(parameters.rerank))
