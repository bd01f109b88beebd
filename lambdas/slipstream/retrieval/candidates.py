"""What the legs found, put together by document: each with both legs' scores, whichever leg found it."""

from __future__ import annotations

import msgspec

from slipstream.retrieval.search import Hit, Legs


class Candidate(msgspec.Struct, frozen=True):
    """A document that a leg found, with its passages that were found, the better ones of each leg first."""

    document_id: str
    hits: tuple[Hit, ...]
    cosine: float
    """Of the document's best passage; not known: the least of the dense leg, which would have found more."""
    passage_bm25: float
    document_bm25: float
    lexical_rank: int | None = None
    """From 1, among documents; None: the leg did not find it."""
    dense_rank: int | None = None
    cosines: dict[int, float] = {}
    """By ordinal, of the passages that the dense leg found; ``bm25s`` likewise of the lexical leg."""
    bm25s: dict[int, float] = {}


def candidates(legs: Legs) -> tuple[Candidate, ...]:
    """The legs' documents, each once: in the lexical leg's order, then what only the dense leg found.

    A leg's order is taken as it is: the lexical leg's is by passage and document together.
    """
    lexical, dense = _by_document(legs.lexical), _by_document(legs.dense)
    least_cosine = min((hit.score for hit in legs.dense), default=0.0)
    lexical_ranks = {document: rank for rank, document in enumerate(lexical, 1)}
    dense_ranks = {document: rank for rank, document in enumerate(dense, 1)}
    found = []
    for document in dict.fromkeys((*lexical, *dense)):
        by_words, by_meaning = lexical.get(document, []), dense.get(document, [])
        hits = {hit.ordinal: hit for hit in (*by_meaning, *by_words)}
        found.append(
            Candidate(
                document,
                tuple(hits.values()),
                cosine=_best(by_meaning, by_words, least_cosine),
                passage_bm25=_best(by_words, by_meaning, 0.0),
                document_bm25=max(hit.document_score for hit in hits.values()),
                lexical_rank=lexical_ranks.get(document),
                dense_rank=dense_ranks.get(document),
                cosines={hit.ordinal: hit.score for hit in by_meaning},
                bm25s={hit.ordinal: hit.score for hit in by_words},
            )
        )
    return tuple(found)


def _by_document(hits: tuple[Hit, ...]) -> dict[str, list[Hit]]:
    found: dict[str, list[Hit]] = {}
    for hit in hits:
        found.setdefault(hit.document_id, []).append(hit)
    return found


def _best(own: list[Hit], others: list[Hit], otherwise: float) -> float:
    """A leg's best score of a document: its own, else what the other leg's hits were told, else ``otherwise``."""
    told = [hit.other_score for hit in others if hit.other_score is not None]
    return max((hit.score for hit in own), default=max(told, default=otherwise))
