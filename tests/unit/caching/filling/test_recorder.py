"""What of a request is written into the log of questions, and above all what is not."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.caching.filling.asked import Sighting
from slipstream.caching.filling.recorder import MOST_FAMILIES_A_DAY, Recorder
from slipstream.caching.filling.template import MOST_CHARACTERS, asked_with, taken_apart
from slipstream.caching.policy import CachePolicy
from slipstream.chat.request import (
    CachePoint,
    ChatRequest,
    Image,
    Message,
    Options,
    Parameters,
    Text,
    Tool,
)  # fmt: skip
from slipstream.chat.retrieval_options import Filter, RetrievalOptions
from slipstream.errors import UpstreamUnavailable
from slipstream.fakes.asked_store import MemoryAskedStore
from tests.unit.caching.kept import COLD, HELLO, Caching, Clock

DAY_S = 86_400.0
ACME = "tenant:acme"


class Refusing(MemoryAskedStore):
    """A table that is throttled."""

    def count(self, sighting: Sighting, *, until_s: float) -> None:
        raise UpstreamUnavailable("the table is busy")


class Remembering(MemoryAskedStore):
    """Keeps every byte that is handed to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def count(self, sighting: Sighting, *, until_s: float) -> None:
        self.written.append(repr(sighting))
        super().count(sighting, until_s=until_s)

    def describe(self, family: Any, *, until_s: float) -> None:
        self.written.append(repr(family))
        super().describe(family, until_s=until_s)


def asking(text: str = "How often?", **fields: Any) -> ChatRequest:
    fields = {"model": "fast", "messages": [Message("user", [Text(text)])], "tenant": "acme"} | fields
    return ChatRequest(**fields)


def recorder(store: MemoryAskedStore, clock: Any = None, share: float = 1.0, random: Any = lambda: 0.0) -> Recorder:
    return Recorder(store, share=share, days=90, clock=clock or Clock(), random=random)


def counted(store: MemoryAskedStore) -> dict[str, float]:
    """Impressions by spelling, of all families and days."""
    out: dict[str, float] = {}
    for family in store.families():
        for one in store.counts(family.namespace, family.family, since=""):
            out[one.question] = out.get(one.question, 0) + one.impressions
    return out


def test_a_question_is_counted_and_its_request_kept_once() -> None:
    store = Remembering()
    log = recorder(store)

    for _ in range(3):
        assert log.note(asking(user="ada"), ACME) == {"query_logged": 1.0}

    assert counted(store) == {"How often?": 3.0}
    assert len(store.families()) == 1
    assert sum("Family(" in one for one in store.written) == 1


@pytest.mark.parametrize(
    "request_",
    [
        asking("Write to ada@example.org"),
        asking("My number is 030 1234567"),
        asking(system=[Text("You speak with ada@example.org")]),
        asking(tools=[Tool("call", "Calls +49 30 1234567", {})]),
        asking(options=Options(retrieval=RetrievalOptions(filters=(Filter("owner", ("ada@example.org",)),)))),
        asking(converse_extras={"promptVariables": {"who": "ada@example.org"}}),
    ],
    ids=["mail", "number", "system", "tool", "filter", "variables"],
)
def test_what_names_an_address_or_a_long_number_is_never_written(request_: ChatRequest) -> None:
    store = Remembering()

    assert recorder(store).note(request_, ACME) == {"query_log_left_out": 1.0}
    assert store.written == []


@pytest.mark.parametrize(
    "messages",
    [
        [Message("user", [Text("a")]), Message("assistant", [Text("b")]), Message("user", [Text("c")])],
        [Message("user", [Text("What is that?"), Image("png", "AAAA")])],
        [Message("user", [Text("one"), Text("two")])],
        [Message("user", [Text("x" * (MOST_CHARACTERS + 1))])],
        [Message("user", [Text("  ")])],
        [],
    ],
    ids=["conversation", "image", "parts", "document", "blank", "nothing"],
)
def test_only_one_short_question_by_itself_is_written(messages: list[Message]) -> None:
    store = Remembering()

    assert recorder(store).note(asking(messages=messages), ACME) == {"query_log_left_out": 1.0}
    assert store.written == []


def test_users_are_hashed_and_told_apart_and_hashes_cannot_be_made_again_without_the_salt() -> None:
    first, second = Remembering(), Remembering()
    for store in (first, second):
        log = recorder(store)
        for user in ("zoe", "kim", "zoe", None):
            log.note(asking(user=user), ACME)

    def users(store: MemoryAskedStore) -> frozenset[str]:
        (family,) = store.families()
        (one,) = store.counts(family.namespace, family.family, since="")
        return one.users

    assert len(users(first)) == 3
    assert not users(first) & users(second)
    assert not any("zoe" in one or "kim" in one for one in first.written)


