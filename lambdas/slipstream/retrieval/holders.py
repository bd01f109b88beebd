"""Whose an id is: what one origin has put into an index, another one does not replace."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from slipstream.retrieval.ingest_report import Failure
from slipstream.retrieval.ports import Held


class Holders:
    """``is_gone``: whether an origin is known to be no more, so that another may have its ids."""

    def __init__(self, is_gone: Callable[[str], bool]) -> None:
        self._is_gone = cache(is_gone)

    def refusal(self, document_id: str, origin: str, there: Iterable[Held]) -> Failure | None:
        """Why ``origin`` may not write the document that stands ``there``; None: it may, as what has no origin may be
        replaced by any.
        """
        others = (held.origin for held in there if held.origin not in ("", origin))
        holder = next((other for other in others if not self._is_gone(other)), None)
        if holder is None:
            return None
        return Failure(
            document_id,
            "duplicate_id",
            f"the id '{document_id}' of '{origin}' is held by a document of '{holder}', which stays: give one of them "
            "other ids (a prefix for each file, for instance), or delete the other's documents first",
        )
