"""Short ways to say what two legs found."""

from __future__ import annotations

from typing import Any

from slipstream.retrieval.search import Hit, Legs


def hit(document: str, score: float, text: str = "", ordinal: int = 0, **more: Any) -> Hit:
    text = text or f"{document} says its own thing in its own words number {ordinal}"
    values: dict[str, Any] = {"version": "", "title": "", "heading": (), "start": 0, "end": len(text), **more}
    return Hit(document_id=document, ordinal=ordinal, text=text, score=score, **values)


def legs(lexical: dict[str, float], dense: dict[str, float], **more: Any) -> Legs:
    """One passage a document; each leg's hits know the other leg's score where it has one."""
    words = [hit(name, score, other_score=dense.get(name), **more) for name, score in lexical.items()]
    meaning = [hit(name, score, other_score=lexical.get(name, 0.0), **more) for name, score in dense.items()]
    words.sort(key=lambda one: -one.score)
    meaning.sort(key=lambda one: -one.score)
    return Legs(tuple(words), tuple(meaning))
