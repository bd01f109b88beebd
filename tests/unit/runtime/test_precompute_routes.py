"""Runs in a process that is the whole gateway."""

from __future__ import annotations

import json
from threading import Event
from typing import Any

import pytest

from slipstream.caching.filling.api import RunUnderWay
from slipstream.errors import Throttled, UpstreamUnavailable
from slipstream.fakes.fill_runs import MemoryPlans, MemoryRuns
from slipstream.gateway.http import HttpRequest, HttpResponse, Principal
from slipstream.runtime.lone_runs import TURNS, LoneRuns
from slipstream.runtime.precompute_routes import with_precompute
from slipstream.runtime.settings import read_settings
from slipstream.runtime.wiring import Stores
from tests.unit.caching.kept import Clock

ADMIN = Principal("k", scopes=frozenset({"admin"}))
WAIT_S = 30.0


class Steps:
    """Planning and filling that do what a test tells them, and wait for it."""

    def __init__(self, *script: Exception | None) -> None:
        self.runs, self.plans, self.clock = MemoryRuns(), MemoryPlans(), Clock()
        self.script = list(script)
        self.turns = 0
        self.go, self.over = Event(), Event()
        self.lone = LoneRuns(lambda: self, self, self.plans, clock=self.clock)  # type: ignore[arg-type, return-value]

    def plan(self, run: str, *, refill: bool) -> dict[str, Any]:
        assert self.go.wait(WAIT_S)
        return {"key": "p"}

    def of(self, run: str) -> Steps:
        return self

    def fill(self, run: str, items: list[Any], *, until_s: float) -> dict[str, Any]:
        self.turns += 1
        step = self.script.pop(0) if self.script else None
        if step is not None:
            raise step
        return {}

    def run(self) -> str | None:
        """A run to its end."""
        self.lone.start("r1", refill=False)
        self.go.set()
        while (state := self.lone.state("r1")) == "running":
            self.over.wait(0.005)
        return state


def test_a_run_is_known_from_its_start_and_there_is_one_at_a_time() -> None:
    steps = Steps()
    steps.lone.start("r1", refill=True)

    run = steps.runs.get("r1")
    assert run is not None
    assert (run.refill, run.items, steps.lone.state("r1")) == (True, None, "running")
    with pytest.raises(RunUnderWay, match="status"):
        steps.lone.start("r2", refill=False)
    steps.go.set()


def test_what_was_left_is_taken_up_again() -> None:
    steps = Steps(Throttled("slow down"), Throttled("slow down"))

    assert (steps.run(), steps.turns) == ("succeeded", 3)


@pytest.mark.parametrize(
    ("script", "turns"), [([Throttled("slow down")] * TURNS, TURNS), ([UpstreamUnavailable("no table")], 1)]
)
def test_a_run_that_cannot_go_on_has_failed_and_says_why(
    script: list[Exception], turns: int, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = Steps(*script)

    assert (steps.run(), steps.turns) == ("failed", turns)
    assert "the run r1 failed: " in capsys.readouterr().err


def ask(path: str, method: str = "GET", **environ: str) -> tuple[int, Any]:
    settings = read_settings({"AWS_REGION": "us-east-1", **environ})
    app = with_precompute(lambda _: HttpResponse(418, []), settings, environ, Stores())
    found = app(HttpRequest(method, path, {}, b"", principal=ADMIN))
    raw = b"".join(found.body)
    return found.status, json.loads(raw) if raw else None


@pytest.mark.parametrize("path", ["/v1/search", "/v1/precomputed", "/v1", "/"])
def test_every_other_path_is_the_apps(path: str) -> None:
    assert ask(path)[0] == 418


def test_without_a_cache_the_routes_say_how_to_get_one() -> None:
    status, told = ask("/v1/precompute")

    assert (status, "SLIPSTREAM_CACHE=on" in told["error"]["message"]) == (501, True)


def test_without_a_log_runs_are_listed_and_it_is_said_that_there_is_none() -> None:
    assert ask("/v1/precompute", SLIPSTREAM_CACHE="on") == (200, {"object": "list", "data": [], "query_log": None})
