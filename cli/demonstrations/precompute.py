"""Pre-computation: two days of questions, a night in which a schedule fires, and the next morning's waits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.table import Table

from cli import sample_index
from cli.demo_table import dollars
from cli.gateway_client import CallFailed, Reply, call
from cli.precompute_runs import line_of
from cli.stage import Stage, drained

if TYPE_CHECKING:
    from local.nights import EmulatedAccount

AT_ONCE = 2
TRIES = 3
"""Of a question: a laptop that has just loaded an index may be too busy for a search's limits."""
DAYS = 2
DAYS_PASSED = 2 * DAYS
"""Half of them before the first question, so that no earlier answer holds; then one after each day of questions."""
USERS = "anna", "boris"
ASKED_AGAIN = (
    "Where does AWS CloudTrail store the log files?",
    "What is the maximum function timeout in AWS Lambda?",
    "Can I stop a DB instance that has a read replica?",
    "What is the size of a null attribute in DynamoDB?",
    "Which TLS version is used in Amazon Forecast?",
    "Can I run codePipeline in a VPC?",
    "What are the three states of Application Load Balancers?",
    "Is AWS IoT Greengrass HIPAA compliant?",
)
ASKED_BY_ONE = "What is the instance store type for d2.xlarge?"
NEW = "What is a source repository in Amazon Kendra?"
MORNING = (*ASKED_AGAIN, ASKED_BY_ONE, NEW)
PATIENCE_S = 180.0
POLL_S = 0.5
SETTLE_S = 1.0
"""What is asked is counted after the last byte."""
ENDED = "done", "failed"


def run(stage: Stage) -> dict[str, Any]:
    """Asks, waits for the schedule and the run that it starts, asks again. Times in ms. Raises CallFailed.

    Only on a local stack, everything in whose table of answers it makes ``DAYS_PASSED`` days older.
    """
    from local import places
    from local.nights import EmulatedAccount, OlderStack

    sample_index.fill(stage)
    try:
        return _two_days_and_a_night(stage, EmulatedAccount(places.default()))
    except OlderStack as error:
        raise CallFailed(str(error)) from None


def _two_days_and_a_night(stage: Stage, account: EmulatedAccount) -> dict[str, Any]:
    for _ in range(DAYS_PASSED - DAYS):
        account.pass_a_day()  # what an earlier demonstration has left answered holds no longer
    before: dict[str, Reply] = {}
    for day in range(1, DAYS + 1):
        asked = _a_day(stage)
        before = before or asked
        time.sleep(SETTLE_S)
        account.pass_a_day()
        stage.console.print(
            f"[dim]· day {day}: {len(asked)} questions, {len(ASKED_AGAIN)} of them by {len(USERS)} users; then a day "
            "passed: everything in the emulator's table is 24 h older[/dim]"
        )
    fired = _fire(stage, account)
    done = _follow(stage, fired["run"])
    after = dict(zip(MORNING, _ask(stage, [(question, USERS[0]) for question in MORNING]), strict=True))
    return {
        "days": DAYS,
        "schedule": fired,
        "run": done,
        "questions": [_compared(question, before.get(question), after[question]) for question in MORNING],
    }


def _a_day(stage: Stage) -> dict[str, Reply]:
    """The first reply to each question of a day; the other users ask after it."""
    first, *others = USERS
    questions = [(question, first) for question in (*ASKED_AGAIN, ASKED_BY_ONE)]
    replies = dict(zip((one for one, _ in questions), _ask(stage, questions), strict=True))
    _ask(stage, [(question, user) for user in others for question in ASKED_AGAIN])
    return replies


