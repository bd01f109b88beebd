"""The server's own endpoints under ``/__double``: faults, statistics, quotas, time, reset."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from local.bedrock.calls import Calls, json_object
from local.bedrock.clock import MovableClock
from local.bedrock.errors import invalid
from local.bedrock.faults import Fault, checked
from local.bedrock.quotas import Limit


class Control:
    """Handlers for whoever runs the server."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def routes(self) -> list[web.RouteDef]:
        """The control paths."""
        return [
            web.get("/__double/stats", self.stats),
            web.get("/__double/faults", self.list_faults),
            web.post("/__double/faults", self.add_faults),
            web.delete("/__double/faults", self.clear_faults),
            web.post("/__double/quotas", self.set_quota),
            web.post("/__double/clock", self.advance),
            web.post("/__double/reset", self.reset),
            web.get("/__double/health", self.health),
        ]

    async def health(self, request: web.Request) -> web.Response:
        """Ready."""
        return _json({"status": "ok"})

    async def stats(self, request: web.Request) -> web.Response:
        """Counters; see stats.py."""
        return _json(self._calls.stats.as_json() | {"quotas": self._calls.engine.quotas.levels()})

    async def list_faults(self, request: web.Request) -> web.Response:
        """What is armed."""
        return _json({"faults": self._calls.faults.pending()})

    async def add_faults(self, request: web.Request) -> web.Response:
        """Arm one fault (an object with the fields of faults.Fault) or several (``{"faults": […]}``)."""
        body = json_object(await request.read())
        try:
            faults = [checked(msgspec.convert(raw, Fault)) for raw in body.get("faults", [body])]
        except (ValueError, TypeError, msgspec.ValidationError) as error:
            raise invalid(str(error)) from None
        for fault in faults:
            self._calls.faults.add(fault)
        return _json({"faults": self._calls.faults.pending()})

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Disarm all; ``released`` streams that stalled go on."""
        return _json({"faults": [], "released": self._calls.faults.clear()})

    async def set_quota(self, request: web.Request) -> web.Response:
        """``{"model": id or null, "tpm": n or null, "rpm": n or null}``."""
        body = json_object(await request.read())
        model = body.pop("model", None)
        try:
            limit = msgspec.convert(body, Limit)
        except msgspec.ValidationError as error:
            raise invalid(str(error)) from None
        model_id = self._calls.engine.targets.resolve(model).model.id if model else None
        self._calls.engine.quotas.set(model_id, limit)
        return _json({"model": model_id, "tpm": limit.tpm, "rpm": limit.rpm})

    async def advance(self, request: web.Request) -> web.Response:
        """``{"advance_s": seconds}``: caches age and quotas refill, nothing else changes."""
        seconds = json_object(await request.read()).get("advance_s")
        clock = self._calls.engine.clock
        if not isinstance(seconds, (int, float)) or seconds < 0 or not isinstance(clock, MovableClock):
            raise invalid("advance_s must be a number of seconds, 0 or more.")
        clock.advance(float(seconds))
        return _json({"skipped_s": clock.skipped_s})

    async def reset(self, request: web.Request) -> web.Response:
        """Forget faults, statistics, cached prompts and quota changes."""
        self._calls.faults.clear()
        self._calls.stats.reset()
        self._calls.engine.reset()
        return _json({"status": "reset"})


def _json(body: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")
