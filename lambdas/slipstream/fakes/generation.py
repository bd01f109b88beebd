"""One generation of an in-memory index: documents, what is searched of them, and the two legs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from heapq import heapify, heappop

from slipstream.chat.retrieval_options import Filter, Scalar
from slipstream.errors import InvalidRequest
from slipstream.fakes.bm25 import FieldIndex
from slipstream.fakes.vectors import Vectors
from slipstream.retrieval.analysis import terms as english
from slipstream.retrieval.analysis import words
from slipstream.retrieval.document import Document, Passage
from slipstream.retrieval.ports import IndexSpec
from slipstream.retrieval.search import EXPANSION_WEIGHT, LEG_PASSAGES_A_DOCUMENT, EngineQuery, Hit

Found = tuple[float, float, int]
"""What the leg orders by, the passage's own score, the passage's number."""


class MemoryGeneration:
    """Not safe for threads by itself; whoever holds it has the lock."""

    def __init__(self, spec: IndexSpec) -> None:
        self.spec = spec
        self.documents: dict[str, Document] = {}
        self._analyze = english if spec.language == "english" else standard
        self._context, self._heading, self._title, self._body = (FieldIndex() for _ in range(4))
        self._vectors = Vectors()
        self._owners: dict[int, tuple[str, Passage]] = {}
        self._numbers: dict[str, list[int]] = {}
        self._phrases: dict[str, list[str]] = {}
        self._next = 0

    def put(self, document: Document) -> None:
        """Put a document in place of its former version. Raises InvalidRequest for a vector that does not fit."""
        for passage in document.passages:
            if passage.vector and len(passage.vector) != self.spec.dimensions:
                why = f"Vector dimension mismatch. Expected: {self.spec.dimensions}, Given: {len(passage.vector)}"
                raise InvalidRequest(why)
            if passage.vector and not any(passage.vector):
                raise InvalidRequest("zero vector is not supported when space type is [cosinesimil]")
        self.remove(document.id)
        title = self._analyze(document.title)
        root = self._number(document.id)
        body = list(title)
        for passage in document.passages:
            number = self._number(document.id)
            self._owners[number] = (document.id, passage)
            terms = self._analyze(passage.text)
            body += terms
            heading = [term for part in passage.heading for term in self._analyze(part)]
            self._context.add(number, [*title, *heading, *terms])
            self._heading.add(number, heading)
            self._title.add(number, title)
            if passage.vector:
                self._vectors.add(number, passage.vector)
        self._body.add(root, body)
        self.documents[document.id] = document

    def remove(self, document_id: str) -> None:
        """Take a document out, if it is there."""
        for number in self._numbers.pop(document_id, ()):
            self._owners.pop(number, None)
            for field in (self._context, self._heading, self._title, self._body, self._vectors):
                field.remove(number)
        self.documents.pop(document_id, None)
        self._phrases.pop(document_id, None)

    def lexical(self, query: EngineQuery, within: Container[str] | None = None) -> list[Hit]:
        """BM25 of passages and, beside it, of their documents; in the order of the sum.

        ``within``: ids of the documents that may be found, for who has applied filters already.
        """
        scores, own = self._passages(query), self._documents(query)
        allowed = self._allowed(query.filters, within)
        found = [
            (score + own.get(self._owners[number][0], 0.0), score, number)
            for number, score in scores.items()
            if allowed(self._owners[number][0])
        ]
        if query.phrases:
            found = [each for each in found if self._holds(self._owners[each[2]][0], query.phrases)]
        others = self._best_of(self._vectors.cosines(query.vector)) if self._fitting(query) else {}
        return self._hits(found, query, own, others)

    def dense(self, query: EngineQuery, within: Container[str] | None = None) -> list[Hit]:
        """Exact cosines; ``within`` as in ``lexical``. Raises InvalidRequest for a vector of another length."""
        if not self._fitting(query):
            raise InvalidRequest(
                f"the query's vector has {len(query.vector)} dimensions, the index {self.spec.dimensions}",
                code="search_refused",
            )
        allowed = self._allowed(query.filters, within)
        cosines = self._vectors.cosines(query.vector).items()
        found = [(cosine, cosine, number) for number, cosine in cosines]
        if query.filters or within is not None:
            found = [each for each in found if allowed(self._owners[each[2]][0])]
        if not query.text.strip() and not query.expansions:
            return self._hits(found, query, {}, {})
        best = self._best_of(self._passages(query))
        return self._hits(found, query, self._documents(query), {name: best.get(name, 0.0) for name in self.documents})

    def _fitting(self, query: EngineQuery) -> bool:
        return len(query.vector) == self.spec.dimensions

    def _passages(self, query: EngineQuery) -> dict[int, float]:
        """BM25 of passages with their titles and headings, by number."""
        terms, boosts = self._terms(query), query.boosts
        scores: dict[int, float] = {}
        fields = ((self._context, boosts.text), (self._heading, boosts.heading), (self._title, boosts.title))
        for field, boost in fields:
            if boost:
                for number, score in field.scores(terms).items():
                    scores[number] = scores.get(number, 0.0) + boost * score
        return scores

    def _documents(self, query: EngineQuery) -> dict[str, float]:
        """BM25 of documents, by id."""
        if not query.boosts.document:
            return {}
        own = {self._numbers[name][0]: name for name in self.documents}
        scores = self._body.scores(self._terms(query))
        return {own[number]: query.boosts.document * score for number, score in scores.items()}

    def _terms(self, query: EngineQuery) -> dict[str, float]:
        terms: dict[str, float] = {}
        for text, weight in ((query.text, 1.0), (" ".join(query.expansions), EXPANSION_WEIGHT)):
            for term in self._analyze(text):
                terms[term] = terms.get(term, 0.0) + weight
        return terms

    def _best_of(self, scores: Mapping[int, float]) -> dict[str, float]:
        """Each document's best passage."""
        best: dict[str, float] = {}
        for number, score in scores.items():
            name = self._owners[number][0]
            best[name] = max(score, best.get(name, score))
        return best

    def _number(self, document_id: str) -> int:
        self._next += 1
        self._numbers.setdefault(document_id, []).append(self._next)
        return self._next

    def _hits(
        self, found: Iterable[Found], query: EngineQuery, own: Mapping[str, float], others: Mapping[str, float]
    ) -> list[Hit]:
        taken: Counter[str] = Counter()
        hits: list[tuple[float, str, int, Hit]] = []
        heap = [(-order, number, score) for order, score, number in found]
        heapify(heap)  # of thousands, a few are taken
        while heap and len(hits) < query.size:
            order, number, score = heappop(heap)
            name, passage = self._owners[number]
            taken[name] += 1
            if taken[name] <= LEG_PASSAGES_A_DOCUMENT:
                hit = _hit(self.documents[name], passage, score, own.get(name, 0.0), others.get(name))
                hits.append((order, name, passage.ordinal, hit))
        hits.sort(key=lambda each: each[:3])
        return [each[3] for each in hits]

    def _allowed(self, filters: Collection[Filter], within: Container[str] | None) -> Callable[[str], bool]:
        if within is not None:
            return within.__contains__
        if not filters:
            return lambda _: True
        fitting = {name for name, document in self.documents.items() if all(fits(document, each) for each in filters)}
        return fitting.__contains__

    def _holds(self, document_id: str, phrases: Iterable[str]) -> bool:
        texts = self._phrases.get(document_id)
        if texts is None:
            document = self.documents[document_id]
            parts = [document.title, *(p.text for p in document.passages)]
            parts += [part for p in document.passages for part in p.heading]
            texts = self._phrases[document_id] = [f" {' '.join(standard(part))} " for part in parts]
        return all(
            any(f" {' '.join(standard(phrase))} " in text for text in texts) for phrase in phrases if standard(phrase)
        )


