"""A question as it is compared with others: where its own answer belongs, its family, its text, and its vector."""

from __future__ import annotations

import msgspec

from slipstream.caching.store import Place


class Asked(msgspec.Struct):
    """One request's. ``family``: everything of it but the text, as a hash."""

    place: Place
    family: str
    text: str
    vector: bytes = b""
    """Once it is known."""
    over: bool = False
    """Nobody waits any more: the vector is all that is still wanted."""
