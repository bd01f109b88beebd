"""The cache's report as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

KEY_SIGNS = 16


def shown(found: Mapping[str, Any]) -> str:
    """Some twenty lines; rates in hundredths."""
    semantic, hits = found["semantic"], found["hits"]
    kinds = ", ".join(f"{kind} {hits[kind]['count']:,} ({_percent(hits[kind]['rate'])})" for kind in hits)
    lines = [
        f"{found['namespace']}, {found['from']} to {found['to']}: {found['requests']:,} requests, "
        f"{_percent(found['hit_rate'])} hits",
        f"  {kinds}",
        f"  saved ${found['saved_usd']:,.4f} and {found['saved_s']:,.1f} s",
        "",
        f"semantic hits, ε = {100 * semantic['epsilon']:g} %",
        f"  {_false_hits(semantic['false_hits'])}",
        f"  {_same_words(semantic['same_words'])}",
        f"  {_learnt(semantic)}",
        f"  reported: {semantic['reported']['wrong']} wrong, {semantic['reported']['right']} right; "
        f"{semantic['close']} hits near the cut",
    ]
    lines += _answers("most useful", found["useful"], lambda one: f"{one['hits']:,} hits, ${one['saved_usd']:,.4f}")
    lines += _answers("doubtful", found["doubtful"], _doubt)
    return "\n".join(lines)


def _false_hits(measured: Mapping[str, Any]) -> str:
    if not measured["checked"]:
        return "false-hit rate: not measured yet, as no candidate that would have been served was checked"
    return f"false-hit rate: {_rate(measured)}"


def _same_words(measured: Mapping[str, Any]) -> str:
    """Of questions in the same words, which are seldom checked."""
    return f"in the same words: {_rate(measured) if measured['checked'] else 'none was checked yet'}"


def _rate(measured: Mapping[str, Any]) -> str:
    return (
        f"{_percent(measured['rate'])} (95 % interval {_percent(measured['low_95'])} to "
        f"{_percent(measured['high_95'])}): {measured['wrong']} of {measured['checked']:,} checked were wrong"
    )


def _doubt(one: Mapping[str, Any]) -> str:
    return f"{one['reported_wrong']} times reported as wrong, {one['close']} of {one['hits']:,} hits near the cut"


def _learnt(semantic: Mapping[str, Any]) -> str:
    labels = semantic["labels"]
    if semantic["learnt"] is None:
        return (
            f"nothing learnt yet: {labels['checked']:,} labels by checks, {round(1 / semantic['epsilon']):,} are needed"
        )
    checks, share = semantic["checks"], _percent(semantic["share_served"])
    return (
        f"learnt from {semantic['learnt']['labels']:,} labels, serves {share} of candidates; "
        f"checks: {checks['same']:,} same, {checks['different']:,} different, {checks['undecided']:,} undecided"
    )


def _answers(title: str, answers: Sequence[Mapping[str, Any]], told: Callable[[Mapping[str, Any]], str]) -> list[str]:
    if not answers:
        return []
    return ["", title, *(f"  {one['key'][:KEY_SIGNS]}  {told(one)}{_question(one)}" for one in answers)]


def _question(one: Mapping[str, Any]) -> str:
    return f"  {' '.join(one['question'].split())}" if "question" in one else ""


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.2f} %"
