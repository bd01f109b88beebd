"""A pipeline whose cache compares questions: vectors by words, and a learning that does what a test says."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any

from slipstream.caching.entry import Answered
from slipstream.caching.lookup import Lookup
from slipstream.caching.policy import CachePolicy
from slipstream.caching.semantic.families import Families, FamilyLimits
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.ports import Known, Verdict
from slipstream.caching.semantic.serving import SemanticCache
from slipstream.caching.semantic.verifier import Verifier, shipped
from slipstream.chat.events import Event, Started, Stopped, TextDelta, Usage
from slipstream.errors import SlipstreamError
from slipstream.fakes.question_store import MemoryQuestionStore
from tests.unit.caching.kept import Caching, Clock

SIZE = 512
ALL = CachePolicy(semantic="all")
ASKED, REWORDED, ANOTHER = "How do I renew my passport?", "Please, how can I renew my passport?", "How do I bake bread?"


def saying(text: str) -> tuple[Event, ...]:
    return (Started(), TextDelta(text), Stopped("end_turn"), Usage(1000, 2000))


class ShippedLearning:
    """A Learning that never learns: questions in the same words, less courtesy and ways to begin, are served."""

    def __init__(self) -> None:
        self._verifier = Verifier(shipped())

    def verifier(self, namespace: str) -> Verifier:
        """See Learning."""
        del namespace
        return self._verifier

    def wants_check(self, namespace: str, *, sure: bool) -> bool:
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


class Notes(ShippedLearning):
    """The shipped verifier; checks when a test says so, and keeps what it is told."""

    def __init__(self, *, checks: bool = False, verdict: bool | None = True) -> None:
        super().__init__()
        self.checks, self.verdict = checks, verdict
        self.seen = list[Pair]()
        self.told = list[tuple[str, str, bool, bool]]()
        self.compared = list[tuple[str, str]]()
        self.settled = list[str]()

    def wants_check(self, namespace: str, *, sure: bool) -> bool:
        return self.checks

    def looked(self, namespace: str, family: str, pair: Pair) -> None:
        self.seen.append(pair)

    def compare(self, fresh: Answered, kept: Answered) -> Verdict:
        self.compared.append((text_of(fresh.events), text_of(kept.events)))
        return Verdict(self.verdict, "said so")

    def tell(self, namespace: str, family: str, pair: Pair, *, equal: bool, drawn: bool) -> None:
        self.told.append((pair.asked.text, pair.candidate.text, equal, drawn))

    def settle(self, namespace: str) -> None:
        self.settled.append(namespace)


def vector_of(text: str) -> list[float]:
    """Texts that share words have vectors that are near: each word adds a direction of its own, drawn by its letters.

    As in a model's vectors, values of both signs are about as many.
    """
    words = re.findall(r"\w+", text.lower())
    directions = [random.Random(word).choices((-1.0, 1.0), k=SIZE) for word in words]
    return [sum(values) for values in zip(*directions, strict=True)]


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


class Comparing(Caching):
    """See Caching; several with one ``store`` and one ``questions`` are several environments."""

    def __init__(
        self,
        answers: Sequence[Sequence[Event] | SlipstreamError] = (saying("At the town hall."), saying("Fresh.")),
        *,
        questions: Any = None,
        learning: ShippedLearning | None = None,
        embed: Callable[[str], list[float]] | None = None,
        policy: CachePolicy = ALL,
        clock: Clock | None = None,
        families: FamilyLimits | None = None,
        **more: Any,
    ) -> None:
        self.questions = questions if questions is not None else MemoryQuestionStore()
        self.learning = learning or Notes()
        self.embedded = list[str]()
        clock = clock or Clock()

        def by_words(text: str) -> list[float]:
            self.embedded.append(text)
            return vector_of(text)

        def semantic(lookup: Lookup) -> SemanticCache:
            known = Families(self.questions, clock=clock, limits=families)
            return SemanticCache(lookup, known, self.learning, embed or by_words, clock=clock)

        super().__init__(answers, policy=policy, clock=clock, semantic=semantic, **more)

    def known(self) -> list[Known]:
        """Everything that the store knows, in memory."""
        return [one for questions in self.questions._families.values() for one in questions.values()]
