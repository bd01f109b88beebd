"""A pipeline with a cache, whose model, store and clock are a test's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from slipstream.caching.answers import AnswerCache, CacheLimits
from slipstream.caching.lookup import Lookup
from slipstream.caching.policy import CachePolicy
from slipstream.caching.semantic.serving import SemanticCache
from slipstream.chat.events import Event, Started, Stopped, TextDelta, Usage
from slipstream.chat.request import ChatRequest, Message, Options, Parameters, Text
from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import SlipstreamError
from slipstream.fakes.answer_store import MemoryAnswerStore
from slipstream.fakes.metrics import MemoryMetrics
from slipstream.fakes.model import ScriptedModels
from slipstream.fakes.parameter_rules import InMemoryParameterRules
from slipstream.gateway.pipeline import Answer, Pipeline
from slipstream.models import catalogue
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolve import Resolver
from slipstream.telemetry.waterfall import Waterfall

NOVA = "amazon.nova-lite-v1:0"
CATALOGUE = catalogue.load()
HELLO: tuple[Event, ...] = (Started(), TextDelta("Hel"), TextDelta("lo"), Stopped("end_turn"), Usage(1000, 2000))
OTHER: tuple[Event, ...] = (Started(), TextDelta("Other"), Stopped("end_turn"), Usage(10, 20))
COLD = Parameters(temperature=0.0)
PATIENT = CacheLimits(look_s=30.0, semantic_s=30.0)
"""A look-up on a busy machine is not late."""


class Clock:
    """Unix time that stands until it is moved; sleeping moves it."""

    def __init__(self, now_s: float = 1_800_000_000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Caching:
    """A pipeline whose cache has ``store``; several of them with one store are several environments."""

    def __init__(
        self,
        answers: Sequence[Sequence[Event] | SlipstreamError] = (HELLO,),
        *,
        store: Any = None,
        clock: Clock | None = None,
        policy: CachePolicy | None = None,
        limits: CacheLimits = PATIENT,
        finds: Any = None,
        models: Any = None,
        sleep: Callable[[float], None] | None = None,
        semantic: Callable[[Lookup], SemanticCache] | None = None,
        tally: Any = None,
    ) -> None:
        self.models = models or ScriptedModels(answers)
        self.metrics = MemoryMetrics()
        self.clock = clock or Clock()
        self.store = store if store is not None else MemoryAnswerStore()
        self.cache = AnswerCache(
            self.store, policy=policy, limits=limits, semantic=semantic, clock=self.clock,
            sleep=sleep or self.clock.sleep,
        )  # fmt: skip
        self.pipeline = Pipeline(
            resolver=Resolver(CATALOGUE, {"fast": NOVA, "balanced": NOVA}, InMemoryParameterRules()),
            planner=PromptPlanner(),
            models=self.models,
            metrics=self.metrics,
            region="eu-west-1",
            finds=None if finds is None else lambda: finds,
            cache=self.cache,
            tally=tally,
        )

    def begin(self, text: str = "Hi there", *, disconnect: Disconnect = NEVER, **fields: Any) -> Answer:
        """An answer that nobody has read yet."""
        fields = {"model": "fast", "parameters": COLD} | fields
        messages = fields.pop("messages", None) or [Message("user", [Text(text)])]
        return self.pipeline.answer(ChatRequest(messages=messages, **fields), Waterfall(), disconnect)

    def ask(self, text: str = "Hi there", **fields: Any) -> tuple[tuple[Event, ...], dict[str, Any]]:
        """A whole exchange: the events, and the reply's report."""
        answer = self.begin(text, **fields)
        events = tuple(answer.events)
        report = answer.report()
        answer.close()
        answer.settle()
        return events, report

    @property
    def calls(self) -> int:
        return len(self.models.calls)


def outcome(report: dict[str, Any]) -> str | None:
    """What became of a request in the cache; None: it never went there."""
    return report["cache"]["outcome"] if "cache" in report else None


def wanting(cache: Any, **more: Any) -> Options:
    return Options(cache=cache, **more)
