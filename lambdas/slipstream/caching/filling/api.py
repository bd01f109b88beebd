"""Runs of pre-computation over HTTP: GET and POST /v1/precompute, GET /v1/precompute/{run}."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from slipstream.caching.filling.runs import Run, RunStore
from slipstream.errors import InvalidRequest, MethodNotAllowed, NotFound, SlipstreamError
from slipstream.gateway.http import HttpRequest
from slipstream.gateway.routes import decode, printable
from slipstream.ulid import new_ulid

ROOT = "/v1/precompute"
LISTED = 10
"""Runs that are told at once, the newest."""


class RunUnderWay(SlipstreamError):
    """A run was asked for while one is under way."""

    http_status, code = 409, "run_under_way"
    bedrock_type, openai_type = "ConflictException", "invalid_request_error"


class Machine(Protocol):
    """What carries runs out."""

    def start(self, run: str, *, refill: bool) -> None:
        """Begin a run, which goes on by itself. Raises RunUnderWay where there can only be one."""
        ...

    def state(self, run: str) -> str | None:
        """``running``, ``succeeded`` or ``failed``; None: it cannot be told, or there is no such run."""
        ...


class NewRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST. ``refill``: the last plan again, for the answers that have ended since."""

    refill: bool = False


class PrecomputeApi:
    """Needs the scope ``admin``. ``query_log`` is told with the runs: without a log there is nothing to plan."""

    def __init__(
        self,
        *,
        runs: RunStore,
        machine: Machine,
        query_log: Mapping[str, float] | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``clock`` gives Unix time (s)."""
        self._runs = runs
        self._machine = machine
        self._query_log = query_log
        self._clock = clock

    def __call__(self, request: HttpRequest) -> tuple[int, dict[str, Any]]:
        """Status and JSON body. Raises SlipstreamError."""
        request.principal.require("admin")
        path, method = request.path.rstrip("/"), request.method
        if path == ROOT:
            if method == "POST":
                return 202, self._start(request.body)
            if method == "GET":
                shown = [self._shown(run) for run in self._runs.newest()[:LISTED]]
                return 200, {"object": "list", "data": shown, "query_log": self._query_log}
            raise MethodNotAllowed(f"{printable(method)} is not for {ROOT}: use GET or POST")
        parent, _, name = path.rpartition("/")
        if parent != ROOT:
            raise NotFound(f"no such route: {ROOT} and {ROOT}/{{run}} are here")
        if method != "GET":
            raise MethodNotAllowed(f"{printable(method)} is not for {ROOT}/{{run}}: use GET")
        return 200, self._one(decode(name))

    def _start(self, body: bytes) -> dict[str, Any]:
        wanted = _decode(body)
        now_s = self._clock()
        run = new_ulid(now_s)
        self._machine.start(run, refill=wanted.refill)
        return shown(Run(run=run, started_s=now_s, refill=wanted.refill), [], "running")

    def _one(self, name: str) -> dict[str, Any]:
        run = self._runs.get(name)
        if run is not None:
            return self._shown(run)
        state = self._machine.state(name)
        if state is None:
            raise NotFound(f"there is no run '{printable(name, 80)}'; GET {ROOT} lists the last ones", param="run")
        return shown(Run(run=name, started_s=self._clock()), [], state)

    def _shown(self, run: Run) -> dict[str, Any]:
        filled = list(self._runs.filled(run.run))
        over = run.items is not None and len(filled) >= run.items
        return shown(run, filled, "succeeded" if over else self._machine.state(run.run))


def shown(run: Run, filled: list[Any], state: str | None) -> dict[str, Any]:
    """A run as operators see it, and never a question. ``state``: planning, filling, done, or failed.

    ``failed`` is of a run that ended before all of its items were looked at; items that fail do not fail a run.
    """
    outcomes = Counter(one.outcome for one in filled)
    reasons = Counter(one.reason for one in filled if one.reason)
    under_way = "planning" if run.items is None else "filling"
    return {
        "object": "precompute.run",
        "id": run.run,
        "started_at": run.started_s,
        "refill": run.refill,
        "state": {"succeeded": "done", "failed": "failed"}.get(state or "", under_way),
        "items": run.items,
        "planned_usd": round(run.cost_usd, 6),
        "spent_usd": round(sum(one.cost_usd for one in filled), 6),
        **{name: outcomes[name] for name in ("answered", "held", "refused", "failed")},
        "reasons": dict(sorted(reasons.items())),
        "left_out": run.skipped,
    }


def _decode(body: bytes) -> NewRun:
    try:
        return msgspec.json.decode(body or b"{}", type=NewRun)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidRequest(f'the body is no run: send {{}} or {{"refill": true}} ({error})') from None