def standard(text: str) -> list[str]:
    """Words in lower case: what phrases are matched by, and all that is done for languages other than English."""
    return [word.lower() for word in words(text)]


def fits(document: Document, wanted: Filter) -> bool:
    """Whether a document passes a filter. Raises InvalidRequest for one that says nothing."""
    if not wanted.any_of and wanted.at_least is None and wanted.at_most is None:
        raise InvalidRequest(f"the filter on '{wanted.field}' says nothing: give any_of, at_least or at_most")
    value = _value(document, wanted.field)
    good = value is not None
    if good and wanted.any_of:
        good = any(_kind(value) == _kind(each) and value == each for each in wanted.any_of)
    if good and (wanted.at_least is not None or wanted.at_most is not None):
        number = value if _kind(value) == "number" and not isinstance(value, str) else None
        good = (
            number is not None
            and (wanted.at_least is None or number >= wanted.at_least)
            and (wanted.at_most is None or number <= wanted.at_most)
        )
    return good != wanted.exclude


def _value(document: Document, field: str) -> Scalar | None:
    own: Mapping[str, Scalar | None] = {
        "id": document.id, "language": document.language, "source": document.source,
        "updated_at_s": document.updated_at_s, "popularity": document.popularity,
    }  # fmt: skip
    return own[field] if field in own else document.attributes.get(field)


def _kind(value: Scalar | None) -> str:
    if isinstance(value, bool):
        return "truth"
    return "text" if isinstance(value, str) else "number"


def _hit(document: Document, passage: Passage, score: float, own: float, other: float | None) -> Hit:
    return Hit(
        document.id, document.version, passage.ordinal, document.title, passage.heading, passage.text, passage.start,
        passage.end, score, document_score=own, other_score=other, source=document.source, language=document.language,
        updated_at_s=document.updated_at_s, popularity=document.popularity, attributes=document.attributes,
        passages=len(document.passages),
    )  # fmt: skip
