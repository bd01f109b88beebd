from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.demo_table import Outcome, answers, saved, savings
from cli.gateway_client import Reply
from cli.tour import SAMPLES, TOUR
from cli.up import blocks
from cli.waterfall_view import WIDTH, bar, laid_out, summary, waited, waterfall
from local.endpoint import Endpoint

FOUND = Endpoint(
    "http://127.0.0.1:8", "https://localhost:9", "/x/ca.pem", "http://127.0.0.1:8/v1", "sk-slip-1", "amazon.nova-lite"
)
STREAMING, CACHE, OPTIMIZED, SMALLER, AT_ONCE = TOUR
spans = st.floats(min_value=0, max_value=1e6, allow_nan=False)


def printed(shown: object, width: int = 200) -> str:
    console = Console(width=width, force_terminal=False)
    with console.capture() as captured:
        console.print(shown)
    return captured.get()


def reply(first_ms: float, total_ms: float, cost: float | None = None) -> Reply:
    report = {"tokens": {"input": 100, "cached": 90, "output": 5}} | ({} if cost is None else {"cost_usd": cost})
    return Reply("text", first_ms, total_ms, "stop", report)


@given(start=spans, duration=spans, after=spans)
def test_a_bar_never_leaves_its_column_and_shows_whatever_took_time(
    start: float, duration: float, after: float
) -> None:
    blank, filled = bar(start, duration, start + duration + after)

    assert blank >= 0
    assert blank + filled <= WIDTH
    assert duration == 0 or start + duration + after == 0 or filled >= 1 or blank + 1 > WIDTH


def test_each_span_begins_where_the_last_one_ended() -> None:
    assert laid_out({"parse": 1.0, "plan": 2.0, "stream": 3.0}) == [
        ("parse", 0.0, 1.0),
        ("plan", 1.0, 2.0),
        ("stream", 3.0, 3.0),
    ]


def test_the_bars_up_to_the_first_token_add_up_to_what_the_client_waited() -> None:
    rows = waited({"spans_ms": {"parse": 1.0, "bedrock_wait": 50.0, "stream": 200.0}}, 70.0)

    assert rows[0] == ("before", 0.0, 19.0)
    assert {name: start for name, start, _ in rows}["stream"] == 70.0


def test_parts_of_a_span_lie_inside_it_and_count_once() -> None:
    spans_ms = {"parse": 1.0, "retrieve": 10.0, "embed": 4.0, "search": 5.0, "bedrock_wait": 50.0, "stream": 9.0}

    starts = {name: start for name, start, _ in waited({"spans_ms": spans_ms}, 70.0)}

    assert starts["retrieve"] == starts["embed"] == 10.0
    assert starts["search"] == 14.0
    assert starts["bedrock_wait"] == 20.0
    assert starts["stream"] == 70.0


def test_an_answer_that_was_not_streamed_has_no_time_before_the_function() -> None:
    assert [name for name, _, _ in waited({"spans_ms": {"parse": 1.0}}, None)] == ["parse"]


def test_the_waterfall_fits_a_narrow_terminal() -> None:
    shown = printed(waterfall({"spans_ms": {"parse": 0.1, "bedrock_wait": 4_321.0, "stream": 9_000.0}}, 5_000.0), 80)

    assert "before the function" in shown
    assert "9,000.0 ms" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_reply_without_spans_has_an_empty_waterfall() -> None:
    assert printed(waterfall({})).strip() == ""


def test_money_lost_by_caching_is_called_lost_and_says_what_for() -> None:
    told = "lost $0.000200 by writing the prompt cache, which the next question over it reads"
    assert told in summary({"saved_usd": -0.0002}, None, 10.0)


@pytest.mark.parametrize(
    ("cache", "told"),
    [
        ({"outcome": "hit", "kind": "exact", "age_s": 11.2}, "exact hit, 11 s old · saved $0.001659"),
        ({"outcome": "hit", "kind": "exact", "age_s": 7_300.0, "precomputed": True},
         "exact hit, 2 h old, made before anybody asked · saved $0.001659"),
        ({"outcome": "hit", "kind": "semantic", "question": "How\n tall?", "age_s": 200.0},
         "semantic hit of “How tall?”, 3 min old · saved $0.001659"),
        ({"outcome": "hit", "kind": "semantic", "age_s": 90.0}, "semantic hit, 90 s old · saved $0.001659"),
        ({"outcome": "joined"}, "joined another's answer · saved $0.001659"),
    ],
)  # fmt: skip
def test_a_kept_answer_is_said_to_be_one_and_its_saving_is_not_called_prompt_caching(
    cache: dict[str, Any], told: str
) -> None:
    said = summary({"saved_usd": 0.001659, "cache": cache}, None, 10.0)

    assert said.endswith(told)


