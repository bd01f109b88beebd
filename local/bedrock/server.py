"""The local server as an aiohttp application."""

from __future__ import annotations

from aiohttp import web

from local.bedrock.auth import Gatekeeper
from local.bedrock.calls import Calls, error_middleware
from local.bedrock.clock import Clock, MovableClock
from local.bedrock.control import Control
from local.bedrock.control_plane import ControlPlane
from local.bedrock.encoder import Encoder
from local.bedrock.engine import Engine
from local.bedrock.faults import Faults
from local.bedrock.rerank import Rerank
from local.bedrock.runtime_plane import RuntimePlane
from local.bedrock.settings import Settings
from local.bedrock.stats import Stats


def create_app(settings: Settings | None = None, *, clock: Clock | None = None) -> web.Application:
    """Build the application. ``clock`` times caches and quotas; answers always keep real time.

    Run it with ``web.AppRunner(app, handler_cancellation=True)``: that is how clients who leave are noticed.
    """
    settings = settings or Settings()
    engine = Engine(settings, clock or MovableClock())
    stats = Stats()
    calls = Calls(engine, Faults(), stats, Gatekeeper(settings))
    app = web.Application(client_max_size=settings.max_body_bytes, middlewares=[error_middleware(stats)])
    if engine.llm is not None:
        llm = engine.llm
        app.on_cleanup.append(lambda _: llm.close())
    encoder = Encoder(settings)
    runtime, agents = RuntimePlane(calls, encoder), Rerank(calls, encoder)
    app.router.add_routes(
        [*runtime.routes(), *agents.routes(), *ControlPlane(calls).routes(), *Control(calls).routes()]
    )
    return app
