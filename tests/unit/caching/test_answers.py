"""Kept answers through the pipeline: what is served again, how, and what the reply says of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from slipstream.caching.answers import CacheLimits
from slipstream.caching.policy import CachePolicy
from slipstream.chat.events import (
    Event,
    Failed,
    Heartbeat,
    OtherDelta,
    ReasoningDelta,
    Started,
    Stopped,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from slipstream.chat.request import Message, Options, Parameters, Text, Tool, ToolResult, ToolUse
from slipstream.errors import StreamCut, UpstreamUnavailable
from slipstream.fakes.answer_store import MemoryAnswerStore
from tests.unit.caching.kept import HELLO, OTHER, Caching, Clock, outcome, wanting

LOOK_UP = Tool("look_up", "Looks something up.", {"type": "object"})


def test_the_second_of_two_equal_requests_calls_no_model() -> None:
    bench = Caching()
    first, second = bench.ask(), bench.ask()
    assert first[0] == second[0] == HELLO
    assert (outcome(first[1]), outcome(second[1])) == ("miss", "hit")
    assert bench.calls == 1


def test_the_original_borders_of_the_pieces_are_kept_and_heartbeats_are_not() -> None:
    bench = Caching([(Started(), Heartbeat(), *HELLO[1:])])
    bench.ask()
    assert bench.ask()[0] == HELLO


def test_a_hit_tells_its_age_what_the_original_cost_and_that_it_cost_nothing() -> None:
    bench = Caching()
    _, miss = bench.ask()
    bench.clock.now_s += 90
    _, hit = bench.ask()
    assert hit["tokens"] == miss["tokens"]
    assert (hit["cost_usd"], hit["saved_usd"]) == (0.0, miss["cost_usd"])
    assert hit["cache"]["age_s"] == 90.0
    assert hit["cache"]["original"]["cost_usd"] == miss["cost_usd"]


def test_hits_and_misses_are_counted_apart_and_a_hit_costs_nothing() -> None:
    bench = Caching()
    bench.ask()
    bench.ask()
    miss, hit = (row[0] for row in bench.metrics.rows)
    assert (miss["cache_miss"], hit["cache_hit"], hit["cost_usd"]) == (1.0, 1.0, 0.0)
    assert hit["saved_usd"] == miss["cost_usd"]
    assert "input_tokens" in miss
    assert "input_tokens" not in hit


def test_streamed_and_whole_requests_share_an_answer() -> None:
    bench = Caching()
    bench.ask(stream=True)
    assert outcome(bench.ask(stream=False)[1]) == "hit"


def test_an_alias_and_the_id_that_it_stands_for_share_an_answer() -> None:
    bench = Caching()
    bench.ask(model="fast")
    assert outcome(bench.ask(model="amazon.nova-lite-v1:0")[1]) == "hit"


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "Hi there!"},
        {"text": "hi there"},
        {"model": "us.amazon.nova-pro-v1:0"},
        {"parameters": Parameters(temperature=0.0, max_tokens=7)},
        {"system": [Text("Be brief.")]},
        {"tenant": "acme"},
        {"converse_extras": {"guardrailConfig": {"guardrailIdentifier": "g"}}},
    ],
)  # fmt: skip
def test_what_may_change_the_answer_makes_it_another(changed: dict[str, Any]) -> None:
    bench = Caching([HELLO, OTHER])
    bench.ask()
    assert bench.ask(**changed)[0] == OTHER


def test_tenants_share_only_within_a_namespace_that_an_operator_named() -> None:
    policy = CachePolicy(shared={"acme": "group", "beta": "group"})
    bench = Caching([HELLO, OTHER], policy=policy)
    bench.ask(tenant="acme")
    assert outcome(bench.ask(tenant="beta")[1]) == "hit"
    assert outcome(bench.ask(tenant="group")[1]) == "miss"


def test_a_request_that_may_be_answered_differently_each_time_is_kept_by_choice_only() -> None:
    bench = Caching([HELLO, HELLO, OTHER])
    warm: dict[str, Any] = {"parameters": Parameters(temperature=0.7)}
    assert outcome(bench.ask(**warm)[1]) is None
    assert outcome(bench.ask(**warm, options=wanting("exact"))[1]) == "miss"
    assert outcome(bench.ask(**warm, options=wanting("exact"))[1]) == "hit"


def test_a_preset_of_temperature_nought_is_kept() -> None:
    bench = Caching()
    asked: dict[str, Any] = {"parameters": Parameters(), "options": Options(use_case="extraction")}
    bench.ask(**asked)
    assert outcome(bench.ask(**asked)[1]) == "hit"


def test_off_neither_looks_nor_keeps() -> None:
    bench = Caching([HELLO, OTHER, OTHER])
    assert outcome(bench.ask(options=wanting("off"))[1]) is None
    assert outcome(bench.ask()[1]) == "miss"


def test_refresh_makes_the_answer_anew_and_later_requests_get_that() -> None:
    bench = Caching([HELLO, OTHER])
    bench.ask()
    bench.clock.now_s += 1
    assert bench.ask(options=wanting("refresh"))[0] == OTHER
    assert bench.ask()[0] == OTHER
    assert bench.calls == 2


def test_an_answer_older_than_the_caller_wants_is_made_anew() -> None:
    bench = Caching([HELLO, OTHER])
    bench.ask()
    bench.clock.now_s += 60
    assert bench.ask(options=Options(max_age_s=60))[0] == HELLO
    assert bench.ask(options=Options(max_age_s=59))[0] == OTHER
    assert bench.ask()[0] == OTHER


def test_an_answer_is_over_when_its_time_is() -> None:
    bench = Caching([HELLO, OTHER], policy=CachePolicy(ttl_s=100))
    bench.ask()
    bench.clock.now_s += 100
    assert bench.ask()[0] == OTHER


@pytest.mark.parametrize("reason", ["max_tokens", "content_filtered", "guardrail_intervened", "malformed_tool_use"])
def test_a_cut_or_filtered_answer_is_not_kept(reason: str) -> None:
    bench = Caching([(Started(), TextDelta("Hel"), Stopped(reason), Usage(1, 1)), HELLO])
    bench.ask()
    assert bench.ask()[0] == HELLO


@pytest.mark.parametrize(
    "broken",
    [
        (Started(), TextDelta("Hel"), Failed(StreamCut("broke off"))),
        (Started(), TextDelta("Hel")),
        (Started(), TextDelta("Hel"), Stopped("end_turn"), Failed(StreamCut("broke off"))),
    ],
)  # fmt: skip
def test_an_answer_that_breaks_off_is_not_kept(broken: tuple[Event, ...]) -> None:
    bench = Caching([broken, HELLO])
    bench.ask()
    assert bench.ask()[0] == HELLO


def test_an_answer_whose_reader_leaves_is_not_kept_and_its_call_is_ended() -> None:
    bench = Caching([HELLO, OTHER])
    answer = bench.begin()
    assert [next(answer.events), next(answer.events)] == list(HELLO[:2])
    answer.close()
    answer.settle()
    assert bench.models.closed == 1
    assert bench.ask()[0] == OTHER


def test_nothing_is_kept_before_the_last_byte() -> None:
    store = MemoryAnswerStore()
    bench = Caching(store=store)
    answer = bench.begin()
    list(answer.events)
    assert outcome(Caching([OTHER], store=store).ask()[1]) == "miss"
    answer.settle()
    assert outcome(Caching([OTHER], store=store).ask()[1]) == "hit"


def test_an_error_is_not_kept_and_the_next_request_asks_again() -> None:
    bench = Caching([UpstreamUnavailable("down"), HELLO])
    with pytest.raises(UpstreamUnavailable):
        bench.ask()
    assert bench.ask()[0] == HELLO


def test_a_callers_tools_are_looked_up_by_choice_only_and_an_answer_that_calls_one_is_not_kept() -> None:
    called = (Started(), ToolCallStarted(0, "t1", "look_up"), ToolCallDelta(0, "{}"), Stopped("tool_use"), Usage(1, 1))
    said = (*called[:3], Stopped("end_turn"))
    bench = Caching([HELLO, called, said, HELLO])
    assert outcome(bench.ask(tools=[LOOK_UP])[1]) is None
    chosen: dict[str, Any] = {"tools": [LOOK_UP], "options": wanting("exact")}
    assert [bench.ask(**chosen)[0] for _ in range(3)] == [called, said, HELLO]
    assert outcome(bench.ask(**chosen)[1]) == "hit"


def test_bedrocks_own_tools_act_so_nothing_is_kept() -> None:
    bench = Caching([HELLO, HELLO])
    grounded = [Tool("nova_grounding", None, None, system=True)]
    assert outcome(bench.ask(tools=grounded, options=wanting("exact"))[1]) is None


@pytest.mark.parametrize(("kind", "kept"), [("toolUse", False), ("toolResult", False), ("image", True)])
def test_of_what_only_bedrocks_own_wire_knows_a_tools_use_is_an_act_and_not_kept(kind: str, kept: bool) -> None:
    said = (Started(), OtherDelta(0, kind, {"name": "search"}, start=True), *HELLO[1:])
    bench = Caching([said, OTHER])
    bench.ask()
    assert bench.ask()[0] == (said if kept else OTHER)


@pytest.mark.parametrize(
    "asked",
    [
        {"text": "Write to jane@example.com"},
        {"system": [Text("You serve jane@example.com")]},
        {"messages": [Message("user", [Text("I am jane@example.com")]), Message("assistant", [Text("Hi")]),
                      Message("user", [Text("Who am I?")])]},
        {"messages": [Message("user", [Text("Hi")]),
                      Message("assistant", [ToolUse("t1", "mail", {"to": "jane@example.com"})]),
                      Message("user", [ToolResult("t1", [Text("sent")])])]},
    ],
)  # fmt: skip
def test_what_an_operators_pattern_calls_personal_is_neither_looked_up_nor_kept(asked: dict[str, Any]) -> None:
    policy = CachePolicy(personal=(re.compile(r"\S+@\S+\.\w+"),))
    assert outcome(Caching(policy=policy).ask(**asked)[1]) is None


@pytest.mark.parametrize(
    "said",
    [
        ReasoningDelta("It is ada@example.org who asks."),
        OtherDelta(0, "citation", {"title": "Mail of ada@example.org"}, False),
    ],
)
def test_what_is_personal_in_reasoning_or_in_bedrocks_own_pieces_is_not_kept_either(said: Event) -> None:
    policy = CachePolicy(personal=(re.compile(r"\S+@\S+\.\w+"),))
    assert policy.keeps(HELLO)
    assert not policy.keeps((*HELLO[:-2], said, *HELLO[-2:]))


def test_an_answer_that_says_something_personal_is_not_kept() -> None:
    said = (Started(), TextDelta("jane@exam"), TextDelta("ple.com"), Stopped("end_turn"))
    bench = Caching([said, OTHER], policy=CachePolicy(personal=(re.compile(r"\S+@\S+\.\w+"),)))
    bench.ask()
    assert bench.ask()[0] == OTHER


def test_what_no_entry_can_hold_is_answered_and_not_kept() -> None:
    large = (*HELLO[:3], Stopped("end_turn", {"tokens": 2**70}), HELLO[4])
    bench = Caching([large, HELLO])
    answer = bench.begin()
    assert tuple(answer.events) == large
    answer.settle()
    assert answer.report()["cache"]["error"] == "OverflowError"
    assert bench.ask()[0] == HELLO


def test_a_replay_can_be_slowed_down_to_a_pace() -> None:
    slept: list[float] = []
    bench = Caching(limits=CacheLimits(look_s=30.0, chunks_per_s=20), sleep=slept.append)
    bench.ask()
    assert bench.ask()[0] == HELLO
    assert slept == [0.05]


def test_another_environment_serves_the_answer_too() -> None:
    first = Caching()
    first.ask()
    second = Caching([OTHER], store=first.store)
    assert second.ask()[0] == HELLO
    assert second.calls == 0


def test_an_answer_that_is_remembered_but_was_purged_is_not_served() -> None:
    bench = Caching([HELLO, OTHER])
    bench.ask()
    assert outcome(bench.ask()[1]) == "hit"
    assert bench.store.purge("tenant:default") == 1
    assert bench.ask()[0] == OTHER


def test_an_entry_from_a_clock_that_is_far_ahead_is_not_believed() -> None:
    ahead = Caching(clock=Clock(1_800_086_400.0))
    ahead.ask()
    here = Caching([OTHER], store=ahead.store)
    assert here.ask()[0] == OTHER
    assert outcome(here.ask()[1]) == "hit"


def test_a_clock_that_is_a_little_ahead_makes_no_negative_age() -> None:
    ahead = Caching(clock=Clock(1_800_000_005.0))
    ahead.ask()
    here = Caching([OTHER], store=ahead.store)
    _, report = here.ask()
    assert (outcome(report), report["cache"]["age_s"]) == ("hit", 0.0)
