"""Cuts a sample out of a judged set, and computes its passages' vectors.

``python -m local.samples cut DATA FOLDER`` writes some questions of DATA, the pages that answer them and pages that
look as if they did; ``python -m local.samples vectors FOLDER`` the vectors of all passages, as a load would ask for
them. The same data gives the same sample.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from local import known_vectors
from local.bedrock.minilm import MODEL_SHA256
from local.vectors import VectorCache
from slipstream.fakes.bm25 import FieldIndex
from slipstream.retrieval.analysis import terms
from slipstream.retrieval.chunking import chunk
from slipstream.retrieval.document import Document, embedding_text
from slipstream.retrieval.judged import JudgedSet, Question, SourceText, read_set
from slipstream.retrieval.parsing.parse import parse
from slipstream.retrieval.parsing.parsed import Parsed

VECTORS = "vectors.npz"
LOOKED_AT = 20
"""How far down a question's page list is read for pages that only look like its answer."""
T = TypeVar("T")


class Size(msgspec.Struct, frozen=True):
    """How much of a set a sample has."""

    questions: int = 50
    pages: int = 150
    longest_page: int = 15_000
    """Characters; longer pages are left out, and the questions that they answer with them."""


def cut(judged: JudgedSet, size: Size) -> tuple[list[SourceText], list[Question]]:
    """The sample's pages and questions, in the set's order.

    Questions are taken by turns from the guides (the first part of their answer's id), so that each guide is there.
    Pages are those that answer them and, by turns of the questions, the best by BM25 that do not.
    """
    short = {page.id: page for page in judged.documents if len(page.text) <= size.longest_page}
    by_guide: dict[str, list[Question]] = {}
    for question in judged.questions:
        answers = _answers(judged, question)
        if all(page in short for page in answers):
            by_guide.setdefault(answers[0].partition("/")[0], []).append(question)
    chosen = list(_by_turns(by_guide.values()))[: size.questions]
    kept = {page: None for question in chosen for page in _answers(judged, question)}
    for page in _by_turns(_alike(short, chosen)):
        if len(kept) >= size.pages:
            break
        kept.setdefault(page)
    asked = {question.id for question in chosen}
    pages = [page for page in judged.documents if page.id in kept]
    return pages, [question for question in judged.questions if question.id in asked]


def _answers(judged: JudgedSet, question: Question) -> list[str]:
    return [page for page, gain in judged.relevance[question.id].items() if gain > 0]


def _by_turns(rows: Iterable[Iterable[T]]) -> Iterator[T]:
    for turn in zip_longest(*rows):
        yield from (one for one in turn if one is not None)


def _alike(pages: dict[str, SourceText], questions: Iterable[Question]) -> list[list[str]]:
    """For each question, the pages that BM25 puts first."""
    field, names = FieldIndex(), list(pages)
    for number, name in enumerate(names):
        field.add(number, terms(f"{pages[name].title} {pages[name].text}"))
    found = []
    for question in questions:
        scores = field.scores(dict.fromkeys(terms(question.text), 1.0))
        best = sorted(scores, key=lambda number: (-scores[number], names[number]))
        found.append([names[number] for number in best[:LOOKED_AT]])
    return found


def passages_of(corpus: Path) -> Iterator[str]:
    """What a load of ``corpus`` has embedded, passage by passage."""
    for parsed in parse(corpus.read_bytes(), corpus.name):
        if not isinstance(parsed, Parsed):
            raise parsed
        passages = chunk(parsed.text, title=parsed.title, format=parsed.format)
        document = Document(parsed.id, parsed.title, "", passages)
        yield from (embedding_text(document, passage) for passage in passages)


@click.group()
def samples() -> None:
    """Make a sample of a judged set."""


@samples.command("cut")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--questions", default=Size().questions, show_default=True, type=click.IntRange(1))
@click.option("--pages", default=Size().pages, show_default=True, type=click.IntRange(1))
@click.option("--longest-page", default=Size().longest_page, show_default=True, help="In characters.")
def cut_command(data: Path, folder: Path, questions: int, pages: int, longest_page: int) -> None:
    """Write a sample of DATA, a folder of the evaluation's format, into FOLDER."""
    judged = read_set(data)
    kept, asked = cut(judged, Size(questions, pages, longest_page))
    names = {page.id for page in kept}
    ids = {question.id for question in asked}
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "corpus.jsonl.gz", ({"id": p.id, "title": p.title, "text": p.text} for p in kept))
    _write(folder / "queries.jsonl.gz", ({"id": q.id, "text": q.text} for q in asked))
    lines = [
        f"{q.id}\t{page}\t{gain:g}" for q in asked for page, gain in judged.relevance[q.id].items() if page in names
    ]
    (folder / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *lines, ""]), encoding="utf-8")
    if (answers := data / "answers.jsonl.gz").exists():
        with gzip.open(answers, "rt", encoding="utf-8") as file:
            rows = [msgspec.json.decode(line) for line in file]
        _write(folder / answers.name, (row for row in rows if row["id"] in ids))
    click.echo(f"{len(kept)} pages, {sum(len(p.text) for p in kept):,} characters, {len(asked)} questions")


@samples.command("vectors")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def vectors_command(folder: Path) -> None:
    """Compute the vectors of all passages in FOLDER's corpus. Minutes, where they are not known on this machine."""
    texts = list(dict.fromkeys(passages_of(folder / "corpus.jsonl.gz")))
    vectors = VectorCache().embed(texts, progress=lambda done, left: click.echo(f"{done:,} of {left:,}", err=True))
    known_vectors.write(folder / VECTORS, dict(zip(texts, vectors.tolist(), strict=True)), MODEL_SHA256)
    click.echo(f"{len(texts):,} vectors, {(folder / VECTORS).stat().st_size / 1e6:.1f} MB")


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Lines of JSON, packed without a date."""
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    path.write_bytes(gzip.compress(lines, 9, mtime=0))


if __name__ == "__main__":
    samples()
