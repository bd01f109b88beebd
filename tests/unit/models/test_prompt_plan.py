from __future__ import annotations

from typing import Any

import msgspec
import pytest

from slipstream.chat.events import Usage
from slipstream.chat.request import CachePoint, ChatRequest, Message, Options, Text, Tool
from slipstream.models import prefix_memory
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import CacheMark, ResolvedCall

from .conftest import HAIKU, LLAMA, NOVA_PRO, SONNET_4, asking, assistant, user

RESOLVER = Resolver()
LONG = "The stable part of a prompt, as long as a handbook. " * 620
"""About 8,000 tokens."""
TOOL = Tool("search", "Searches the handbook. " * 400, {"type": "object"})
SYSTEM, TOOLS = CacheMark("system"), CacheMark("tools")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def planner(clock: Clock) -> PromptPlanner:
    return PromptPlanner(clock)


def call(*turns: Message, model: str = SONNET_4, **fields: Any) -> ResolvedCall:
    return RESOLVER.resolve(asking(model, *turns, **fields))


def marks(planner: PromptPlanner, *turns: Message, model: str = SONNET_4, **fields: Any) -> list[CacheMark]:
    return planner.plan(call(*turns, model=model, **fields)).cache_points


def at(index: int, ttl: str | None = None) -> CacheMark:
    return CacheMark("message", index, ttl)


def test_a_long_system_prompt_is_written_on_the_first_request_already(planner: PromptPlanner) -> None:
    assert marks(planner, system=LONG) == [SYSTEM]


@pytest.mark.parametrize("model", [SONNET_4, HAIKU, NOVA_PRO, "us.anthropic.claude-future-1-v1:0"])
def test_an_8000_token_prefix_is_marked_alike_on_the_first_and_the_second_request(
    planner: PromptPlanner, model: str
) -> None:
    first, second = (marks(planner, user(question), system=LONG, model=model) for question in ("one?", "two?"))
    assert first == second == [SYSTEM]


def test_a_short_prompt_gets_no_points_and_is_the_same_object(planner: PromptPlanner) -> None:
    short = call(system="Be brief.")
    assert planner.plan(short) is short


def test_the_models_own_minimum_decides_what_is_short(planner: PromptPlanner) -> None:
    three_thousand_tokens = LONG[: 3000 * 4]
    assert marks(planner, system=three_thousand_tokens, model=SONNET_4) == [SYSTEM]
    assert marks(planner, system=three_thousand_tokens, model=HAIKU) == []


@pytest.mark.parametrize("model", [LLAMA, "openai.gpt-5.5"])
def test_a_model_without_cache_points_gets_none(planner: PromptPlanner, model: str) -> None:
    assert marks(planner, system=LONG, model=model) == []


def test_cache_off_leaves_only_the_callers_own(planner: PromptPlanner) -> None:
    assert marks(planner, system=LONG, options=Options(cache="off")) == []


def test_long_tools_are_marked_too_for_they_outlive_a_changing_system_prompt(planner: PromptPlanner) -> None:
    assert marks(planner, system=LONG, tools=[TOOL]) == [TOOLS, SYSTEM]


def test_tools_are_not_marked_where_the_model_does_not_allow_it(planner: PromptPlanner) -> None:
    assert marks(planner, system=LONG, tools=[TOOL], model=NOVA_PRO) == [SYSTEM]


def test_a_single_long_question_is_not_expected_to_come_back(planner: PromptPlanner) -> None:
    assert marks(planner, user(LONG)) == []


def test_the_same_question_again_is(planner: PromptPlanner) -> None:
    marks(planner, user(LONG))
    assert marks(planner, user(LONG)) == [at(0)]


def test_a_conversation_is_marked_at_this_turn_and_at_the_one_before(planner: PromptPlanner) -> None:
    assert marks(planner, user(LONG), assistant("yes"), user("and?")) == [at(0), at(2)]


def test_each_turn_reads_what_the_turn_before_has_written(planner: PromptPlanner) -> None:
    turns = [user("Hi " + LONG), assistant("a"), user("b")]
    written = marks(planner, *turns, system=LONG)
    for i in range(6):
        turns += [assistant(f"answer {i}"), user(f"question {i}")]
        marked = marks(planner, *turns, system=LONG)
        assert set(marked) & {mark for mark in written if mark.after == "message"}
        assert marked[-1] == at(len(turns) - 1)
        written = marked


