"""What the cache was worth to one namespace, from its counts: hits, savings, and how often a hit would be wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from slipstream.caching.day import DAY_S, day_of
from slipstream.caching.knowledge import Knowledge
from slipstream.caching.semantic.calibration import interval
from slipstream.caching.tally import Used

MOST_DAYS = 30
MOST_ANSWERS = 2000
"""Of each day; where a day has more, those beyond are counted in its sums and not listed."""
SHOWN = 10
PREVIEW_CHARS = 120
KINDS = ("exact", "semantic", "joined")


def worth(knowledge: Knowledge, namespace: str, *, days: int, now_s: float) -> dict[str, Any]:
    """The report. Rates are shares, 0 to 1; None where there is nothing to divide. Raises what the stores raise."""
    total, answers = Counter[str](), dict[str, tuple[str, Counter[str]]]()
    names = [day_of(now_s - at * DAY_S) for at in range(days - 1, -1, -1)]
    for name in names:
        for used in knowledge.tally.store.of_day(namespace, name, limit=MOST_ANSWERS + 1):
            _add(total, answers, used)
    requests = int(total["requests"])
    hits = {kind: int(total[kind]) for kind in KINDS}
    return {
        "object": "cache.report",
        "namespace": namespace,
        "from": names[0],
        "to": names[-1],
        "requests": requests,
        "hits": {kind: {"count": count, "rate": _rate(count, requests)} for kind, count in hits.items()},
        "hit_rate": _rate(sum(hits.values()), requests),
        "saved_usd": round(total["saved_usd"], 6),
        "saved_s": round(total["saved_ms"] / 1000, 3),
        "semantic": _semantic(knowledge, namespace, total),
        "useful": _useful(knowledge, namespace, answers),
        "doubtful": _doubtful(knowledge, namespace, answers),
    }


def _add(total: Counter[str], answers: dict[str, tuple[str, Counter[str]]], used: Used) -> None:
    if used.key:
        _, counts = answers.setdefault(used.key, (used.family, Counter()))
    else:
        counts = total
    for name, count in used.counts.items():
        counts[name] += count  # type: ignore[assignment]  # a Counter's values may be dollars


def _semantic(knowledge: Knowledge, namespace: str, total: Counter[str]) -> dict[str, Any]:
    """The measured rates are of checks: drawn at random, of candidates that would have been served without.

    Those in the same words apart: they are drawn with another chance, so that both together are a share of nothing.
    """
    progress = knowledge.labels.progress(namespace)
    calibration = knowledge.labels.calibration(namespace) if progress.learnt else None
    cut = calibration.cut if calibration is not None else None
    return {
        "epsilon": knowledge.epsilon,
        "labels": {"checked": progress.drawn, "all": progress.labels},
        "learnt": {"labels": progress.learnt_labels, "at_s": progress.learnt_s} if progress.learnt else None,
        "share_served": cut.share if cut is not None else 0.0,
        "bound": cut.level if cut is not None else None,
        "checks": {
            "same": int(total["checked_same"]),
            "different": int(total["checked_different"]),
            "undecided": int(total["checked_undecided"]),
        },
        "false_hits": _measured(total, "served"),
        "same_words": _measured(total, "same_words"),
        "reported": {"wrong": int(total["reported_wrong"]), "right": int(total["reported_right"])},
        "close": int(total["close"]),
    }


def _measured(total: Counter[str], which: str) -> dict[str, Any]:
    wrong, right = int(total[f"checked_{which}_different"]), int(total[f"checked_{which}_same"])
    low, high = interval(wrong, wrong + right) if wrong + right else (None, None)
    rate = _rate(wrong, wrong + right)
    return {"checked": wrong + right, "wrong": wrong, "rate": rate, "low_95": low, "high_95": high}


def _rate(count: int, of: int) -> float | None:
    return count / of if of else None


Answers = dict[str, tuple[str, Counter[str]]]


def _useful(knowledge: Knowledge, namespace: str, answers: Answers) -> Sequence[dict[str, Any]]:
    most = sorted(answers.items(), key=lambda one: (-one[1][1]["hits"], -one[1][1]["saved_usd"], one[0]))
    return [
        _told(knowledge, namespace, key, family)
        | {
            "hits": int(counts["hits"]),
            "saved_usd": round(counts["saved_usd"], 6),
            "saved_s": round(counts["saved_ms"] / 1000, 3),
        }
        for key, (family, counts) in most[:SHOWN]
        if counts["hits"]
    ]


def _doubtful(knowledge: Knowledge, namespace: str, answers: Answers) -> Sequence[dict[str, Any]]:
    """Reported as wrong, or served to other wordings near the cut."""
    most = sorted(answers.items(), key=lambda one: (-one[1][1]["reported_wrong"], -one[1][1]["close"], one[0]))
    return [
        _told(knowledge, namespace, key, family)
        | {
            "reported_wrong": int(counts["reported_wrong"]),
            "close": int(counts["close"]),
            "hits": int(counts["hits"]),
        }
        for key, (family, counts) in most[:SHOWN]
        if counts["reported_wrong"] or counts["close"]
    ]


def _told(knowledge: Knowledge, namespace: str, key: str, family: str) -> dict[str, Any]:
    """The answer's key, and its question's beginning where the question is known for semantic hits anyway."""
    known = knowledge.questions.find(namespace, family, key) if family else None
    return {"key": key} | ({"question": known.text[:PREVIEW_CHARS]} if known is not None else {})
