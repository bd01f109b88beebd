"""What ranking has learnt, as data: weights of the evidence, a few limits, and where they come from."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Any

import msgspec

from slipstream.errors import InvalidRequest
from slipstream.retrieval.evidence import OF_LEGS, OF_TEXT, Values

NOT_LEXICAL = ("cosine", "length", "exact")
"""Beginnings of the names of evidence that needs no shared words, or only names."""


class SetSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One judged set that weights were fitted on, so that another person can tell whether theirs is the same."""

    name: str
    documents: int
    judged_queries: int
    """With a relevant document; ``used`` of them were learnt from."""
    used: int
    blake2b_128: dict[str, str] = {}
    """File → hash of its bytes (unpacked, where it is gzip), in hex: ``b2sum -l 128``."""


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which judgements the weights were fitted on, and how well they did on what they had not seen."""

    fitted_on: tuple[str, ...] = ()
    judged_queries: int = 0
    date: str = ""
    data_hash: str = ""
    """BLAKE2b of the judgements, in hex."""
    ndcg_at_10: dict[str, float] = {}
    """By set, with weights fitted on the other sets or on the other queries; 0 to 1."""
    sets: tuple[SetSource, ...] = ()
    start: str = ""
    """What the weights started from: ``neutral``, or the BLAKE2b of that file's bytes."""


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weights make a sum of evidence whose differences are log odds: 0.7 more is twice as likely."""

    fusion: Values
    """Of scores and ranks alone: the order that is used when the re-ranker is off, late or not needed."""
    rerank: Values
    """Of those and of the passages' text."""
    skip_margin: float = 5.0
    """Log odds by which the fused first has to lead for the re-ranker to be left out."""
    second_passage: float = 2.0
    """What a document's second passage costs, in log odds: it has to be that much better than the next document."""
    alike: float = 0.9
    """Share of their words from which two passages are the same: the lower one is dropped."""
    version: int = 1
    provenance: Provenance = Provenance()


NEUTRAL = Parameters(fusion={"cosine": 10.0, "passage": 10.0}, rerank={"cosine": 10.0, "passage": 10.0})
"""Both legs alike and nothing else: a start that has seen no judgement."""


def parameters_from(data: Any) -> Parameters:
    """Parameters as JSON has them (a parsed object, or its text). Raises InvalidRequest that names the field."""
    try:
        parameters = msgspec.json.decode(data, type=Parameters) if isinstance(data, (str, bytes)) else (
            msgspec.convert(data, Parameters)
        )  # fmt: skip
    except msgspec.MsgspecError as error:
        raise InvalidRequest(
            f"these are no ranking parameters: {error}. Write them with slipstream index fit.", param="ranking"
        ) from error
    for part, known in (("fusion", OF_LEGS), ("rerank", OF_LEGS + OF_TEXT)):
        for name in getattr(parameters, part):
            if name not in known:
                raise InvalidRequest(
                    f"ranking parameters weigh {name!r} in {part}, which this version does not know; "
                    f"fit them again with slipstream index fit. It knows {', '.join(known)}.",
                    param=f"ranking.{part}",
                )
    return parameters


@lru_cache(maxsize=1)
def shipped() -> Parameters:
    """The parameters that come with this version, fitted to travel: see docs/retrieval.md."""
    return parameters_from(resources.files("slipstream.retrieval").joinpath("data/ranking.json").read_bytes())


def less_lexical(parameters: Parameters, trust: float) -> Parameters:
    """The same with ``trust`` (0 to 1) of the weights of everything that rests on shared words.

    Cosines count in full, and so do identifiers, which are found letter by letter.
    """

    def less(weights: Values) -> Values:
        return {name: weight * (1.0 if name.startswith(NOT_LEXICAL) else trust) for name, weight in weights.items()}

    return msgspec.structs.replace(parameters, fusion=less(parameters.fusion), rerank=less(parameters.rerank))


def weighed(weights: Values, values: Values) -> float:
    """The sum of what the weights name; evidence without a weight does not count."""
    return sum(weight * values[name] for name, weight in weights.items())
