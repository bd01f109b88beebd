"""Semantic hits: the nearest known question, whether it asks the same, and its answer on one consistent read."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from slipstream.caching import store
from slipstream.caching.asked import Asked
from slipstream.caching.entry import Answered
from slipstream.caching.hit import Hit
from slipstream.caching.lookup import Lookup
from slipstream.caching.semantic.conflicts import conflict
from slipstream.caching.semantic.families import Families, Place
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.ports import Known, Learning, Verdict
from slipstream.caching.semantic.question_index import Candidate
from slipstream.caching.semantic.reading import read
from slipstream.caching.semantic.vectors import cosine, packed
from slipstream.caching.semantic.verifier import Decision, Verifier
from slipstream.caching.store import Wanted

Embed = Callable[[str], list[float]]
"""The vector of a question. Raises SlipstreamError; ends by itself after a while."""
TRIES = 3
"""Candidates that are looked at where the nearest ones' answers turn out to be gone."""
RETRY_S = 600.0
"""Who asks for a fresh answer so soon after a semantic hit was not helped by it."""
RETOLD_S = 60.0
"""A wording that is asked again and again is written no oftener than this."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``checked``: the model answers, to be compared with the candidate's answer."""

    candidate: Candidate | None = None
    pair: Pair | None = None
    decision: Decision | None = None
    checked: bool = False
    hit: Hit | None = None
    gone: tuple[str, ...] = ()
    """Keys of candidates without an answer."""


class SemanticCache:
    """Built once an environment, with the first request that needs it; safe for threads."""

    def __init__(
        self,
        lookup: Lookup,
        families: Families,
        learning: Learning,
        embed: Embed,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``clock`` gives Unix time (s)."""
        self._lookup = lookup
        self._families = families
        self._learning = learning
        self._embed = embed
        self._clock = clock

    def judge(self, asked: Asked, wanted: Wanted, wait_s: float) -> Judged:
        """Look for a question that asks the same. Waits for known questions no longer than ``wait_s``.

        Raises SlipstreamError, and TimeoutError where they are not here in time.
        """
        families, place = self._families, _questions_of(asked)
        loading = families.begin(place)
        self.embed(asked)
        if asked.over:
            return Judged()
        if loading is not None:
            try:
                loading.result(wait_s)
            except Exception:  # what was read before will do, and if nothing was, that is the answer
                if not families.loaded(place):
                    raise
        gone: list[str] = []
        for _ in range(TRIES):
            candidate = families.index(place).nearest(asked.vector, but=asked.place.key, now_s=wanted.now_s)
            if candidate is None:
                break
            judged = self._judged(asked, candidate, wanted)
            if judged is not None:
                return msgspec.structs.replace(judged, gone=tuple(gone))
            families.index(place).remove(candidate.known.key)
            gone.append(candidate.known.key)
        return Judged(gone=tuple(gone))

    def _judged(self, asked: Asked, candidate: Candidate, wanted: Wanted) -> Judged | None:
        """None: there is no answer to the candidate any more."""
        learning, namespace = self._learning, asked.place.namespace
        verifier = learning.verifier(namespace)
        pair = self._pair(asked, candidate, verifier)
        decision = verifier.decide(pair)
        checked = learning.wants_check(namespace, sure=decision.sure)
        if not decision.sure:
            learning.looked(namespace, asked.family, pair)
        hit = None
        if decision.serve and not checked:
            found = self._lookup.standing(store.Place(namespace, candidate.known.key), wanted)
            if found.hit is None and not found.stands:
                return None
            hit = found.hit and self._told(found.hit, candidate.known, namespace)
        return Judged(candidate=candidate, pair=pair, decision=decision, checked=checked, hit=hit)

    def _pair(self, asked: Asked, candidate: Candidate, verifier: Verifier) -> Pair:
        """Both questions, and where they stand among the others if that may decide: it costs another search."""
        pair = Pair(read(asked.text), read(candidate.known.text), candidate.cosine)
        if verifier.calibration.scorer is None or conflict(pair.asked, pair.candidate) is not None:
            return pair
        around = self._families.index(_questions_of(asked)).neighbourhood(candidate, but=asked.place.key)
        return msgspec.structs.replace(pair, neighbourhood=around)

    def _told(self, hit: Hit, known: Known, namespace: str) -> Hit:
        """The hit as a semantic one. What another tenant of a shared namespace wrote is not shown."""
        own = namespace.startswith("tenant:")
        return msgspec.structs.replace(hit, kind="semantic", question=known.text if own else None)

    def embed(self, asked: Asked) -> None:
        """See to it that the question has its vector: the one that is known, or a new one."""
        known = self._families.index(_questions_of(asked)).get(asked.place.key)
        if not asked.vector:
            asked.vector = packed(self._embed(asked.text)) if known is None else known.vector

    # -- after the last byte; everything raises SlipstreamError where a store fails

    def keep(self, asked: Asked, expires_s: float, hit: Hit | None = None) -> None:
        """Let others find this question: by its own answer, or by the one that stood for it."""
        key, now_s = asked.place.key, self._clock()
        answer = key if hit is None else hit.answer
        before = self._families.index(_questions_of(asked)).get(key)
        retold = hit is not None and before is not None and before.answer == answer
        if not asked.vector or (retold and before is not None and now_s - before.asked_s < RETOLD_S):
            return
        known = Known(
            key=key, text=asked.text, vector=asked.vector, answer=answer, asked_s=now_s, expires_s=expires_s
        )  # fmt: skip
        self._families.learn(_questions_of(asked), known)

    def forget(self, asked: Asked, key: str) -> None:
        """Remove a question whose answer is gone."""
        self._families.forget(_questions_of(asked), key)

    def compare(self, asked: Asked, judged: Judged, fresh: Answered, wanted: Wanted) -> Verdict | None:
        """Learn from a check: ``fresh`` is what the model says now. What came of it; None: nothing to compare with."""
        if judged.candidate is None or judged.pair is None:
            return None
        namespace, key = asked.place.namespace, judged.candidate.known.key
        found = self._lookup.standing(store.Place(namespace, key), wanted)
        if found.hit is None:
            if not found.stands:
                self.forget(asked, key)
            return None
        verdict = self._learning.compare(fresh, found.hit.answered)
        if verdict.equal is not None:
            drawn = judged.decision is not None and not judged.decision.sure
            self._learning.tell(namespace, asked.family, judged.pair, equal=verdict.equal, drawn=drawn)
        return verdict

    def refreshed(self, asked: Asked) -> str:
        """A fresh answer was asked for: the key of the one that had stood for it, if that says that this was wrong, and
        else nothing. It is told then, once: the question is forgotten.
        """
        place, now_s = _questions_of(asked), self._clock()
        before = self._families.find(place, asked.place.key)
        if before is not None and not asked.vector:
            asked.vector = before.vector
        if before is None or before.answer == before.key or now_s - before.asked_s > RETRY_S:
            return ""
        candidate = self._families.find(place, before.answer)
        if candidate is None:
            return ""
        pair = Pair(read(before.text), read(candidate.text), cosine(before.vector, candidate.vector))
        self._learning.tell(asked.place.namespace, asked.family, pair, equal=False, drawn=False)
        self.forget(asked, asked.place.key)
        return before.answer

    def settle(self, asked: Asked) -> None:
        """See Learning."""
        self._learning.settle(asked.place.namespace)


def _questions_of(asked: Asked) -> Place:
    """Where the questions are that it is compared with."""
    return Place(asked.place.namespace, asked.family)
