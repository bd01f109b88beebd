"""Files of judged pairs, and of questions by intent: what evaluation reads.

``pairs.tsv``: a header, then label (1: one answer fits both, 0: not), question, question. ``intents.tsv``: a header,
then intent, question and, optionally, more columns; the questions of one intent have one answer. Parted by tabs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from slipstream.caching.semantic.evaluation import Judged
from slipstream.errors import InvalidRequest

PAIR = "label<TAB>a<TAB>b"
INTENT = "intent<TAB>text"
MAX_TRUE_PAIRS_OF_INTENT = 10


def read_pairs(path: Path) -> list[Judged]:
    """Every pair once. Raises InvalidRequest that names the file and line, and what should be there."""
    found: dict[tuple[str, str], Judged] = {}
    for number, cells in _rows(path, PAIR):
        if len(cells) != 3 or cells[0] not in ("0", "1") or not cells[1] or not cells[2]:
            raise InvalidRequest(
                f"{path} line {number}: {_short(cells)} is not {PAIR}, with 1 for the same answer and 0 for another.",
                param="pairs",
            )
        pair = Judged(cells[1], cells[2], cells[0] == "1")
        before = found.setdefault((pair.asked, pair.candidate), pair)
        if before.equal != pair.equal:
            raise InvalidRequest(f"{path} line {number}: {_short(cells)} has both labels in this file.", param="pairs")
    return _enough(list(found.values()), path)


def read_intents(path: Path) -> dict[str, list[str]]:
    """Questions by intent. Raises InvalidRequest as ``read_pairs`` does, also where an intent has one question only."""
    found: dict[str, list[str]] = {}
    for number, cells in _rows(path, INTENT):
        if len(cells) < 2 or not cells[0] or not cells[1]:
            raise InvalidRequest(f"{path} line {number}: {_short(cells)} is not {INTENT}.", param="intents")
        questions = found.setdefault(cells[0], [])
        if cells[1] not in questions:
            questions.append(cells[1])
    if len(found) < 2 or all(len(questions) < 2 for questions in found.values()):
        raise InvalidRequest(
            f"{path} has {len(found)} intents and no two questions to tell apart; it needs two intents or more, "
            "with several questions each.",
            param="intents",
        )
    return found


def true_pairs(intents: dict[str, list[str]], *, seed: int = 0) -> list[Judged]:
    """Pairs within each intent, at most ``MAX_TRUE_PAIRS_OF_INTENT`` each, so that no intent outweighs the rest."""
    chance = random.Random(seed)  # noqa: S311 - a sample to be repeated
    pairs = []
    for questions in intents.values():
        own = list(combinations(questions, 2))
        pairs += [
            Judged(one, other, True) for one, other in chance.sample(own, min(len(own), MAX_TRUE_PAIRS_OF_INTENT))
        ]
    return pairs


def _rows(path: Path, header: str) -> Iterator[tuple[int, list[str]]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError as error:
        raise InvalidRequest(f"there is no file {path}", param="data") from error
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}", param="data") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} cannot be read: {error}. It should be UTF-8 text.", param="data") from error
    names = header.split("<TAB>")
    if lines[0].rstrip("\r").lower().split("\t")[: len(names)] != names:
        raise InvalidRequest(f"{path} begins with {lines[0][:80]!r}; its first line should be {header}.", param="data")
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            yield number, [cell.strip() for cell in line.rstrip("\r").split("\t")]


def _enough(pairs: list[Judged], path: Path) -> list[Judged]:
    if len({pair.equal for pair in pairs}) < 2:
        raise InvalidRequest(
            f"{path} has {len(pairs)} pairs of one label; it takes both, 1 and 0, to tell hits from wrong ones.",
            param="pairs",
        )
    return pairs


def _short(cells: list[str]) -> str:
    return repr("\t".join(cells)[:80])
