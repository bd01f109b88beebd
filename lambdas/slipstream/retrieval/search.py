"""What a search engine is asked and what it answers, whichever engine it is."""

from __future__ import annotations

import msgspec

from slipstream.chat.retrieval_options import Boosts, Filter, Scalar

LEG_SIZE = 20
"""Candidates of each leg: BM25 top 20 and vector top 20."""
LEG_PASSAGES_A_DOCUMENT = 1
"""A leg's 20 places go to 20 documents: the second passage of one would take the place of another."""
PASSAGES_A_DOCUMENT = 2
"""At most so many of one document in an answer: what each leg found best."""
EXPANSION_WEIGHT = 0.4
"""What a word of an expansion weighs beside a word of the query."""


class EngineQuery(msgspec.Struct, frozen=True):
    """One round trip: both legs. An empty ``text`` leaves the lexical leg out, an empty ``vector`` the dense one."""

    text: str
    vector: tuple[float, ...] = ()
    phrases: tuple[str, ...] = ()
    """Must stand in the document word for word, in the lexical leg: quoted phrases, identifiers, error codes."""
    expansions: tuple[str, ...] = ()
    """Also looked for, at less weight: what acronyms stand for, synonyms."""
    filters: tuple[Filter, ...] = ()
    boosts: Boosts = Boosts()
    size: int = LEG_SIZE
    timeout_ms: int | None = None
    """What one leg may take; a leg that is late is missing from the answer."""


class Hit(msgspec.Struct, frozen=True):
    """A passage that a leg found, with what the later stages need to know of it and of its document."""

    document_id: str
    version: str
    ordinal: int
    title: str
    heading: tuple[str, ...]
    text: str
    start: int
    end: int
    score: float
    """The leg's own: BM25 of the passage's text, headings and title, or cosine (-1 to 1)."""
    document_score: float = 0.0
    """BM25 of the query in the document's title and whole text, on both legs' hits. The lexical leg's order is by the
    sum of both, the dense leg's by cosine."""
    other_score: float | None = None
    """What the other leg gives this document's best passage: a cosine in the lexical leg, BM25 in the dense leg;
    None: not known."""
    source: str = ""
    language: str = "en"
    updated_at_s: float | None = None
    popularity: float = 0.0
    attributes: dict[str, Scalar] = {}
    passages: int = 0
    """How many its document has; 0: not known."""


class Legs(msgspec.Struct, frozen=True):
    """What both legs found, best first: of each document its best passage by that leg."""

    lexical: tuple[Hit, ...] = ()
    dense: tuple[Hit, ...] = ()
    missing: tuple[str, ...] = ()
    """Legs that were asked and gave nothing back: ``lexical``, ``dense`` (down, or later than ``timeout_ms``)."""
    engine_ms: dict[str, float] = {}
    """What the engine itself says that a leg took."""
    generation: str = ""
    """Which concrete index stood behind the alias."""
