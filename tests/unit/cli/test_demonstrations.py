"""`slipstream demo NAME`: which there are, what their tables say of figures, and what they ask."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rich.console import Console

from cli import sample_index
from cli.demonstrations import DEMONSTRATIONS, latency, parameters, precompute, prompt_cache, streaming
from local.endpoint import Endpoint
from local.launcher import hold_lock
from local.places import Places
from tests.unit.cli.conftest import Gateway, Shell


def printed(found: dict[str, Any], module: Any) -> str:
    console = Console(width=80, force_terminal=False)
    with console.capture() as captured:
        for table in module.tables(found):
            console.print(table)
    return captured.get()


def test_the_list_names_each_and_starts_nothing(shell: Shell) -> None:
    output = shell.run("demo", "--list").output

    assert [line.split()[0] for line in output.splitlines()] == list(DEMONSTRATIONS)


def test_a_wrong_name_is_answered_with_the_nearest(shell: Shell) -> None:
    result = shell.run("demo", "promt-cache")

    assert result.exit_code == 2
    assert "did you mean 'prompt-cache'?" in result.output


def test_a_name_like_no_other_is_answered_with_all(shell: Shell) -> None:
    assert all(name in shell.run("demo", "xyzzy").output for name in DEMONSTRATIONS)


def test_figures_as_json_need_a_name(shell: Shell) -> None:
    result = shell.run("demo", "--json")

    assert result.exit_code == 2
    assert "--json goes with a NAME" in result.output


@pytest.mark.parametrize("name", ["prompt-cache", "parameters", "latency"])
def test_json_is_one_object_that_says_how_its_times_came_about(online: Shell, gateway: Gateway, name: str) -> None:
    gateway.streams("a ", "b")

    result = online.run("demo", name, "--json")

    found = json.loads(result.stdout)
    assert (found["demo"], found["times"]) == (name, "measured")


def test_every_turn_of_the_conversation_is_asked_with_the_cache_and_without(online: Shell, gateway: Gateway) -> None:
    gateway.streams("a ", "b")

    online.run("demo", "prompt-cache")

    turns = [body for _, _, body in gateway.asked if len(body["messages"]) > 1]
    assert [body.get("slipstream") for body in turns] == [None, {"cache": "off"}] * len(prompt_cache.TURNS)
    assert all(mine["messages"] == other["messages"] for mine, other in zip(turns[::2], turns[1::2], strict=True))
    assert turns[-1]["messages"][2] == {"role": "assistant", "content": "a b"}


def test_no_two_runs_share_a_prefix(online: Shell, gateway: Gateway) -> None:
    gateway.streams("a")

    for _ in range(2):
        online.run("demo", "prompt-cache")

    prefixes = {body["messages"][0]["content"] for _, _, body in gateway.asked if len(body["messages"]) > 1}
    assert len(prefixes) == 2


def test_a_gateway_that_is_not_local_is_never_told_to_refuse(online: Shell, gateway: Gateway) -> None:
    gateway.streams("a")

    assert "self-healing is not shown: it takes the local stack" in " ".join(
        online.run("demo", "parameters").output.split()
    )


def test_the_wait_is_set_against_the_buffered_answer() -> None:
    row = {"first_token_ms": 500.0, "streamed_total_ms": 5_050.0, "buffered_ms": 5_000.0, "pieces": 400}

    assert "-90%" in printed({"answers": [row]}, streaming)


def test_the_conversations_footer_adds_its_turns_up() -> None:
    turn = {
        "with_cache": {"first_token_ms": 790, "read_tokens": 8_000, "written_tokens": 60, "cost_usd": 0.005},
        "without": {"first_token_ms": 1_900, "read_tokens": 0, "written_tokens": 0, "cost_usd": 0.040},
    }
    found = {"document": "x.md", "turns": [turn, turn], "cost_usd": {"with_cache": 0.01, "without": 0.08}}

    shown = printed(found, prompt_cache)

    assert "$0.0100" in shown
    assert "$0.0800" in shown
    assert "-88%" in shown


@pytest.mark.parametrize(
    ("healed", "sent", "said"),
    [
        (True, {"max_tokens": 64}, "yes, once"),
        (False, {"max_tokens": 64}, "no: remembered"),
        (False, {"max_tokens": 64, "top_p": 0.5}, "does not know"),
    ],
)
def test_a_call_tells_whether_it_was_healed_or_knew(healed: bool, sent: dict[str, Any], said: str) -> None:
    call = {"call": 1, "healed": healed, "sent": sent, "notes": [], "first_token_ms": 900.0}

    assert said in " ".join(printed({"presets": {}, "healing": [call]}, parameters).split())


def test_side_by_side_the_total_stands_beside_the_slowest() -> None:
    row = {"model": "m", "latency": "standard", "first_token_ms": 1.0, "total_ms": 2.0, "cost_usd": None}
    side = {
        "each_ms": [900.0, 1_000.0],
        "together_ms": 1_004.0,
        "slowest_ms": 1_000.0,
        "one_after_the_other_ms": 1_900.0,
    }

    shown = printed({"ways": {"fast": row}, "at_once": side}, latency)

    assert "1,004 ms" in shown
    assert "1,900 ms" in shown


def test_a_dearer_turn_is_not_told_as_a_saving() -> None:
    turn = {"read_tokens": 0, "written_tokens": 9, "first_token_ms": 1.0, "cost_usd": 0.0125}
    turns = [{"question": "?", "with_cache": turn, "without": {**turn, "cost_usd": 0.01}}]

    shown = printed(
        {"document": "x.md", "turns": turns, "cost_usd": {"with_cache": 0.0125, "without": 0.01}}, prompt_cache
    )

    assert "+25%" in shown
    assert "change" in shown
    assert "saved" not in shown


def test_a_stack_that_runs_already_is_not_said_to_end(shell: Shell, gateway: Gateway) -> None:
    gateway.streams("a ", "b")
    here = Places(shell.folder / "local")
    Endpoint(gateway.url, "", "", "", "sk-slip-local", "m").write(here.endpoint)

    lock = hold_lock(here)
    assert lock is not None
    with lock:
        result = shell.run("demo", "latency")

    assert "Done in" in result.output
    assert "make up" not in result.output


@pytest.mark.parametrize("options", [[], ["--age"]])
def test_no_gateway_of_somebody_elses_is_made_a_day_older(online: Shell, gateway: Gateway, options: list[str]) -> None:
    gateway.streams("a")

    result = online.run("demo", "precompute", *options)

    assert (result.exit_code, gateway.asked) == (1, [])
    assert "only a local stack can" in " ".join(result.output.split())


@pytest.mark.parametrize(("options", "refused"), [([], True), (["--age"], False)])
def test_a_stack_that_runs_already_is_made_older_only_where_that_is_asked_for(
    shell: Shell, gateway: Gateway, options: list[str], refused: bool
) -> None:
    gateway.refuses(418, {"message": "went on to ask", "code": "teapot"})
    here = Places(shell.folder / "local")
    Endpoint(gateway.url, "", "", "", "sk-slip-local", "m").write(here.endpoint)

    lock = hold_lock(here)
    assert lock is not None
    with lock:
        result = shell.run("demo", "precompute", *options)

    told = " ".join(result.output.split())
    assert (result.exit_code, not gateway.asked) == (1, refused)
    assert ("4 days older" in told and "`slipstream down`" in told and "--age" in told) is refused
    assert ("went on to ask" in told) is not refused


@pytest.mark.parametrize("name", [[], ["latency"]])
def test_no_other_demonstration_takes_days_to_pass(online: Shell, gateway: Gateway, name: list[str]) -> None:
    result = online.run("demo", *name, "--age")

    assert (result.exit_code, gateway.asked) == (2, [])
    assert "--age goes with precompute" in result.output


def test_the_morning_is_set_beside_the_first_time_and_what_was_not_asked_then_beside_nothing() -> None:
    miss = {"outcome": "miss", "kind": None, "precomputed": False, "first_token_ms": 1_250.0, "cost_usd": 0.004}
    hit = {"outcome": "hit", "kind": "exact", "precomputed": True, "first_token_ms": 31.0, "cost_usd": 0.0}
    other = {**hit, "precomputed": False, "kind": "semantic"}
    questions = [
        {"question": "Of the night?", "before": miss, "after": hit},
        {"question": "In other words?", "before": miss, "after": other},
        {"question": "New?", "before": None, "after": miss},
    ]

    shown = printed({"questions": questions, "run": {"answered": 1, "spent_usd": 0.0041}}, precompute)

    rows = {line.split("?")[0].strip(): line for line in shown.splitlines() if "?" in line}
    assert rows["Of the night"].split()[-2:] == ["the", "night"]
    assert rows["Of the night"].split()[3:9] == ["1,250", "ms", "31", "ms", "0.0040", "0.0000"]
    assert "semantic hit" in rows["In other words"]
    assert "–" in rows["New"]
    assert "the model" in rows["New"]
    assert "1 of 3" in shown
    assert "$0.004100" in shown


def test_a_night_that_served_nothing_is_shown_too() -> None:
    miss = {"outcome": "miss", "kind": None, "precomputed": False, "first_token_ms": 1_250.0, "cost_usd": None}
    questions = [{"question": "New?", "before": None, "after": miss}]

    assert "0 of 1" in printed({"questions": questions, "run": {"answered": 0, "spent_usd": 0.0}}, precompute)


def test_what_is_asked_again_is_answered_by_the_samples() -> None:
    known = {question.text for question in sample_index.questions().questions}
    assert set(precompute.MORNING) <= known


@pytest.mark.parametrize(
    ("model_id", "shown"),
    [
        ("anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5"),
        ("amazon.nova-pro-v1:0", "nova-pro"),
        ("anthropic.claude-sonnet-4-6", "claude-sonnet-4-6"),
        ("None", "None"),
    ],
)
def test_a_models_id_is_shown_without_what_does_not_fit(model_id: str, shown: str) -> None:
    assert latency.short(model_id) == shown
