"""What a document has to reach to be among the passages of one answer; see ``arrivals``, which makes and reads it."""

from __future__ import annotations

import msgspec


class Bar(msgspec.Struct, frozen=True, array_like=True):
    """``needed`` is in cosine, terms included."""

    question: bytes
    """The question's vector, one signed byte a dimension; of any length."""
    terms: tuple[str, ...]
    """The question's, each once."""
    needed: float
