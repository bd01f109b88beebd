"""What stands behind an index's name, held in memory and made ready: looked up once, afterwards refreshed behind."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import SlipstreamError
from slipstream.retrieval.parameters import Parameters, parameters_from, shipped
from slipstream.retrieval.ports import Generation, PassageIndex
from slipstream.retrieval.question.vocabulary import Vocabulary
from slipstream.retrieval.ranker import Ranker
from slipstream.telemetry.waterfall import Waterfall

DESCRIBED_FOR_S = 30.0


class Described(msgspec.Struct, frozen=True):
    """A generation, and what searches make of what it keeps. ``ranker`` has the local re-ranker."""

    generation: Generation
    vocabulary: Vocabulary
    parameters: Parameters
    ranker: Ranker


def described(generation: Generation) -> Described:
    """Made ready. Raises InvalidRequest for fitted parameters that this version does not know."""
    kept = generation.kept
    parameters = shipped() if kept.ranking is None else parameters_from(kept.ranking)
    return Described(generation, Vocabulary(kept.learnt, kept.synonyms), parameters, Ranker(parameters))


class Descriptions:
    """Of every index that was asked for. Safe for threads."""

    def __init__(
        self, index: PassageIndex, clock: Callable[[], float], behind: Callable[[Callable[[], None]], object]
    ) -> None:
        """``clock`` gives seconds, monotonic; ``behind`` begins what no request waits for."""
        self._index = index
        self._clock = clock
        self._behind = behind
        self._known: dict[str, tuple[float, Described]] = {}

    def of(self, index: str, waterfall: Waterfall, disconnect: Disconnect) -> Described:
        """Asked the first time. What is older than ``DESCRIBED_FOR_S`` serves once more while it is asked anew.

        Raises IndexNotFound, InvalidRequest, or what the engine says.
        """
        now = self._clock()
        known = self._known.get(index)
        if known is None:
            return self.anew(index, waterfall, disconnect)
        if now - known[0] > DESCRIBED_FOR_S:
            self._known[index] = (now, known[1])  # one refresh at a time
            self._behind(lambda: self._refresh(index))
        return known[1]

    def anew(self, index: str, waterfall: Waterfall, disconnect: Disconnect) -> Described:
        """Asked whatever is known. Raises as ``of``."""
        generation = self._index.describe(index, waterfall, disconnect)
        known = self._known.get(index)
        same = known is not None and known[1].generation == generation
        found = known[1] if known is not None and same else described(generation)
        self._known[index] = (self._clock(), found)
        return found

    def _refresh(self, index: str) -> None:
        try:
            self.anew(index, Waterfall(), NEVER)
        except SlipstreamError:
            self._known.pop(index, None)  # the next request asks, and tells its caller what is wrong