def test_a_point_never_stands_after_the_assistants_own_opening(planner: PromptPlanner) -> None:
    assert all(mark.index != 3 for mark in marks(planner, user(LONG), assistant("a"), user("b"), assistant("c")))


def test_tenants_do_not_share_what_is_known_of_prefixes(planner: PromptPlanner) -> None:
    marks(planner, user(LONG), tenant="a")
    assert marks(planner, user(LONG), tenant="b") == []


def test_after_a_row_of_system_prompts_that_never_returned_new_ones_are_no_longer_written(
    planner: PromptPlanner,
) -> None:
    written = [bool(marks(planner, system=f"{i} {LONG}")) for i in range(20)]
    assert written[:5] == [True] * 5
    assert written[7:] == [False] * 13


def test_under_a_poor_habit_a_turn_that_is_still_cached_keeps_its_point(planner: PromptPlanner) -> None:
    for i in range(20):
        marks(planner, user(f"{i} {LONG}"), assistant("yes"), user("and?"))
    cached = user("cached " + LONG)
    for _ in range(2):
        marks(planner, cached)
    assert marks(planner, user("new " + LONG), assistant("yes"), user("and?")) == []
    assert marks(planner, cached, assistant("yes"), user("and?")) == [at(0)]


def test_a_prefix_that_is_still_cached_keeps_its_point_where_a_write_would_not_pay(
    planner: PromptPlanner, clock: Clock
) -> None:
    shared = "cached " + LONG
    price = msgspec.structs.replace(call().price, cache_write=call().price.input * 1.8)  # type: ignore[union-attr,type-var]

    def marked(text: str) -> bool:
        dear = msgspec.structs.replace(call(system=text), price=price)
        return bool(planner.plan(dear).cache_points)

    marks(planner, system=shared)
    assert marked(shared)
    clock.now_s += 301
    assert not marked(shared)


def test_yet_one_that_does_return_is_written_then(planner: PromptPlanner) -> None:
    for i in range(20):
        marks(planner, system=f"{i} {LONG}")
    assert marks(planner, system=f"19 {LONG}") == [SYSTEM]


def test_and_where_they_return_again_the_habit_is_unlearnt(planner: PromptPlanner) -> None:
    for i in range(12):
        marks(planner, system=f"{i} {LONG}")
    for i in range(12):
        marks(planner, system=f"{i} {LONG}")
    assert marks(planner, system="new " + LONG) == [SYSTEM]


def test_questions_that_keep_returning_are_written_at_first_sight(planner: PromptPlanner) -> None:
    for i in range(8):
        for _ in range(2):
            marks(planner, user(f"{i} {LONG}"))
    assert marks(planner, user("new " + LONG)) == [at(0)]


def test_a_prefix_seen_long_ago_counts_as_new(planner: PromptPlanner, clock: Clock) -> None:
    marks(planner, user(LONG))
    clock.now_s += prefix_memory.LONGEST_GAP_S + 1
    marks(planner, user(LONG))
    habit = planner._habits[("default", call().model_id, "openings")]
    assert (habit.seen, habit.returned) == (2, 0)


def test_a_prefix_that_returns_every_quarter_of_an_hour_is_written_for_an_hour(
    planner: PromptPlanner, clock: Clock
) -> None:
    for _ in range(3):
        assert marks(planner, system=LONG, model=HAIKU) == [SYSTEM]
        clock.now_s += 900
    assert marks(planner, system=LONG, model=HAIKU) == [CacheMark("system", ttl="1h")]


def test_a_prefix_that_returns_every_minute_stays_with_five(planner: PromptPlanner, clock: Clock) -> None:
    for _ in range(30):
        assert marks(planner, system=LONG, model=HAIKU) == [SYSTEM]
        clock.now_s += 60


def test_an_hour_is_not_asked_of_a_model_that_has_only_five_minutes(planner: PromptPlanner, clock: Clock) -> None:
    for _ in range(6):
        assert marks(planner, system=LONG, model=SONNET_4) == [SYSTEM]
        clock.now_s += 900


