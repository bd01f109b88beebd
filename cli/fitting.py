"""Judged queries asked of an index, and ranking parameters learnt from them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from cli.evaluation_set import Embed, Progress, ask
from slipstream.errors import InvalidRequest
from slipstream.retrieval.evaluation import lesson, orders, report
from slipstream.retrieval.fitting import fit
from slipstream.retrieval.judged import Question, read_judgements, read_lines
from slipstream.retrieval.parameters import Provenance, shipped
from slipstream.retrieval.ports import PassageIndex


class Fitted(msgspec.Struct, frozen=True):
    """``parameters``: the file. ``found``: what was learnt from, and nDCG@10 before and after, 0 to 1."""

    parameters: bytes
    found: dict[str, Any]


def learnt(name: str, passages: PassageIndex, queries: Path, qrels: Path, embed: Embed, progress: Progress) -> Fitted:
    """Ask, learn and judge. Raises InvalidRequest for files without a judged query; what the engine raises.

    The start is what ships, also where the index was fitted before: weights that have seen the questions would flatter
    what cross-validation says.
    """
    relevance = read_judgements(qrels)
    asked = [
        one for one in read_lines(queries, Question) if any(gain > 0 for gain in relevance.get(one.id, {}).values())
    ]
    if not asked:
        raise InvalidRequest(
            f"{qrels} judges none of the questions in {queries}; ids have to be the same.", param="qrels"
        )
    start = shipped()
    searched = ask(asked, relevance, name, passages, embed, progress)
    results = report(orders(searched, start), [one.relevance for one in searched])
    before, after = results["reranked"]["ndcg@10"], results["reranked_cv"]["ndcg@10"]
    provenance = Provenance(
        fitted_on=(name,),
        judged_queries=len(asked),
        date=datetime.now(UTC).date().isoformat(),
        data_hash=hashlib.blake2b(queries.read_bytes() + qrels.read_bytes(), digest_size=16).hexdigest(),
        ndcg_at_10={name: round(after, 4)},
    )
    parameters = msgspec.structs.replace(fit([lesson(one) for one in searched], start), provenance=provenance)
    found = {"index": name, "queries": len(asked), "shipped": before, "cross_validated": after}
    return Fitted(msgspec.json.format(msgspec.json.encode(parameters)) + b"\n", found)
