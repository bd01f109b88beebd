"""The way of one request: (search →) resolve → plan → call → stream → settle. Reading `Pipeline` is understanding the
product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from slipstream.chat.events import Event, Failed, Heartbeat, Started, Stopped, Usage
from slipstream.chat.request import ChatRequest
from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import (
    InvalidRequest,
    ModelNotFound,
    NoSearchEngine,
    PermissionDenied,
    SlipstreamError,
    UpstreamError,
)  # fmt: skip
from slipstream.gateway.allowed import require_model
from slipstream.gateway.ports import MetricsSink, ModelPort
from slipstream.gateway.report import UNKNOWN_MODEL, figures, refused, report, rewriting
from slipstream.models.cost import UNPRICED, Cost, price_of
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall

if TYPE_CHECKING:
    from slipstream.gateway.grounding import Finds, Grounding
    from slipstream.retrieval.question.rewrite import Rewritten

RAG = "rag:"
"""What a model's name begins with that means an index."""
_NO_ENGINE = "this deployment has no search engine: deploy it with search=dev or search=prod, or ask a model directly"


def searching(finds: Callable[[], Finds] | None, param: str) -> Callable[[], Finds]:
    """``finds``. Raises NoSearchEngine where there is none, with ``param``, the field that asked for an index."""
    if finds is None:
        raise NoSearchEngine(_NO_ENGINE, param=param)
    return finds


class Answer:
    """An answer on its way: ``events`` is read once; ``report`` is whole when they are exhausted."""

    __slots__ = (
        "_settle", "call", "events", "grounding", "outcome", "request", "stop_reason", "upstream", "usage", "waterfall",
    )  # fmt: skip

    def __init__(self, request: ChatRequest, waterfall: Waterfall, settle: Any) -> None:
        self.request = request
        self.waterfall = waterfall
        self.call: ResolvedCall
        self.events: Iterator[Event]
        self.upstream: Iterator[Event]
        self.grounding: Grounding | None = None
        """What a ``rag:`` answer rests on."""
        self.usage: Usage | None = None
        self.stop_reason: str | None = None
        self.outcome = "cut"
        """``ok`` once the model stopped by itself; else an error's code, or ``cut`` when nobody read to the end."""
        self._settle = settle

    @property
    def cost(self) -> Cost:
        """Dollars spent and saved, a rewritten question's included; both None without usage or price."""
        cost = UNPRICED if self.usage is None else price_of(self.call, self.usage)
        return cost if self.rewritten is None else cost.plus(self.rewritten.cost)

    @property
    def rewritten(self) -> Rewritten | None:
        """What a model made of a follow-up question before its search; None: none was asked."""
        return None if self.grounding is None else self.grounding.found.rewritten

    def report(self) -> dict[str, Any]:
        """The reply's ``slipstream`` object."""
        return report(self)

    def close(self) -> None:
        """End the upstream call, also where nobody has begun to read ``events``."""
        _close(self.upstream)

    def settle(self) -> None:
        """Everything that can wait for the last byte: learning, cache bookkeeping, metrics. Never raises."""
        self._settle(self)


