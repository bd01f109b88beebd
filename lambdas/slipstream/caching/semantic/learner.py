"""Learning of a deployment: from the labels and looks that all environments have written to one calibration each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from slipstream.caching.day import DAY_S, day_of
from slipstream.caching.semantic.neighbourhood import Neighbourhood
from slipstream.caching.semantic.policy import Label, Policy, Seen, enough, relearnt
from slipstream.caching.semantic.ports import LearningStore, Progress, QuestionStore
from slipstream.caching.semantic.rarity import Rarity
from slipstream.caching.semantic.reading import read
from slipstream.caching.semantic.surroundings import Surroundings
from slipstream.caching.semantic.verifier import Provenance, shipped
from slipstream.errors import SlipstreamError

GROWTH = 1.2
"""By so much the labels have to have grown, unless a wrong answer was reported, or a day is over."""
STALE_S = 7 * DAY_S
"""Learnt again by then without anything new: questions come and go, and the bucket forgets."""
MOST_FAMILIES = 32
"""Those with the most pairs are looked around in; what stands alone is learnt from by its words."""
MOST_KNOWN = 2000
"""Of a family's questions, newest first."""


class Round(msgspec.Struct):
    """What came of one look at all namespaces. Counts; ``failed`` by error code; ``left``: for want of time."""

    namespaces: int = 0
    learnt: int = 0
    waiting: int = 0
    left: int = 0
    failed: dict[str, int] = {}


class Learner:
    """Learns namespaces again. Not for the request path: seconds of work each, and numpy."""

    def __init__(
        self,
        store: LearningStore,
        questions: QuestionStore | None = None,
        *,
        epsilon: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``questions`` None: pairs are learnt from by their words alone. ``clock``: Unix time (s)."""
        self._store = store
        self._questions = questions
        self._epsilon = epsilon
        self._clock = clock

    def run(self, has_time: Callable[[], bool] = lambda: True) -> Round:
        """Learn every namespace that has something new, the longest unlearnt first, while there is time.

        A namespace that fails is counted, and the others go on. Raises what the store raises for the list of them.
        """
        found = self._store.namespaces()
        done = Round(namespaces=len(found))
        for namespace, progress in sorted(found.items(), key=lambda one: one[1].learnt_s):
            if not self.due(progress):
                done.waiting += 1
            elif not has_time():
                done.left += 1
            else:
                self._try(namespace, progress, done)
        return done

    def due(self, progress: Progress) -> bool:
        """Whether there is enough, and enough that is new."""
        if not enough(progress.drawn, self._epsilon):
            return False
        age_s = self._clock() - progress.learnt_s
        return (
            progress.labels >= GROWTH * progress.learnt_labels
            or progress.struck > progress.learnt_struck
            or (progress.labels > progress.learnt_labels and age_s >= DAY_S)
            or age_s >= STALE_S
            or progress.learnt_epsilon != self._epsilon
        )

    def learn(self, namespace: str, progress: Progress) -> bool:
        """Learn one namespace; False where its labels do not suffice. ``progress``: from before."""
        labels = self._store.labels(namespace, limit=Policy.LABELS)
        if not enough(sum(label.drawn for _, label in labels), self._epsilon):
            return False
        recent = self._store.recent(namespace, limit=Policy.RECENT)
        families = Counter([family for family, _ in labels] + [family for family, _ in recent])
        around = self._surroundings(namespace, families)
        before = msgspec.structs.replace(
            shipped(),
            epsilon=self._epsilon,
            provenance=Provenance(pairs=len(labels), date=day_of(self._clock())),
        )
        made = relearnt(
            before,
            [(label, _of(around, family, label.pair)) for family, label in labels],
            [(seen, _of(around, family, seen)) for family, seen in recent],
            _rarity(labels, recent, around),
        )
        self._store.keep(namespace, made, progress)
        return True

    def _try(self, namespace: str, progress: Progress, done: Round) -> None:
        try:
            if self.learn(namespace, progress):
                done.learnt += 1
            else:
                done.waiting += 1
        except Exception as error:  # whatever is wrong with one namespace is not the others' affair
            code = error.code if isinstance(error, SlipstreamError) else type(error).__name__
            done.failed[code] = done.failed.get(code, 0) + 1

    def _surroundings(self, namespace: str, families: Counter[str]) -> Mapping[str, Surroundings]:
        questions = self._questions
        if questions is None:
            return {}
        return {
            family: Surroundings(questions.newest(namespace, family, limit=MOST_KNOWN))
            for family, _ in families.most_common(MOST_FAMILIES)
        }


def _of(around: Mapping[str, Surroundings], family: str, seen: Seen) -> Neighbourhood:
    found = around.get(family)
    return Neighbourhood() if found is None else found.around(seen.asked, seen.candidate)


def _rarity(
    labels: Sequence[tuple[str, Label]], recent: Sequence[tuple[str, Seen]], around: Mapping[str, Surroundings]
) -> Rarity:
    """How rare words are among all questions that are known of, each counted once."""
    pairs = [label.pair for _, label in labels] + [seen for _, seen in recent]
    texts = {text for pair in pairs for text in (pair.asked, pair.candidate)}
    texts.update(text for one in around.values() for text in one.texts)
    rarity = Rarity(counts={})
    for text in sorted(texts):
        rarity.add(read(text).content)
    return rarity
