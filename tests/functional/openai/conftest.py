"""A gateway behind real sockets: the whole path, but for the line to Bedrock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from slipstream.aws import converse
from slipstream.chat.events import Event
from slipstream.disconnect import NEVER, Disconnect
from slipstream.fakes.metrics import MemoryMetrics
from slipstream.fakes.model import ScriptedModels
from slipstream.gateway.app import create_app
from slipstream.gateway.pipeline import Pipeline
from slipstream.models import catalogue
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import ResolvedCall
from slipstream.runtime.wsgi import wsgi_app
from slipstream.runtime.wsgi_server import Server
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.gateway.scripted import gateway

ALIASES = {"fast": "anthropic.claude-haiku-4-5-20251001-v1:0"}


class EncodedModels(ScriptedModels):
    """Writes every call in Converse's words before it answers, as the way to Bedrock would; keeps the bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[bytes] = []

    def stream(self, call: ResolvedCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Iterator[Event]:
        self.bodies.append(converse.encode(call))
        yield from super().stream(call, waterfall, disconnect)


@pytest.fixture
def models() -> EncodedModels:
    return EncodedModels()


@pytest.fixture
def server(models: EncodedModels) -> Iterator[Server]:
    resolver = Resolver(catalogue.load(), ALIASES, region="us-east-1")
    pipeline = Pipeline(
        resolver=resolver, planner=PromptPlanner(), models=models, metrics=MemoryMetrics(), region="us-east-1"
    )
    app = create_app(gateway(pipeline=pipeline, resolver=resolver, catalogue=catalogue.load(), aliases=ALIASES))
    server = Server(wsgi_app(app))
    server.start()
    yield server
    server.close()
