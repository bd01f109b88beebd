"""A gateway whose model says what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from slipstream.chat.events import Event, Started, Stopped, TextDelta, Usage
from slipstream.chat.request import ChatRequest
from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import ModelNotFound, SlipstreamError
from slipstream.fakes.metrics import MemoryMetrics
from slipstream.gateway.exchange import Gateway
from slipstream.gateway.http import HttpRequest, HttpResponse, Principal
from slipstream.gateway.pipeline import Pipeline
from slipstream.gateway.ports import RawReply
from slipstream.models.catalogue import load
from slipstream.models.embedding import EmbeddingCall, Embeddings
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolved import ResolvedCall
from slipstream.models.targets import Target
from slipstream.telemetry.waterfall import Waterfall

HELLO: tuple[Event, ...] = (
    Started(),
    TextDelta("Hel"),
    TextDelta("lo"),
    Stopped("end_turn"),
    Usage(input_tokens=7, output_tokens=2, upstream_latency_ms=31),
)


class ScriptedAnswer:
    """An answer without a pipeline, for the wires' own tests."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.waterfall = Waterfall()
        self.events = iter(events)

    def report(self) -> dict[str, Any]:
        return {"model": "m"}


class ScriptedModels:
    """Plays ``script`` for every call; an exception in first place is raised before the answer begins."""

    def __init__(self, script: Iterable[Event | Exception]) -> None:
        self.script = script
        self.calls: list[ResolvedCall] = []
        self.closed = 0

    def stream(self, call: ResolvedCall, _waterfall: Waterfall, _disconnect: Disconnect) -> Iterator[Event]:
        self.calls.append(call)
        try:
            for step in self.script:
                if isinstance(step, Exception):
                    raise step
                yield step
        finally:
            self.closed += 1


class ScriptedResolver:
    """Knows the aliases; refuses names that are neither ARNs nor have a dot."""

    def __init__(self, aliases: Mapping[str, str]) -> None:
        self._aliases = aliases

    def target(self, name: str) -> Target:
        if name not in self._aliases:
            raise ModelNotFound(f"there is no model '{name}'; nearest: fast", param="model")
        model = load().find("amazon.titan-embed-text-v2:0")
        assert model is not None
        return Target(model, model.id, model.price)

    def resolve(self, request: ChatRequest) -> ResolvedCall:
        model_id = self._aliases.get(request.model, request.model)
        if "." not in model_id and not model_id.startswith("arn:"):
            raise ModelNotFound(f"there is no model '{request.model}'; nearest: fast", param="model")
        return ResolvedCall(
            request=request,
            target_id=f"us.{model_id}",
            model_id=model_id,
            known=request.model != UNLISTED,
            notes=["“quoted”"],
        )

    def heal(self, _call: ResolvedCall, _error: SlipstreamError) -> None:
        return None

    def known_id(self, name: str) -> str | None:
        return self._aliases.get(name)

    def hint(self, _name: str) -> str:
        return ""

    def settle(self) -> None:
        return None


class ScriptedPassthrough:
    """Replies with ``reply``; keeps what it was called with."""

    def __init__(self, reply: RawReply | SlipstreamError) -> None:
        self.reply = reply
        self.calls: list[tuple[str, str, bytes, dict[str, str]]] = []

    def passthrough(
        self,
        model_id: str,
        operation: str,
        body: bytes,
        headers: Mapping[str, str],
        _waterfall: Waterfall,
        _disconnect: Disconnect,
    ) -> RawReply:
        self.calls.append((model_id, operation, body, dict(headers)))
        if isinstance(self.reply, SlipstreamError):
            raise self.reply
        return self.reply


class ScriptedEmbedder:
    """One small vector a text, or ``error``."""

    def __init__(self, error: SlipstreamError | None = None) -> None:
        self._error = error
        self.calls: list[EmbeddingCall] = []

    def embed(self, call: EmbeddingCall, _waterfall: Waterfall, _disconnect: Disconnect = NEVER) -> Embeddings:
        self.calls.append(call)
        if self._error is not None:
            raise self._error
        return Embeddings([[float(len(text)), 0.5] for text in call.texts], input_tokens=len(call.texts) * 3)


class OneModel:
    """A catalogue with nothing in it."""

    def list(self) -> Iterable[Any]:
        return []

    def find(self, model_id: str) -> None:
        return None

    def nearest(self, name: str, also: tuple[str, ...] = ()) -> Iterable[str]:
        return ["fast"]


ALIASES = {"fast": "vendor.quick-v1"}
MODEL = "vendor.model-v1:0"
UNLISTED = "vendor.not-in-the-catalogue"


def gateway(script: Iterable[Event | Exception] = HELLO, **more: Any) -> Gateway:
    """A gateway over the real pipeline whose model plays ``script``; ``more`` replaces parts."""
    models = more.pop("models", None) or ScriptedModels(script)
    resolver: Any = ScriptedResolver(ALIASES)
    metrics = MemoryMetrics()
    parts: dict[str, Any] = {
        "pipeline": Pipeline(
            resolver=resolver, planner=PromptPlanner(), models=models, metrics=metrics, region="eu-west-1"
        ),
        "resolver": resolver,
        "catalogue": OneModel(),
        "embedder": ScriptedEmbedder(),
        "passthrough": ScriptedPassthrough(RawReply(200, [("content-type", "application/json")], iter((b"{}",)))),
        "metrics": metrics,
        "version": "9.9.9",
        "aliases": ALIASES,
    }
    return Gateway(**(parts | more))


def post(path: str, body: bytes = b'{"messages":[]}', **more: Any) -> HttpRequest:
    """A POST as a host hands it over."""
    headers = {"content-type": "application/json"} | more.pop("headers", {})
    return HttpRequest("POST", path, headers, body, **more)


def drain(response: HttpResponse) -> bytes:
    """Read the body, close it and settle, as a host does."""
    try:
        return b"".join(response.body)
    finally:
        close: Callable[[], None] | None = getattr(response.body, "close", None)
        if close is not None:
            close()
        response.settle()


def limited_to(*models: str) -> Principal:
    """A key that may use ``models`` only."""
    return Principal(key_id="k", tenant="acme", models=models)