def _ask(stage: Stage, questions: Sequence[tuple[str, str]]) -> list[Reply]:
    """Replies to (question, user), some at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda one: _answered(stage, _body(*one)), questions))


def _answered(stage: Stage, body: dict[str, Any]) -> Reply:
    for _ in range(TRIES - 1):
        try:
            return drained(stage.target, body)
        except CallFailed as error:
            if not error.retryable:
                raise
            time.sleep(POLL_S)
    return drained(stage.target, body)


def _body(question: str, user: str) -> dict[str, Any]:
    return {
        "model": f"rag:{sample_index.INDEX}",
        "messages": [{"role": "user", "content": question}],
        "max_tokens": sample_index.MAX_TOKENS,
        "user": user,
    }


def _fire(stage: Stage, account: EmulatedAccount) -> dict[str, Any]:
    """The night comes: what the nightly schedule calls is called by the scheduler. Raises CallFailed."""
    known = {one["executionArn"] for one in account.runs()}
    began = time.monotonic()
    expression = account.fire(f"demonstration-{time.time_ns()}")
    stage.console.print(f"[dim]· every night {expression} starts a run; a schedule beside it says: now[/dim]")
    with stage.console.status("waiting for the scheduler"):
        while time.monotonic() - began < PATIENCE_S:
            fresh = [one for one in account.runs() if one["executionArn"] not in known]
            if fresh:
                waited_s = time.monotonic() - began
                stage.console.print(f"[dim]· the schedule fired after {waited_s:.1f} s: run {fresh[0]['name']}[/dim]")
                return {"expression": expression, "fired_after_s": round(waited_s, 1), "run": fresh[0]["name"]}
            time.sleep(POLL_S)
    raise CallFailed(f"the scheduler has started nothing within {PATIENCE_S:.0f} s; see build/local/emulator.log")


def _follow(stage: Stage, run: str) -> dict[str, Any]:
    """The run once it has ended, and how long it took in s. Raises CallFailed where it fails or takes too long."""
    began = time.monotonic()
    told: dict[str, Any] = {"state": "planning"}
    with stage.console.status("planning") as status:
        while told["state"] not in ENDED and time.monotonic() - began < PATIENCE_S:
            time.sleep(POLL_S)
            told = call(stage.target, "GET", f"/v1/precompute/{run}")
            status.update(line_of(told))
    took_s = time.monotonic() - began
    if told["state"] != "done":
        raise CallFailed(f"after {took_s:.0f} s the run is not done: {line_of(told)}")
    stage.console.print(f"[dim]· in {took_s:.0f} s: {line_of(told)}[/dim]", soft_wrap=True)
    return {**told, "took_s": round(took_s, 1)}


def _compared(question: str, before: Reply | None, after: Reply) -> dict[str, Any]:
    return {"question": question, "before": _figures(before) if before else None, "after": _figures(after)}


def _figures(reply: Reply) -> dict[str, Any]:
    cache = reply.report.get("cache") or {}
    return {
        "outcome": cache.get("outcome"),
        "kind": cache.get("kind"),
        "precomputed": bool(cache.get("precomputed")),
        "first_token_ms": round(reply.first_token_ms or reply.total_ms, 1),
        "total_ms": round(reply.total_ms, 1),
        "cost_usd": reply.report.get("cost_usd"),
    }


def tables(found: dict[str, Any]) -> Sequence[Table]:
    """Each question of the morning beside the first time that it was asked; then the sums."""
    rows = Table(title="The morning after, beside the first time", title_justify="left", box=SIMPLE)
    for name in ("question", "wait then", "now", "$ then", "$ now", "now from"):
        rows.add_column(name, justify="left" if name in ("question", "now from") else "right")
    for one in found["questions"]:
        before, after = one["before"] or {}, one["after"]
        then, now = (_ms(each.get("first_token_ms")) for each in (before, after))
        costs = (_usd(each.get("cost_usd")) for each in (before, after))
        rows.add_row(one["question"], then, now, *costs, _whence(after))
    again = [one for one in found["questions"] if one["before"] and one["after"]["precomputed"]]
    waits = (median(one[when]["first_token_ms"] for one in again) if again else None for when in ("before", "after"))
    total = Table(title="What the night brought", title_justify="left", box=SIMPLE)
    for name in ("answered", "spent at night", "served so", "median wait then", "now", "users' calls had cost"):
        total.add_column(name, justify="right")
    total.add_row(
        f"{found['run']['answered']}",
        dollars(found["run"]["spent_usd"]),
        f"{len(again)} of {len(found['questions'])}",
        *map(_ms, waits),
        dollars(sum(one["before"]["cost_usd"] or 0.0 for one in again)),
    )
    total.caption = (
        "An answer costs the same at night as by day, and pays when it is asked for more often than once: dollars are "
        "not what it saves here, waiting is. What one user alone asked is not answered beforehand."
    )
    return [rows, total]


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def _usd(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _whence(after: dict[str, Any]) -> str:
    if after["precomputed"]:
        return "the night"
    return "the model" if after["outcome"] != "hit" else f"{after['kind']} hit"
