"""Answers that nobody waits for: through the pipeline, under their callers' key, and only those that may be kept."""

from __future__ import annotations

import re
from typing import Any

import pytest

from slipstream.caching.answers import CacheLimits
from slipstream.caching.filling.filler import Made
from slipstream.caching.policy import CachePolicy
from slipstream.chat.events import Event, Failed, Started, Stopped, TextDelta, Usage
from slipstream.chat.request import ChatRequest, Options, Parameters
from slipstream.errors import StreamCut, Throttled, UpstreamError
from slipstream.fakes.answer_store import MemoryAnswerStore
from slipstream.gateway.beforehand import PipelineAnswerer
from tests.unit.caching.filling.asked_days import asking
from tests.unit.caching.kept import HELLO, Caching, Clock, outcome
from tests.unit.caching.test_documents import CITED, UNCITED, Documents, Rag

HOUR_S = 3600.0
LIVES_S, HOLDS_S = 20 * HOUR_S, 26 * HOUR_S
BEFOREHAND = {
    "policy": CachePolicy(ttl_s=HOLDS_S, precomputes=True),
    "limits": CacheLimits(look_s=30.0, lives_s=LIVES_S),
}
CUT = (Started(), TextDelta("Hel"), Stopped("max_tokens"), Usage(7, 2))
BROKEN = (Started(), TextDelta("Hel"), Failed(StreamCut("the line broke")))


class Both:
    """Users' environment and one that fills, over one store."""

    def __init__(self, *answers: Any, clock: Clock | None = None) -> None:
        self.store, self.clock = MemoryAnswerStore(), clock or Clock()
        self.users = Caching([HELLO] * 9, store=self.store, clock=self.clock)
        self.filling = Caching(answers or [HELLO] * 9, store=self.store, clock=self.clock, **BEFOREHAND)
        self.answerer = PipelineAnswerer(self.filling.pipeline)

    def fill(self, request: ChatRequest | None = None) -> Made:
        return self.answerer.answer(request or asking("How often?"), within_s=60)

    def ask(self) -> dict[str, Any]:
        return self.users.ask("How often?", tenant="acme", user="zoe", stream=True)[1]


def test_an_answer_made_beforehand_is_a_hit_for_who_asks_and_says_so() -> None:
    both = Both()

    made = both.fill()
    told = both.ask()

    assert (made.outcome, outcome(told), both.users.calls) == ("answered", "hit", 0)
    assert made.cost_usd > 0
    assert (told["cache"]["kind"], told["cache"]["precomputed"]) == ("exact", True)
    assert told["cache"]["expires_in_s"] == HOLDS_S


def test_an_answer_that_a_user_got_is_not_called_precomputed() -> None:
    both = Both()
    both.ask()

    assert "precomputed" not in both.ask()["cache"]


def test_what_lives_long_enough_is_held_and_what_does_not_is_made_anew() -> None:
    both = Both()
    assert both.fill().outcome == "answered"
    both.clock.now_s += HOLDS_S - LIVES_S - 1
    assert both.fill() == Made("held")
    both.clock.now_s += 2

    assert both.fill().outcome == "answered"
    assert both.filling.calls == 2
    assert both.ask()["cache"]["expires_in_s"] == HOLDS_S


def test_a_users_answer_that_ends_before_the_next_run_is_made_anew() -> None:
    both = Both()
    both.ask()
    both.clock.now_s += 12 * HOUR_S

    assert both.fill().outcome == "answered"
    assert both.ask()["cache"]["precomputed"] is True


@pytest.mark.parametrize(
    ("events", "reason"), [(CUT, "max_tokens"), ((Started(), Stopped("refusal"), Usage(7, 2)), "refusal")]
)
def test_an_answer_that_may_not_be_kept_is_refused_and_paid_for(events: tuple[Event, ...], reason: str) -> None:
    both = Both(events)

    made = both.fill()

    assert (made.outcome, made.reason, made.cost_usd > 0) == ("refused", reason, True)
    assert outcome(both.ask()) == "miss"


@pytest.mark.parametrize("step", [Throttled("slow down"), BROKEN], ids=["before", "within"])
def test_a_call_that_fails_raises_what_it_failed_with_and_keeps_nothing(step: Any) -> None:
    both = Both(step)

    with pytest.raises((Throttled, UpstreamError)) as failed:
        both.fill()
    assert failed.value.retryable
    assert outcome(both.ask()) == "miss"


def test_what_the_policy_no_longer_covers_is_neither_made_nor_kept() -> None:
    both = Both()
    personal = CachePolicy(personal=(re.compile("often"),), precomputes=True)
    filling = Caching([HELLO], store=both.store, clock=both.clock, policy=personal)

    made = PipelineAnswerer(filling.pipeline).answer(asking("How often?"), within_s=60)

    assert made == Made("refused", "not_for_the_cache")
    assert outcome(both.ask()) == "miss"


def test_what_was_asked_warm_by_choice_is_made_warm_under_its_own_key() -> None:
    both = Both()
    warm = Parameters(temperature=0.7)

    assert both.fill(asking("How often?", parameters=warm)).outcome == "answered"
    chosen = both.users.ask("How often?", tenant="acme", parameters=warm, options=Options(cache="exact"))[1]
    assert outcome(chosen) == "hit"


class Index(Both):
    """Over an index whose documents change."""

    def __init__(self, *answers: Any) -> None:
        super().__init__()
        self.documents = Documents()
        self.users = Rag(documents=self.documents, store=self.store, clock=self.clock)
        self.filling = Rag(*answers, documents=self.documents, store=self.store, clock=self.clock, **BEFOREHAND)
        self.answerer = PipelineAnswerer(self.filling.pipeline)

    def fill(self, request: ChatRequest | None = None) -> Made:
        return super().fill(request or asking("How often?", model="rag:docs@fast", parameters=Parameters()))

    def ask(self) -> dict[str, Any]:
        return self.users.ask("How often?", tenant="acme", model="rag:docs@fast", parameters=Parameters())[1]


@pytest.fixture
def index() -> Index:
    return Index()


def test_an_answer_over_an_index_is_made_beforehand_with_its_citations(index: Index) -> None:
    assert index.fill().outcome == "answered"
    told = index.ask()

    assert (outcome(told), told["rag"]["supported"], told["cache"]["precomputed"]) == ("hit", True, True)
    assert [one["document"] for one in told["cache"]["documents"]] == ["a", "b"]


def test_an_answer_that_no_passage_supports_is_not_served() -> None:
    index = Index(UNCITED)

    assert (index.fill().reason, outcome(index.ask())) == ("unsupported", "miss")


def test_an_answer_whose_search_was_not_whole_is_not_served() -> None:
    index = Index(CITED)
    index.documents.missing = ("dense",)

    made = index.fill()
    index.documents.missing = ()

    assert (made.reason, outcome(index.ask())) == ("search_incomplete", "miss")


def test_an_answer_whose_document_changed_is_made_anew_however_long_it_would_have_lived(index: Index) -> None:
    index.fill()
    assert index.fill() == Made("held")
    index.users.change("a", "v2")  # type: ignore[attr-defined]

    assert index.fill().outcome == "answered"
    told = index.ask()
    assert (outcome(told), told["cache"]["documents"][0]["version"]) == ("hit", "v2")
