"""What tuning measures with: an index's own passages and vectors, questions, and the exact answers to them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import msgspec

from slipstream.retrieval.document import Document
from slipstream.retrieval.search import LEG_PASSAGES_A_DOCUMENT

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from slipstream.retrieval.ports import DocumentIndex

TOP = 10
SEED = 20
PAGE = 100
ALIKE = 1e-6
"""Cosines this near count as equal: copies of a passage stand for each other."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Corpus:
    """Documents of the index, all or a sample. ``total``: how many passages the whole index has, where it is a sample
    by the sample's mean.
    """

    documents: list[Document]
    total: int
    text_bytes: float

    @property
    def passages(self) -> int:
        """How many are here."""
        return sum(len(document.passages) for document in self.documents)


def read_corpus(index: DocumentIndex, name: str, most_passages: int, progress: Progress) -> Corpus:
    """Documents with vectors, in a seeded order, until there are ``most_passages``. Raises IndexNotFound,
    click.ClickException for an index without vectors.
    """
    ids = sorted(index.versions(name))
    order = random.Random(SEED).sample(ids, len(ids))  # noqa: S311  a sample, no secret
    documents: list[Document] = []
    passages = 0
    for at in range(0, len(order), PAGE):
        for document in index.read(name, order[at : at + PAGE]):
            kept = tuple(passage for passage in document.passages if passage.vector)
            if kept and passages < most_passages:
                documents.append(msgspec.structs.replace(document, passages=kept))
                passages += len(kept)
        progress("reading", min(at + PAGE, len(order)), len(order))
        if passages >= most_passages:
            break
    if passages <= TOP:
        raise click.ClickException(f"'{name}' has {passages} passages with vectors: too few to measure anything")
    size = sum(len(passage.text.encode()) for document in documents for passage in document.passages)
    whole = passages if len(documents) == len(ids) else round(passages / len(documents) * len(ids))
    return Corpus(documents, whole, size / passages)


def hold_out(corpus: Corpus, count: int) -> tuple[Corpus, list[tuple[float, ...]]]:
    """Vectors of passages as questions, and the corpus without these passages: each would find itself."""
    places = [(number, at) for number, document in enumerate(corpus.documents) for at in range(len(document.passages))]
    chosen = set(random.Random(SEED).sample(places, min(count, len(places) // 5)))  # noqa: S311  a sample, no secret
    vectors = [corpus.documents[number].passages[at].vector for number, at in sorted(chosen)]
    left = []
    for number, document in enumerate(corpus.documents):
        kept = tuple(each for at, each in enumerate(document.passages) if (number, at) not in chosen)
        if kept:
            left.append(msgspec.structs.replace(document, passages=kept))
    return Corpus(left, corpus.total, corpus.text_bytes), vectors


class Truth:
    """The exact top 10 of every question, one passage of a document, by cosine."""

    def __init__(self, corpus: Corpus, questions: Sequence[Sequence[float]]) -> None:
        import numpy

        places = [(document.id, passage) for document in corpus.documents for passage in document.passages]
        self.vectors = _units(numpy.array([passage.vector for _, passage in places], numpy.float32))
        self.questions = _units(numpy.array(questions, numpy.float32))
        self.owners = [owner for owner, _ in places]
        self._rows = {(owner, passage.ordinal): row for row, (owner, passage) in enumerate(places)}
        cosines = self.questions @ self.vectors.T
        self._wanted = [self._best(numpy.argsort(-line, kind="stable")) for line in cosines]
        self._cosines = cosines

    def recalls(self, found: Iterable[Sequence[int]]) -> list[float]:
        """Of every question, the share of its top 10 that stands among the first 10 of ``found``, rows best first."""
        shares = []
        for number, rows in enumerate(found):
            wanted = self._wanted[number]
            least = self._cosines[number][wanted[-1]] - ALIKE
            good = sum(bool(self._cosines[number][row] >= least) for row in self._best(rows))
            shares.append(min(1.0, good / len(wanted)))
        return shares

    def row(self, document_id: str, ordinal: int) -> int:
        """Where a passage stands in ``vectors``."""
        return self._rows[document_id, ordinal]

    def _best(self, rows: Iterable[int]) -> list[int]:
        taken: dict[str, int] = {}
        out: list[int] = []
        for row in rows:
            owner = self.owners[row]
            taken[owner] = taken.get(owner, 0) + 1
            if taken[owner] <= LEG_PASSAGES_A_DOCUMENT:
                out.append(int(row))
            if len(out) == TOP:
                break
        return out


def _units(rows: NDArray[numpy.float32]) -> NDArray[numpy.float32]:
    import numpy

    norms = numpy.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / numpy.where(norms == 0, 1, norms)).astype(numpy.float32)
