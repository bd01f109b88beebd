"""What answers found by meaning and answered beforehand are worth, on files: the cache's figures that need no stack.

Twins are pairs that mean different things in nearly the same words (`bench.twins`): none may be served, as shipped or
after learning on any of the files of judged pairs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import msgspec

from bench.results import spread
from bench.twins import twins
from cli.eval_cache import embedded
from slipstream.caching.semantic.evaluation import online
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.pairs import read_pairs
from slipstream.caching.semantic.reading import read
from slipstream.caching.semantic.verifier import Verifier, shipped

COMMAND = Path(sys.executable).with_name("slipstream")
ALIKE = 0.99
"""Cosine that twins are given after learning: the most favourable to serving them."""


def quality(
    pairs: Sequence[Path], log: Path | None, *, tick: Callable[[], None] = lambda: None, epsilon: float = 0.01
) -> dict[str, Any]:
    """``twins`` always; ``semantic`` a row a file of judged pairs; ``precompute`` with a log."""
    tick()
    shipped_serves = _served(Verifier(shipped()))
    out: dict[str, Any] = {
        "twins": {"pairs": len(list(twins())), "both_ways": True, "served_as_shipped": shipped_serves}
    }
    if pairs:
        out["twins"]["after_learning"] = {_name(path): _after_learning(path, epsilon, tick) for path in pairs}
        out["semantic"] = {_name(path): _semantic(path, epsilon, tick) for path in pairs}
    if log is not None:
        found = json.loads(_told("eval", "precompute", "--log", str(log), "--json"))
        tick()
        parts = found["median_part_of_oracle"]
        out["precompute"] = {"log": log.name, "budget": found["budget"], "periods": len(found["periods"]), **parts}
    return out


def _name(path: Path) -> str:
    return path.resolve().parent.name


def _told(*arguments: str) -> str:
    return subprocess.run([COMMAND, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def _pairs(cosine: float) -> list[Pair]:
    both_ways = [words for one in twins() for words in ((one.asked, one.candidate), (one.candidate, one.asked))]
    return [Pair(read(asked), read(candidate), cosine) for asked, candidate in both_ways]


def _served(verifier: Verifier) -> int:
    return sum(verifier.decide(pair).serve for pair in _pairs(ALIKE))


def _after_learning(path: Path, epsilon: float, tick: Callable[[], None]) -> dict[str, Any]:
    """Twins that are served by what one order of the file has taught; and how long a decision takes, µs."""
    judged = read_pairs(path)
    corpus, _ = embedded([text for one in judged for text in (one.asked, one.candidate)], lambda *_: tick())
    _, policy = online(judged, corpus, msgspec.structs.replace(shipped(), epsilon=epsilon), seed=0)
    stream = corpus.stream()
    for one in judged:
        stream.add(one)
    some, took_us = judged[:: max(1, len(judged) // 500)], []
    for pair in map(stream.pair, some):
        read.cache_clear()  # the question at hand has not been read before; the candidate was
        read(pair.candidate.text)
        began_ns = perf_counter_ns()
        policy.verifier.decide(Pair(read(pair.asked.text), pair.candidate, pair.cosine, pair.neighbourhood))
        took_us.append((perf_counter_ns() - began_ns) / 1000)
    return {
        "learnt": policy.verifier.calibration.cut is not None,
        "served": _served(policy.verifier),
        "decision_us": spread(took_us),
    }


def _semantic(path: Path, epsilon: float, tick: Callable[[], None]) -> dict[str, Any]:
    found = json.loads(_told("eval", "cache", "--pairs", str(path), "--epsilon", str(epsilon), "--json"))
    tick()
    found["online"].pop("orders", None)
    return dict(found)
