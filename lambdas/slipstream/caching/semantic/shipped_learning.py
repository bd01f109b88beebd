"""What serves semantic hits where nothing is learnt: the calibration that ships, and no checks."""

from __future__ import annotations

from slipstream.caching.entry import Answered
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.ports import Verdict
from slipstream.caching.semantic.verifier import Verifier, shipped


class ShippedLearning:
    """A Learning that never learns: questions in the same words, less courtesy and ways to begin, are served."""

    def __init__(self) -> None:
        self._verifier = Verifier(shipped())

    def verifier(self, namespace: str) -> Verifier:
        """See Learning."""
        del namespace
        return self._verifier

    def wants_check(self, namespace: str) -> bool:
        """See Learning: a label would teach nothing."""
        del namespace
        return False

    def looked(self, namespace: str, family: str, pair: Pair) -> None:
        """See Learning."""

    def compare(self, fresh: Answered, kept: Answered) -> Verdict:
        """See Learning."""
        del fresh, kept
        return Verdict(None, "nothing is learnt here")

    def tell(self, namespace: str, family: str, pair: Pair, *, equal: bool, drawn: bool) -> None:
        """See Learning."""

    def settle(self, namespace: str) -> None:
        """See Learning."""
