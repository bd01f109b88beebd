"""A log as questions: spellings that mean the same by the matching rule are one, its demand by period."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from slipstream.caching.precompute.matching import Key, key_by, language_of_queries
from slipstream.caching.precompute.privacy import personal
from slipstream.caching.precompute.query_log import Progress, QueryLog, untold

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


class Period(msgspec.Struct, frozen=True):
    """What was asked in one period: ``question`` holds numbers of questions, the other two what belongs to them."""

    question: NDArray[numpy.int64]
    impressions: NDArray[numpy.float64]
    visits: NDArray[numpy.float64]


class Questions(msgspec.Struct, frozen=True):
    """All questions of a log, numbered as they first appear.

    A number, like the language, depends on no later period, so that no choice can. ``personal`` maps a question's
    number to what about its text is.
    """

    log: QueryLog
    language: str
    keys: tuple[Key, ...]
    periods: tuple[Period, ...]
    personal: dict[int, tuple[int, str]]
    number_of: dict[str, int]
    """Each spelling's question."""


def questions_of(log: QueryLog, language: str | None = None, progress: Progress = untold) -> Questions:
    """Group a log's spellings. ``language``: ISO 639-1; None: what the first period's queries are written in."""
    import numpy

    language = language or language_of_queries(asked.query for asked in log.asked[0])
    key_of = key_by(language)
    numbers: dict[Key, int] = {}
    known: dict[str, int] = {}
    private: dict[int, tuple[int, str]] = {}
    periods = []
    for at, period in enumerate(log.asked):
        counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for asked in period:
            number = known.get(asked.query)
            if number is None:
                number = known[asked.query] = numbers.setdefault(key_of(asked.query), len(numbers))
                if (reason := personal(asked.query)) is not None:
                    private.setdefault(number, (at, reason))
            counts[number][0] += asked.impressions
            counts[number][1] += asked.visits
        order = sorted(counts)
        both = numpy.array([counts[number] for number in order], numpy.float64).reshape(len(order), 2)
        periods.append(Period(numpy.array(order, numpy.int64), both[:, 0], both[:, 1]))
        progress("periods grouped", at + 1, len(log.asked))
    return Questions(log, language, tuple(numbers), tuple(periods), private, known)


class Spellings:
    """How each question is spelt, learnt period by period like the demand."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._taken = 0

    def canonical(self, number: int, periods: int) -> str:
        """The question as it was asked most in the first ``periods``; of equal ones the first by alphabet.

        ``periods`` never gets smaller from one call to the next.
        """
        while self._taken < periods:
            for asked in self._questions.log.asked[self._taken]:
                self._counts[self._questions.number_of[asked.query]][asked.query] += asked.impressions
            self._taken += 1
        spelt = self._counts[number]
        return min(spelt, key=lambda text: (-spelt[text], text))
