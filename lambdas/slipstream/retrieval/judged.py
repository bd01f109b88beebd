"""A set of documents, questions and judgements on disk: what evaluation, tuning and fitting read.

A folder with ``corpus.jsonl`` {id, title, text}, ``queries.jsonl`` {id, text} and ``qrels.tsv`` (a header, then
query id, document id, relevance), each also as ``.gz``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TypeVar

import msgspec

from slipstream.errors import InvalidRequest
from slipstream.text_lines import numbered

T = TypeVar("T", bound=msgspec.Struct)
JUDGEMENT = "query-id<TAB>corpus-id<TAB>score"


class SourceText(msgspec.Struct, frozen=True):
    """One document as the folder has it."""

    id: str
    text: str
    title: str = ""


class Question(msgspec.Struct, frozen=True):
    """One question."""

    id: str
    text: str


class JudgedSet(msgspec.Struct, frozen=True):
    """``relevance``: question id → document id → gain. Questions without a relevant document are not among them."""

    name: str
    documents: tuple[SourceText, ...]
    questions: tuple[Question, ...]
    relevance: dict[str, dict[str, float]]
    unjudged: int = 0
    """Questions left out because nothing is relevant to them."""
    unknown: int = 0
    """Judgements of documents that the corpus does not have; they count as not found."""


def read_set(folder: Path) -> JudgedSet:
    """Read a folder. Raises InvalidRequest that names the file and line, and what should be there."""
    documents = _unique(read_lines(_file(folder, "corpus.jsonl"), SourceText), "corpus.jsonl")
    questions = _unique(read_lines(_file(folder, "queries.jsonl"), Question), "queries.jsonl")
    relevance = read_judgements(_file(folder, "qrels.tsv"))
    asked = [question for question in questions if any(gain > 0 for gain in relevance.get(question.id, {}).values())]
    if not documents or not asked:
        what = "no document" if not documents else "no question that qrels.tsv finds a relevant document for"
        raise InvalidRequest(f"{folder} has {what}; there is nothing to measure.", param="data")
    known = {document.id for document in documents}
    return JudgedSet(
        folder.resolve().name,
        tuple(documents),
        tuple(asked),
        {question.id: relevance[question.id] for question in asked},
        unjudged=len(questions) - len(asked),
        unknown=sum(one not in known for question in asked for one in relevance[question.id]),
    )


def read_lines(path: Path, kind: type[T]) -> list[T]:
    """One JSON object a line; empty lines do not count."""
    decoder = msgspec.json.Decoder(kind)
    found = []
    for number, line in numbered(path, param="data"):
        try:
            found.append(decoder.decode(line))
        except msgspec.MsgspecError as error:
            fields = ", ".join(field.name for field in msgspec.structs.fields(kind))
            raise InvalidRequest(
                f"{path} line {number}: {error}. Each line is a JSON object with {fields}.", param="data"
            ) from error
    return found


def read_judgements(path: Path) -> dict[str, dict[str, float]]:
    """Question id → document id → gain. The first line may be a header; a later line on the same pair counts."""
    relevance: dict[str, dict[str, float]] = {}
    for number, line in numbered(path, param="data"):
        cells = line.split("\t")
        gain = _number(cells[2]) if len(cells) >= 3 else None
        if gain is None:
            if number == 1:
                continue
            raise InvalidRequest(f"{path} line {number}: {line[:80]!r} is not {JUDGEMENT}.", param="data")
        relevance.setdefault(cells[0].strip(), {})[cells[1].strip()] = gain
    return relevance


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _file(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise InvalidRequest(
        f"{folder} has neither {name} nor {name}.gz. The folder needs corpus.jsonl, queries.jsonl and qrels.tsv.",
        param="data",
    )


def _unique(items: list[T], name: str) -> list[T]:
    seen: set[str] = set()
    for item in items:
        key: str = item.id  # type: ignore[attr-defined]
        if key in seen:
            raise InvalidRequest(f"{name} has the id {key!r} twice; ids name one thing each.", param="data")
        seen.add(key)
    return items