@pytest.mark.parametrize("user", ["ada", None])
def test_users_of_two_tenants_of_a_shared_namespace_are_two(user: str | None) -> None:
    store = MemoryAskedStore()
    log = recorder(store)
    for tenant in ("acme", "beta"):
        log.note(asking(user=user, tenant=tenant), "shared:group")

    kept = [one for family in store.families() for one in store.counts("shared:group", family.family, since="")]
    assert len(frozenset[str]().union(*(one.users for one in kept))) == 2


def test_users_of_different_environments_are_the_same_until_the_salt_is_forgotten() -> None:
    store, clock = MemoryAskedStore(), Clock()
    for _ in range(2):
        recorder(store, clock).note(asking(user="ada"), ACME)
    clock.now_s += 91 * DAY_S
    recorder(store, clock).note(asking(user="ada"), ACME)

    (family,) = store.families()
    before, after = store.counts(family.namespace, family.family, since="")
    assert (len(before.users), len(after.users)) == (1, 1)
    assert before.users != after.users


def test_a_sampled_request_stands_for_those_that_were_not() -> None:
    store, drawn = MemoryAskedStore(), iter([0.1, 0.3, 0.24, 0.9])
    log = recorder(store, share=0.25, random=lambda: next(drawn))

    told = [log.note(asking(), ACME) for _ in range(4)]

    assert told == [{"query_logged": 1.0}, {}, {"query_logged": 1.0}, {}]
    assert counted(store) == {"How often?": 8.0}


def test_a_store_that_fails_fails_nobody() -> None:
    assert recorder(Refusing()).note(asking(), ACME) == {"query_log_error": 1.0}


def test_requests_of_which_every_one_is_its_own_kind_are_given_up_for_the_day() -> None:
    store, clock = MemoryAskedStore(), Clock()
    log = recorder(store, clock)

    told = [log.note(asking(system=[Text(f"Session {n}")]), ACME) for n in range(MOST_FAMILIES_A_DAY + 2)]

    assert told[-3:] == [{"query_logged": 1.0}, {"query_log_full": 1.0}, {"query_log_full": 1.0}]
    clock.now_s += DAY_S
    assert log.note(asking(system=[Text("another")]), ACME) == {"query_logged": 1.0}


questions = st.text(min_size=1, max_size=200).filter(lambda text: bool(text.strip()))


@given(questions)
def test_a_template_asks_any_question_as_it_was_asked(question: str) -> None:
    asked = asking(question, parameters=Parameters(temperature=0.0, stop=["."]), system=[Text("Be brief.")])
    apart = taken_apart(asked)

    assert apart is not None
    assert asked_with(apart.template, apart.question) == asked


def test_what_changes_no_answer_makes_no_other_family() -> None:
    plain = taken_apart(asking())
    other = taken_apart(
        asking(
            messages=[Message("user", [Text("How often?"), CachePoint()])],
            system=[CachePoint()],
            user="ada",
            metadata={"session": "7"},
            service_tier="priority",
            stream=True,
            include_usage=True,
            allowed_models=("fast",),
            notes=["seed has no effect"],
            options=Options(cache="exact", deadline_ms=900, max_age_s=5, latency="optimized", prompt_cache="off"),
        )
    )
    assert plain is not None
    assert plain == other
    assert taken_apart(asking(model="best")) != plain
    assert json.loads(plain.template)["tenant"] == "acme"


class Logged(Caching):
    """A pipeline with a log."""

    def __init__(self, *answers: Any, **more: Any) -> None:
        super().__init__(answers or [HELLO] * 9, **more)
        self.log = Remembering()
        self.pipeline._recorder = recorder(self.log, self.clock)


def test_the_pipeline_logs_what_was_answered_kept_answers_too() -> None:
    gateway = Logged()

    for _ in range(2):
        gateway.ask("Hi there", user="ada", tenant="acme")

    assert counted(gateway.log) == {"Hi there": 2.0}
    assert [one.namespace for one in gateway.log.families()] == [ACME]
    assert gateway.metrics.rows[-1][0]["query_logged"] == 1.0


def test_the_pipeline_logs_nothing_that_the_caches_policy_leaves_out() -> None:
    gateway = Logged(policy=CachePolicy(personal=(re.compile("secret"),)))

    gateway.ask("a secret")
    gateway.ask("warm", parameters=Parameters(temperature=0.7))
    gateway.ask("off", options=Options(cache="off"))
    gateway.begin("left in the middle", parameters=COLD).close()

    assert gateway.log.written == []
