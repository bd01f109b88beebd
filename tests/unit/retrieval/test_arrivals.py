"""What a new document has to reach to stand among an answer's passages."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipstream.chat.retrieval_options import DEFAULTS, RetrievalOptions
from slipstream.retrieval.arrivals import COVERED, MARGIN, Arrival, Question, bar_of
from slipstream.retrieval.bar import Bar
from slipstream.retrieval.document import Document, Passage
from slipstream.retrieval.question.prepare import prepare
from slipstream.retrieval.ranking import Found, Ranked
from slipstream.retrieval.search import Hit

DIMENSIONS = 384
NEEDED = 0.5


def unit(vector: list[float]) -> tuple[float, ...]:
    length = math.sqrt(sum(value * value for value in vector))
    return tuple(value / length for value in vector)


def drawn(source: random.Random) -> tuple[float, ...]:
    return unit([source.gauss(0, 1) for _ in range(DIMENSIONS)])


def towards(question: tuple[float, ...], cosine: float, source: random.Random) -> tuple[float, ...]:
    """A unit vector at this cosine to ``question``."""
    other = drawn(source)
    along = sum(map(float.__mul__, question, other))
    across = unit([b - along * a for a, b in zip(question, other, strict=True)])
    return tuple(cosine * a + math.sqrt(1 - cosine * cosine) * b for a, b in zip(question, across, strict=True))


def question(vector: tuple[float, ...], needed: float = NEEDED, terms: tuple[str, ...] = ()) -> Question:
    most = max(map(abs, vector))
    return Question(Bar(bytes(round(127 * value / most) % 256 for value in vector), terms, needed))


def document(*passages: tuple[str, tuple[float, ...]], title: str = "") -> Document:
    made = [Passage(n, text, 0, len(text), vector=vector) for n, (text, vector) in enumerate(passages)]
    return Document("new", title, "v1", tuple(made))


@given(st.integers(0, 2**32), st.floats(0.25, 0.95))
@settings(deadline=None, max_examples=60)
def test_what_is_nearer_than_needed_reaches_and_what_is_not_does_not(seed: int, needed: float) -> None:
    source = random.Random(seed)
    asked = drawn(source)
    for cosine, reaches in ((needed + 0.04, True), (needed - 0.04, False)):
        far = drawn(source)
        arrival = Arrival(document(("x", far), ("y", towards(asked, cosine, source))))
        # Signs tell angles apart but for chance: of what reaches, one in a hundred may be overlooked.
        if reaches:
            seen = [Arrival(document(("y", towards(asked, cosine, source)))) for _ in range(20)]
            assert sum(question(asked, needed).reached_by(each) for each in seen) >= 17
        else:
            assert not question(asked, needed).reached_by(arrival)


def test_words_of_the_question_make_up_for_what_the_vector_lacks() -> None:
    source = random.Random(1)
    asked = drawn(source)
    vector = towards(asked, NEEDED - COVERED / 2 + 0.03, source)
    wanted = question(asked, terms=("lambda", "retri"))
    told = {text: wanted.reached_by(Arrival(document((text, vector)))) for text in ("Nothing.", "Lambda waits.")}
    assert told == {"Nothing.": False, "Lambda waits.": True}
    assert wanted.reached_by(Arrival(document(("Nothing.", vector), title="Lambda")))


def test_a_document_without_vectors_reaches_nothing_that_is_wanted() -> None:
    assert not question(drawn(random.Random(2))).reached_by(Arrival(document(("Lambda retries.", ()))))


def found(passages: int = 5, cosine: float = 0.6, dense: float | None = None) -> Found:
    """``cosine`` of the first passage's document, ``dense`` of each passage by itself."""
    hits = [
        Hit(f"d{n}", "v1", 0, "", (), "Lambda retries events.", 0, 22, score=1.0, other_score=cosine + n / 10)
        for n in range(passages)
    ]
    ranked = tuple(Ranked(hit, 1.0, {} if dense is None else {"cosine": dense}) for hit in hits)
    return Found("docs", "docs-000001", prepare("Lambda retries what?", []), ranked, vector=(1.0, 0.0, -0.5))


def test_the_least_of_the_answers_own_passages_is_what_a_document_needs() -> None:
    bar = bar_of(found(), DEFAULTS)
    assert bar is not None
    share = 2 / 3  # of lambda, retries and what
    assert bar.needed == pytest.approx(0.6 + COVERED * share - MARGIN)
    assert (bar.question, set(bar.terms)) == (b"\x7f\x00\xc0", {"lambda", "retri", "what"})


def test_a_cosine_that_the_dense_leg_told_of_the_passage_comes_before_its_documents() -> None:
    bar, other = bar_of(found(cosine=0.6), DEFAULTS), bar_of(found(dense=0.2), DEFAULTS)
    assert bar is not None
    assert other is not None
    assert bar.needed > other.needed


def test_age_and_popularity_lower_what_is_needed() -> None:
    plain = bar_of(found(), DEFAULTS)
    assert plain is not None
    for wishes in (RetrievalOptions(recency_half_life_days=30), RetrievalOptions(popularity_weight=0.5)):
        wished = bar_of(found(), wishes)
        assert wished is not None
        assert wished.needed < plain.needed - 0.05


def test_where_less_was_found_than_wanted_anything_enters() -> None:
    herons = Arrival(document(("Herons wait.", (0.0, 1.0, 0.0))))
    for one, options in ((found(4), DEFAULTS), (found(5), RetrievalOptions(passages=6)), (found(0), DEFAULTS)):
        bar = bar_of(one, options)
        assert bar is not None
        assert Question(bar).reached_by(herons)
    full = bar_of(found(5), DEFAULTS)
    assert full is not None
    assert not Question(full).reached_by(herons)


def test_nothing_is_said_of_a_question_without_a_vector() -> None:
    assert bar_of(Found("docs", "docs-000001", prepare("What?", []), ()), DEFAULTS) is None
