"""What ``slipstream eval cache`` computes, and the table it prints."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from rich.box import SIMPLE
from rich.table import Table

from local.vectors import VectorCache
from slipstream.caching.semantic.calibration import fewest_labels
from slipstream.caching.semantic.evaluation import LABELLED, ORDERS, Corpus, Judged, Run, as_shipped, online, summary
from slipstream.caching.semantic.pairs import read_intents, read_pairs, true_pairs
from slipstream.caching.semantic.verifier import Calibration, shipped

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

NEAREST = 512
_ROWS_AT_ONCE = 1000

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


def measure(path: Path, kind: Literal["pairs", "intents"], *, epsilon: float, progress: Progress) -> dict[str, Any]:
    """What ``--json`` prints; ``note`` where the pairs are too few to learn from. Raises InvalidRequest for a file that
    cannot be used.
    """
    if kind == "pairs":
        judged = read_pairs(path)
        corpus = embedded([text for pair in judged for text in (pair.asked, pair.candidate)], progress)[0]
    else:
        questions = read_intents(path)
        corpus, vectors = embedded([text for texts in questions.values() for text in texts], progress)
        judged = [*true_pairs(questions), *_look_alikes(questions, corpus, vectors)]
    calibration = msgspec.structs.replace(shipped(), epsilon=epsilon)
    runs = _runs(judged, corpus, calibration, progress)
    note = too_few(len(judged), epsilon)
    return {
        "data": f"{path.resolve().parent.name}/{path.name}",
        "pairs": len(judged),
        "true_pairs": sum(pair.equal for pair in judged),
        "epsilon": epsilon,
        "shipped": summary([as_shipped(judged, corpus, calibration)], epsilon),
        "online": summary(runs, epsilon),
    } | ({"note": note} if note else {})


def too_few(pairs: int, epsilon: float) -> str:
    """Why so many pairs cannot teach anything; empty where they are enough."""
    fewest = fewest_labels(epsilon)
    if int(LABELLED * pairs) >= fewest:
        return ""
    needed = round(fewest / LABELLED)
    return (
        f"Too few pairs to learn from: at least {needed:,} are needed (10/ε), and there are {pairs:,}; a tenth of them "
        f"is labelled, and nothing learnt serves before there are {fewest:,} labels (1/ε)."
    )


def _runs(judged: Sequence[Judged], corpus: Corpus, calibration: Calibration, progress: Progress) -> list[Run]:
    """All orders, side by side where there is more than one core."""
    runs = []
    progress("orders", 0, ORDERS)
    workers = min(ORDERS, os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        for run in pool.map(partial(_order, judged, corpus, calibration), range(ORDERS)):
            runs.append(run)
            progress("orders", len(runs), ORDERS)
    return runs


def _order(judged: Sequence[Judged], corpus: Corpus, calibration: Calibration, seed: int) -> Run:
    return online(judged, corpus, calibration, seed=seed)[0]


def embedded(texts: Sequence[str], progress: Progress) -> tuple[Corpus, NDArray[numpy.float32]]:
    """The texts with their vectors (of the local model, kept on disk) and the nearest ``NEAREST`` of each."""
    import numpy as np

    unique = list(dict.fromkeys(texts))
    vectors = VectorCache().embed(unique, progress=lambda done, of: progress("questions", done, of))
    near: list[list[int]] = []
    for at in range(0, len(unique), _ROWS_AT_ONCE):
        alike = vectors[at : at + _ROWS_AT_ONCE] @ vectors.T
        near += np.argsort(-alike, axis=1, kind="stable")[:, :NEAREST].tolist()
    return Corpus(unique, vectors, near), vectors


def _look_alikes(intents: Mapping[str, Sequence[str]], corpus: Corpus, vectors: NDArray[numpy.float32]) -> list[Judged]:
    """The nearest questions of three other intents to each intent's first: what a vector search would offer."""
    import numpy as np

    names = list(intents)
    owner = {corpus.place[text]: intent for intent in names for text in intents[intent]}
    texts = list(corpus.place)
    found = []
    for intent in names:
        first = corpus.place[intents[intent][0]]
        others: set[str] = {intent}
        for at in np.argsort(-(vectors @ vectors[first]), kind="stable"):
            if owner[int(at)] not in others:
                others.add(owner[int(at)])
                found.append(Judged(texts[first], texts[int(at)], False))
            if len(others) == min(4, len(names)):
                break
    return found


def table(found: Mapping[str, Any]) -> Table:
    """Both modes, rates in hundredths."""
    pairs = f"{found['pairs']:,} pairs, {found['true_pairs']:,} true"
    title = f"{found['data']}: {pairs}; ε = {100 * found['epsilon']:g} %"
    shown = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    shown.add_column("mode", no_wrap=True)
    for name in ("true pairs found", "served", "wrong", "false-hit rate", "95 % upper", "labels"):
        shown.add_column(name, justify="right")
    for mode in ("shipped", "online"):
        values = found[mode]
        shown.add_row(
            mode,
            f"{100 * values['true_hit_rate']:.1f} %",
            f"{values['served']:,.0f}",
            f"{values['wrong']:.1f}",
            f"{100 * values['false_hit_rate']:.2f} %",
            f"{100 * values['false_hit_upper_95']:.2f} %",
            f"{values['labels_revealed']:,.0f}",
        )
    return shown


def notes(found: Mapping[str, Any]) -> list[str]:
    """What the table does not say."""
    online = found["online"]
    orders, regret = online["orders"], online["regret"]
    shares = [100 * order["true_hit_rate"] for order in orders]
    rates = [100 * order["false_hit_rate"] for order in orders]
    few = [found["note"]] if "note" in found else []
    return [
        *few,
        f"Online: means over {len(orders)} seeded orders, after the first fifth of each. True pairs found "
        f"{min(shares):.1f} to {max(shares):.1f} %, false-hit rate {min(rates):.2f} to {max(rates):.2f} %.",
        f"While it learnt: {regret['served']:.0f} served, {regret['wrong']:.1f} of them wrong; "
        f"{regret['hits_checked']:.0f} hits were checked by a call to the model.",
    ]