class Pipeline:
    """Built once an environment; ``answer`` is called by any number of threads."""

    def __init__(
        self,
        *,
        resolver: Resolver,
        planner: PromptPlanner,
        models: ModelPort,
        metrics: MetricsSink,
        region: str,
        finds: Callable[[], Finds] | None = None,
    ) -> None:
        """``finds`` gives what searches indexes, built with the first question to one; None: there is no engine."""
        self._resolver = resolver
        self._planner = planner
        self._models = models
        self._metrics = metrics
        self.region = region
        self._finds = finds

    def answer(self, request: ChatRequest, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Answer:
        """Call the model and wait for its first event, so that an error before it gets its true HTTP status."""
        answer = Answer(request, waterfall, self._settle)
        waterfall.facts["region"] = self.region
        call: ResolvedCall | None = None
        try:
            call = self._prepare(answer, waterfall, disconnect)
            answer.call, first, answer.upstream = self._open(call, waterfall, disconnect)
        except SlipstreamError as error:
            self._record_refused(request, call, waterfall, error)
            raise
        answer.events = self._flow(answer, first)
        if answer.grounding is not None:
            answer.events = answer.grounding.events(answer.events)
        return answer

    def _prepare(self, answer: Answer, waterfall: Waterfall, disconnect: Disconnect) -> ResolvedCall:
        """Every choice about the call, before anything is sent to a model."""
        request, asked = answer.request, answer.request.model
        if asked.startswith(RAG):
            request, answer.grounding = self._ground(request, waterfall, disconnect)
        with waterfall.span("resolve"):
            call = self._resolver.resolve(request)
            if call.region:
                waterfall.facts["region"] = call.region
            if answer.grounding is None:
                require_model(request.allowed_models, (asked, call.model_id, call.target_id))
            else:  # the reply names what the caller asked for
                named = msgspec.structs.replace(call.request, model=asked)
                call = msgspec.structs.replace(call, request=named)
        with waterfall.span("plan"):
            return self._planner.plan(call)

    def _ground(
        self, request: ChatRequest, waterfall: Waterfall, disconnect: Disconnect
    ) -> tuple[ChatRequest, Grounding]:
        """Search the index that ``rag:INDEX`` names. A key with a list of models has to be allowed that name."""
        from slipstream.gateway.grounding import ground, rag_model

        require_model(request.allowed_models, (request.model,))
        asked = rag_model(request.model)
        finds = searching(self._finds, param="model")
        with waterfall.span("retrieve"):
            request, grounding = ground(request, asked, finds(), waterfall, disconnect)
        return msgspec.structs.replace(request, model=asked.model), grounding

    def _open(
        self, call: ResolvedCall, waterfall: Waterfall, disconnect: Disconnect
    ) -> tuple[ResolvedCall, Event, Iterator[Event]]:
        """Call the model; where it rejects a parameter, learn that and call once more without it."""
        events = self._models.stream(call, waterfall, disconnect)
        try:
            return call, _first(events), events
        except InvalidRequest as error:
            with waterfall.span("heal"):
                found = self._resolver.heal(call, error)
            if found is None:
                self._add_what_to_do(call, error)
                raise
        except (ModelNotFound, PermissionDenied) as error:
            self._add_what_to_do(call, error)
            raise
        healed, rules = found
        events = self._learning(self._models.stream(healed, waterfall, disconnect), healed.model_id, rules)
        return healed, _first(events), events

    def _add_what_to_do(self, call: ResolvedCall, error: SlipstreamError) -> None:
        if isinstance(error, ModelNotFound) and (hint := self._resolver.hint(call.request.model)):
            error.message, error.param = error.message.rstrip(".") + hint, "model"
        elif error.code == "inference_profile_required":
            hint = self._resolver.profile_hint(call.request.model)
            error.message, error.param = error.message.rstrip(".") + hint, "model"
        elif isinstance(error, PermissionDenied) and call.region not in (None, self.region):
            granted = f"calls in {call.region} are granted by naming this ARN in the deploy setting 'models'"
            error.message = f"{error.message.rstrip('.')}; {granted}"

    def _learning(self, events: Iterator[Event], model_id: str, rules: list[str]) -> Iterator[Event]:
        """Hand the healed call's events on; the first from the model proves the rules."""
        try:
            for event in events:
                if rules and not isinstance(event, Heartbeat | Failed):
                    self._resolver.learn(model_id, rules)
                    rules = []
                yield event
        finally:
            _close(events)

    def _flow(self, answer: Answer, first: Event) -> Iterator[Event]:
        """Hand the events on, keeping what the report and the metrics need."""
        waterfall = answer.waterfall
        stream = waterfall.begin("stream")
        event, waiting = first, True
        try:
            while True:
                kind = type(event)
                if kind is Usage:
                    answer.usage = event  # type: ignore[assignment]
                elif kind is Stopped:
                    answer.stop_reason, answer.outcome = event.reason, "ok"  # type: ignore[union-attr]
                    waterfall.end(stream)
                elif kind is Failed:
                    answer.outcome = event.error.code  # type: ignore[union-attr]
                elif waiting and kind is not Started and kind is not Heartbeat:
                    waiting = False
                    waterfall.facts["ttft_ms"] = waterfall.now_ms()
                yield event
                event = next(answer.upstream)
        except StopIteration:
            return
        except SlipstreamError as error:
            answer.outcome = error.code
            raise
        finally:
            if stream.end_ms is None:
                waterfall.end(stream)
            answer.close()

    def _record_refused(
        self, request: ChatRequest, call: ResolvedCall | None, waterfall: Waterfall, error: SlipstreamError
    ) -> None:
        if call is not None and call.known and not isinstance(error, ModelNotFound):
            self._metrics.record(*figures(call, waterfall, None, UNPRICED, error.code))
        else:
            model_id = self._resolver.known_id(request.model) or UNKNOWN_MODEL
            self._metrics.record(*refused(model_id, request.tenant, waterfall, error.code))

    def _settle(self, answer: Answer) -> None:
        with answer.waterfall.span("settle"):
            if answer.usage is not None:
                self._planner.observe(answer.call, answer.usage)
            self._resolver.settle()
        metrics, *rest = figures(answer.call, answer.waterfall, answer.usage, answer.cost, answer.outcome)
        self._metrics.record({**metrics, **rewriting(answer.rewritten)}, *rest)


def _close(events: Iterator[Event]) -> None:
    if (close := getattr(events, "close", None)) is not None:
        close()


def _first(events: Iterator[Event]) -> Event:
    try:
        return next(events)
    except StopIteration:
        raise UpstreamError("the model service answered with an empty stream; try again") from None
