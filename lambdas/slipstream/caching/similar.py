"""One request's look for another wording of its question that has an answer, beside the look for its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slipstream.beside import Pending
from slipstream.caching.asked import Asked
from slipstream.caching.entry import Answered
from slipstream.caching.hit import Hit
from slipstream.caching.key import Sources, family_of
from slipstream.caching.store import Place, Wanted
from slipstream.caching.tally import CLOSE
from slipstream.errors import SlipstreamError
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Span, Waterfall

if TYPE_CHECKING:
    from slipstream.caching.answers import AnswerCache
    from slipstream.caching.semantic.ports import Verdict
    from slipstream.caching.semantic.serving import Judged, SemanticCache

SETTLE_S = 2.0
"""What is waited for after the last byte, so that a late vector still serves the next one who asks."""
NOBODY = "no question is known"


class Similar:
    """Nothing here is imported, embedded or compared before ``start``. What goes wrong fails nobody: it is told."""

    def __init__(
        self,
        cache: AnswerCache,
        semantic: Callable[[], SemanticCache],
        place: Place,
        call: ResolvedCall,
        sources: Sources | None,
        question: str,
        waterfall: Waterfall,
    ) -> None:
        """``semantic`` gives what compares questions; called on a thread that nobody waits for for long."""
        self._cache = cache
        self._semantic = semantic
        self._place = place
        self._call = call
        self._sources = sources
        self._question = question
        self._waterfall = waterfall
        self._asked: Asked | None = None
        self._pending: Pending[Judged] | None = None
        self._span: Span | None = None
        self._wanted: Wanted
        self._verdict: Verdict | None = None
        self._retried = ""
        self._told: dict[str, Any] = {}
        self._figures: dict[str, float] = {}

    @property
    def family(self) -> str:
        """The questions that this one is compared with; empty where nothing can compare them."""
        try:
            return self._known().family
        except SlipstreamError:
            return ""

    def _known(self) -> Asked:
        if self._asked is None:
            family = family_of(self._call, self._place.namespace, self._sources, self._cache.space())
            self._asked = Asked(self._place, family, self._question)
        return self._asked

    def start(self, wanted: Wanted) -> None:
        """Look, on another thread."""
        limit_s = self._cache.limits.semantic_s
        self._wanted = wanted
        self._span = self._waterfall.begin("semantic")
        self._pending = self._cache.comparing.start(lambda: self._semantic().judge(self._known(), wanted, limit_s))

    @property
    def pending(self) -> Pending[Judged] | None:
        """What is on its way; None: nothing is looked for."""
        return self._pending

    def ready(self) -> Hit | None:
        """The hit, where it is there by now."""
        if self._pending is None or not self._pending.done:
            return None
        try:
            return self._pending.result(0.0).hit
        except Exception:  # ``result`` says what it was
            return None

    def result(self) -> Hit | None:
        """The hit, within the limit of semantic look-ups."""
        if self._pending is None or self._span is None:
            return None
        began_s = self._waterfall.origin_s + self._span.start_ms / 1000
        try:
            judged = self._pending.result(max(0.0, began_s + self._cache.limits.semantic_s - time.perf_counter()))
        except TimeoutError:
            self._late()
            return None
        except Exception as error:  # a favour that fails fails no request
            code = error.code if isinstance(error, SlipstreamError) else type(error).__name__
            self._told, self._figures["cache_semantic_unavailable"] = {"reason": "unavailable", "error": code}, 1.0
            return None
        finally:
            self.close()
        self._note(judged)
        return judged.hit

    def overtaken(self) -> None:
        """The model was first: say what became of the look-up."""
        if self._pending is not None and self._pending.done and self.ready() is None:
            self.result()
        elif self._pending is not None:
            self._late()
            self.close()

    def _late(self) -> None:
        self._told, self._figures["cache_semantic_late"] = {"reason": "late"}, 1.0

    def close(self) -> None:
        """End its span: nobody waits any more."""
        if self._asked is not None:
            self._asked.over = True
        if self._span is not None and self._span.end_ms is None:
            self._waterfall.end(self._span)

    def _note(self, judged: Judged) -> None:
        decision, candidate = judged.decision, judged.candidate
        if decision is None or candidate is None:
            self._told = {"reason": NOBODY}
            return
        unwanted = decision.serve and judged.hit is None and not judged.checked
        self._told = {"reason": "older than wanted" if unwanted else decision.reason}
        self._told["cosine"] = round(candidate.cosine, 4)
        if decision.score is not None:
            self._told["score"] = round(decision.score, 3)
        if decision.needed is not None:
            self._told["needed"] = round(decision.needed, 3)
        if judged.checked:
            self._told["checked"] = True
            self._figures["cache_checked"] = 1.0

    # -- after the last byte

    def settle(
        self, *, kept_until_s: float | None = None, hit: Hit | None = None, fresh: Answered | None = None
    ) -> None:
        """Let the question be found: by its own answer, kept until then, or by the ``hit`` that stood for it.

        ``fresh``: what the model has just said, to compare a checked candidate's answer with. Never raises.
        """
        try:
            self._settle(kept_until_s, hit, fresh)
        except TimeoutError:
            self._figures["cache_semantic_late"] = 1.0
        except Exception:  # it has been answered
            self._figures["cache_semantic_error"] = 1.0

    def _settle(self, kept_until_s: float | None, hit: Hit | None, fresh: Answered | None) -> None:
        semantic, asked = self._semantic(), self._known()
        judged = self._judged()
        if self._call.request.options.cache == "refresh":
            self._retried = semantic.refreshed(asked)
            self._told = {"retry": True} if self._retried else {}
        if judged is not None:
            for key in judged.gone:
                semantic.forget(asked, key)
        if kept_until_s is not None:
            semantic.embed(asked)
            semantic.keep(asked, kept_until_s)
        elif hit is not None:
            semantic.keep(asked, hit.head.expires_s, hit)
        if judged is not None and judged.checked and fresh is not None:
            self._verdict = semantic.compare(asked, judged, fresh, self._wanted)
        semantic.settle(asked)

    def _judged(self) -> Judged | None:
        return None if self._pending is None else self._pending.result(SETTLE_S)

    def counted(self) -> dict[str, Any]:
        """What the cache's counts tell of it, once it is settled: see ``Counted``."""
        try:
            judged = None if self._pending is None else self._pending.result(0.0)
        except Exception:  # ``result`` has told of it
            judged = None
        decision = None if judged is None else judged.decision
        if decision is None:
            return {"retried": self._retried} if self._retried else {}
        told: dict[str, Any] = {"would_serve": decision.serve, "sure": decision.sure}
        if self._verdict is not None:
            told["check"] = {True: "same", False: "different", None: "undecided"}[self._verdict.equal]
        if decision.serve and decision.score is not None and decision.needed is not None:
            told["close"] = decision.score - decision.needed < CLOSE
        return told

    def report(self) -> dict[str, Any]:
        """The reply's ``slipstream.cache.semantic``; empty where nothing was looked for, or not waited for."""
        return dict(self._told)

    def figures(self) -> dict[str, float]:
        """Counts for the metrics."""
        return dict(self._figures)