class TestTheCallersOwnPoints:
    def request(self, *system: Text | CachePoint, turns: list[Message] | None = None, **fields: Any) -> ResolvedCall:
        return RESOLVER.resolve(ChatRequest(model=HAIKU, system=list(system), messages=turns or [user("q")], **fields))

    def test_are_kept_and_not_doubled(self, planner: PromptPlanner) -> None:
        asked = self.request(Text(LONG), CachePoint())
        planned = planner.plan(asked)
        assert planned.cache_points == []
        assert planned.request is asked.request

    def test_leave_the_rest_of_the_four_to_us(self, planner: PromptPlanner) -> None:
        turns = [user("1" + LONG), assistant("a"), user("2"), assistant("b"), user("3")]
        own = [CachePoint(), Text("y"), CachePoint(), Text("z"), CachePoint(), Text("end")]
        planned = planner.plan(self.request(Text(LONG), *own, turns=turns))
        assert len(planned.cache_points) == 1

    def test_that_fill_all_four_leave_none(self, planner: PromptPlanner) -> None:
        own = [piece for i in range(4) for piece in (Text(f"{i} {LONG}"), CachePoint())]
        assert planner.plan(self.request(*own, Text("end"))).cache_points == []

    def test_after_the_tools_count_and_are_not_doubled(self, planner: PromptPlanner) -> None:
        own = msgspec.structs.replace(TOOL, cache_point=CachePoint())
        planned = planner.plan(self.request(Text(LONG), tools=[own], turns=[user("q")]))
        assert planned.cache_points == [SYSTEM]

    def test_that_live_an_hour_are_never_preceded_by_a_shorter_one_of_ours(self, planner: PromptPlanner) -> None:
        turns = [user(LONG, CachePoint("1h"), "more"), assistant("a"), user("b")]
        planned = planner.plan(self.request(Text(LONG), turns=turns, tools=[TOOL]))
        assert all(mark.index > 0 for mark in planned.cache_points)
        assert planned.cache_points == [at(2)]

    def test_that_move_from_turn_to_turn_do_not_make_a_prefix_new(self, planner: PromptPlanner) -> None:
        planner.plan(self.request(turns=[user(LONG, CachePoint())]))
        planned = planner.plan(self.request(turns=[user(LONG)]))
        assert planned.cache_points == [at(0)]


def test_the_token_estimate_learns_from_what_the_model_counts(planner: PromptPlanner) -> None:
    asked = call(system=LONG)
    before = planner.chars_per_token(asked.model_id)
    for _ in range(30):
        planner.observe(asked, Usage(input_tokens=100, cache_read_tokens=len(LONG) // 2 - 100))
    assert before == 3.5
    assert planner.chars_per_token(asked.model_id) == pytest.approx(2.0, rel=0.02)


def test_a_dense_script_reaches_the_minimum_once_the_estimate_has_learnt_it(planner: PromptPlanner) -> None:
    dense = "語" * 3000
    assert marks(planner, system=dense) == []
    planner.observe(call(system=dense), Usage(input_tokens=3000))
    assert marks(planner, system=dense) == [SYSTEM]


def test_too_short_or_pictured_prompts_teach_nothing(planner: PromptPlanner) -> None:
    planner.observe(call(), Usage(input_tokens=5000))
    planner.observe(call(system=LONG), Usage())
    assert planner.chars_per_token(call().model_id) == 3.5


def test_the_memory_has_an_end() -> None:
    planner = PromptPlanner(Clock(), prefixes=50)
    for i in range(200):
        marks(planner, user(f"{i} {LONG}"), system=f"{i} {LONG}", tenant=str(i % 7))
    assert len(planner._memory) == 50


def test_a_write_that_costs_nothing_extra_is_always_worth_it(planner: PromptPlanner) -> None:
    assert marks(planner, user(LONG), model=NOVA_PRO) == [at(0)]


def test_no_point_is_put_where_reading_would_not_be_cheaper(planner: PromptPlanner) -> None:
    asked = call(system=LONG)
    assert asked.price is not None
    dear = msgspec.structs.replace(asked.price, cache_read=asked.price.input)
    assert planner.plan(msgspec.structs.replace(asked, price=dear)).cache_points == []