@pytest.mark.parametrize("cache", [None, {"outcome": "miss"}, {"outcome": "refresh"}])
def test_an_answer_that_the_model_gave_saves_by_prompt_caching_alone(cache: dict[str, Any] | None) -> None:
    said = summary({"saved_usd": 0.000456, "cache": cache}, None, 10.0)

    assert said.endswith("total 10 ms · saved $0.000456 by prompt caching")


def test_a_long_question_of_a_semantic_hit_is_cut() -> None:
    cache = {"outcome": "hit", "kind": "semantic", "question": "why " * 200, "age_s": 1.0}

    assert len(summary({"cache": cache}, None, 10.0)) < 160


def test_the_wait_for_a_stream_is_set_against_the_whole_buffered_answer() -> None:
    outcome = Outcome(STREAMING, [reply(100, 1_000)], 1_000, reply(1_000, 1_000), 1_000)

    assert saved(outcome) == ("100 ms", "1,000 ms", "-90% wait (modelled)")


def test_questions_asked_at_once_are_set_against_their_sum() -> None:
    outcome = Outcome(AT_ONCE, [reply(100, 500), reply(100, 400)], 510, None, 900)

    assert saved(outcome) == ("510 ms", "900 ms", "-43% time (modelled)")


def test_a_smaller_model_is_set_against_the_price_of_the_best() -> None:
    outcome = Outcome(SMALLER, [reply(100, 500, 0.0001)], 500, reply(200, 900, 0.001), 900)

    assert saved(outcome) == ("500 ms\n$0.000100", "900 ms\n$0.001000", "-44% time (modelled)\n-90% cost")


def test_a_few_tokens_more_or_less_are_not_called_a_saving() -> None:
    outcome = Outcome(STREAMING, [reply(100, 1_000, 0.00100)], 1_000, reply(1_000, 1_000, 0.00101), 1_000)

    assert "cost" not in saved(outcome)[2]


def test_the_tables_have_a_row_for_each_stop_and_fit_a_narrow_terminal() -> None:
    outcomes = [Outcome(stop, [reply(1_000, 2_000, 0.1)], 2_000, reply(2_000, 4_000, 0.2), 4_000) for stop in TOUR]

    for shown in (printed(answers(outcomes), width=80), printed(savings(outcomes), width=80)):
        assert all(stop.technique in shown for stop in TOUR)
        assert "…" not in shown


def test_every_stop_asks_about_a_document_that_is_there() -> None:
    for stop in TOUR:
        for question in stop.questions:
            body = stop.body(question, stop.changes)
            assert (SAMPLES / stop.document).read_text().strip() in body["messages"][0]["content"]


def test_the_earlier_question_writes_the_prefix_that_the_cached_one_reads() -> None:
    earlier, asked = CACHE.body(CACHE.earlier, CACHE.changes), CACHE.body(CACHE.questions[0], CACHE.changes)

    assert CACHE.earlier
    assert earlier["messages"][0] == asked["messages"][0]


def test_streaming_is_compared_on_the_same_request() -> None:
    assert STREAMING.body("?", STREAMING.changes) == STREAMING.body("?", STREAMING.without)


def test_each_paste_block_carries_what_its_client_needs() -> None:
    found = blocks(FOUND)

    assert "http://127.0.0.1:8/v1/chat/completions" in found["curl"]
    assert "sk-slip-1" in found["curl"]
    assert 'base_url="http://127.0.0.1:8/v1", api_key="sk-slip-1"' in found["OpenAI SDK"]
    for name in ("AWS_REGION", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_BEARER_TOKEN_BEDROCK"):
        assert name in found["boto3"]


def test_the_python_blocks_compile() -> None:
    found = blocks(FOUND)

    for name in ("OpenAI SDK", "boto3"):
        compile(found[name], name, "exec")
