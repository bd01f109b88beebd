"""The way of one request: resolve → kept answer? ‖ search → plan → call → stream → settle. Reading `Pipeline` is
understanding the product.
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
from slipstream.gateway.report import UNKNOWN_MODEL, figures, refused, report, searched
from slipstream.models.cost import UNPRICED, Cost, price_of
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall

if TYPE_CHECKING:
    from slipstream.caching.answers import AnswerCache
    from slipstream.caching.filling.recorder import Recorder
    from slipstream.caching.hit import Hit, Kept
    from slipstream.caching.live import Reader
    from slipstream.caching.search import Search
    from slipstream.caching.tally import Tally
    from slipstream.gateway.grounding import Finds, Grounding, RagModel
    from slipstream.retrieval.ranking import Found

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
        "_settle", "call", "events", "grounding", "outcome", "request", "search", "stop_reason", "upstream", "usage",
        "waterfall",
    )  # fmt: skip

    def __init__(self, request: ChatRequest, waterfall: Waterfall, settle: Any) -> None:
        self.request = request
        self.waterfall = waterfall
        self.call: ResolvedCall
        self.events: Iterator[Event]
        self.upstream: Iterator[Event]
        self.grounding: Grounding | Kept | None = None
        """What a ``rag:`` answer rests on."""
        self.search: Search | None = None
        """Its way through the cache; None: it is neither looked up nor kept."""
        self.usage: Usage | None = None
        self.stop_reason: str | None = None
        self.outcome = "cut"
        """``ok`` once the model stopped by itself; else an error's code, or ``cut`` when nobody read to the end."""
        self._settle = settle

    @property
    def cost(self) -> Cost:
        """Dollars spent and saved, a rewritten question's included; both None without usage or price.

        A kept answer costs nothing and saves all.
        """
        search = self.search
        cost = UNPRICED if self.usage is None else price_of(self.call, self.usage)
        if search is None or not search.served:
            rewritten = None if self.found is None else self.found.rewritten
            return cost if rewritten is None else cost.plus(rewritten.cost)
        if cost.usd is None or self.usage is None:
            return cost
        saved = cost.usd if search.hit is None or search.hit.answered.cost_usd is None else search.hit.answered.cost_usd
        if not search.raced:
            return Cost(0.0, saved)
        paid = price_of(self.call, msgspec.structs.replace(self.usage, output_tokens=0)).usd or 0.0
        return Cost(paid, round(saved - paid, 10))

    @property
    def found(self) -> Found | None:
        """What an index was searched for; None: none was for this answer."""
        grounding = self.grounding
        if grounding is None or (self.search is not None and self.search.served):
            return None
        found: Found = grounding.found  # type: ignore[union-attr]  # a kept answer is served
        return found

    def report(self) -> dict[str, Any]:
        """The reply's ``slipstream`` object."""
        return report(self)

    def close(self) -> None:
        """End the upstream call, also where nobody has begun to read ``events``; one that others follow goes on."""
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
        cache: AnswerCache | None = None,
        tally: Tally | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """``finds`` gives what searches indexes, built with the first question to one; None: there is no engine.
        ``cache`` has answers that are already there; None: every one is made anew. ``tally`` counts what they are
        worth, ``recorder`` logs what was asked.
        """
        self._resolver = resolver
        self._planner = planner
        self._models = models
        self._metrics = metrics
        self.region = region
        self._finds = finds
        self._cache = cache
        self._tally = tally
        self._recorder = recorder

    def answer(self, request: ChatRequest, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Answer:
        """Call the model and wait for its first event, so that an error before it gets its true HTTP status."""
        answer = Answer(request, waterfall, self._settle)
        waterfall.facts["region"] = self.region
        call: ResolvedCall | None = None
        try:
            asked = self._index_of(request)
            if self._cache is not None and request.options.cache != "off":
                call = self._resolve(request, asked, waterfall)
                answer.search = self._look(self._cache, call, asked, waterfall, disconnect)
            search, grounded = answer.search, self._grounding(request, asked, answer.search, waterfall, disconnect)
            # With an index the look-up is over before there is anything to call the model with.
            races = search is not None and search.looking and request.options.cache == "race" and asked is None
            if search is not None and call is not None and not races and (found := search.found()) is not None:
                return self._served(answer, call, found)
            request, grounding = grounded()
            if call is None or grounding is not None:
                call = self._resolve(request, asked, waterfall)
            with waterfall.span("plan"):
                call = self._planner.plan(call)
            if search is not None and races:
                won = self._race(search, call)
                if not isinstance(won, tuple):
                    return self._served(answer, call, won)
                answer.call, first, answer.upstream = won
            else:
                watched = disconnect if search is None else search.watched
                answer.call, first, answer.upstream = self._open(call, waterfall, watched)
        except BaseException as error:
            if answer.search is not None:
                answer.search.fails(error)
            if isinstance(error, SlipstreamError):
                self._record_refused(answer.request, call, waterfall, error)
            raise
        return self._begun(answer, first, grounding)

    def _index_of(self, request: ChatRequest) -> RagModel | None:
        """The index that ``rag:INDEX`` names. A key with a list of models has to be allowed that name."""
        if not request.model.startswith(RAG):
            return None
        from slipstream.gateway.grounding import rag_model

        require_model(request.allowed_models, (request.model,))
        asked = rag_model(request.model)
        searching(self._finds, param="model")
        return asked

    def _resolve(self, request: ChatRequest, asked: RagModel | None, waterfall: Waterfall) -> ResolvedCall:
        """Every choice about the call that does not need the plan."""
        with waterfall.span("resolve"):
            if asked is None:
                call = self._resolver.resolve(request)
                require_model(request.allowed_models, (request.model, call.model_id, call.target_id))
            else:  # the reply names what the caller asked for
                call = self._resolver.resolve(msgspec.structs.replace(request, model=asked.model))
                call = msgspec.structs.replace(call, request=msgspec.structs.replace(call.request, model=request.model))
            if call.region:
                waterfall.facts["region"] = call.region
            return call

    def _look(
        self,
        cache: AnswerCache,
        call: ResolvedCall,
        asked: RagModel | None,
        waterfall: Waterfall,
        disconnect: Disconnect,
    ) -> Search | None:
        """Begin to look for an answer that is already there; None where this one is not to be kept."""
        if asked is None or self._finds is None:
            return cache.begin(call, waterfall, disconnect)
        from slipstream.gateway.kept import sources_of

        sources = sources_of(asked, call.request, self._finds(), waterfall, disconnect)
        return cache.begin(call, waterfall, disconnect, sources)

    def _grounding(
        self,
        request: ChatRequest,
        asked: RagModel | None,
        search: Search | None,
        waterfall: Waterfall,
        disconnect: Disconnect,
    ) -> Callable[[], tuple[ChatRequest, Grounding | None]]:
        """What gives the request with its passages; while a kept answer is looked for, they are searched beside."""
        if asked is None or self._finds is None:
            return lambda: (request, None)
        from slipstream.gateway.grounding import ground

        finds = self._finds()

        def work(waterfall: Waterfall, line: Disconnect) -> tuple[ChatRequest, Grounding | None]:
            with waterfall.span("retrieve"):
                return ground(request, asked, finds, waterfall, line)

        if search is None or not search.looking:
            return lambda: work(waterfall, disconnect)
        side = Waterfall(waterfall.origin_s)
        pending = search.beside(lambda line: work(side, line))

        def joined() -> tuple[ChatRequest, Grounding | None]:
            try:
                return pending.result()
            finally:
                waterfall.adopt(side)

        return joined

    def _race(self, search: Search, call: ResolvedCall) -> Hit | tuple[ResolvedCall, Event, Iterator[Event]]:
        """A kept answer or the model's first event, whichever is there first; the model's call ends if it is not."""
        return search.race(lambda side: self._open(call, side, search.watched), lambda opened: _close(opened[2]))

    def _served(self, answer: Answer, call: ResolvedCall, found: Hit | Reader) -> Answer:
        """An answer that no model is called for: a kept one, or the one that another request is getting."""
        from slipstream.caching.hit import Hit, Kept

        search = answer.search
        assert search is not None  # noqa: S101
        answer.call = call
        if isinstance(found, Hit):
            answer.upstream = search.replay(found)
            answer.grounding = Kept(found.answered.rag) if found.answered.rag is not None else None
        else:
            answer.upstream, answer.grounding = found, search.grounding
        answer.events = self._flow(answer, _first(answer.upstream), answer.upstream)
        return answer

    def _begun(self, answer: Answer, first: Event, grounding: Grounding | None) -> Answer:
        """An answer of the model, checked as it comes, and shared with whoever asks the same meanwhile."""
        upstream, answer.grounding = answer.upstream, grounding
        answer.events = self._flow(answer, first, upstream)
        if grounding is not None:
            answer.events = grounding.events(answer.events)
        if answer.search is not None:
            from slipstream.gateway.kept import describing

            ended = (answer.events, upstream)
            answer.events = answer.upstream = answer.search.share(
                ended[0], lambda: _close_all(ended), describing(answer, grounding), grounding,
                grounding.documents if grounding is not None else (),
            )  # fmt: skip
        return answer

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

    def _flow(self, answer: Answer, first: Event, rest: Iterator[Event]) -> Iterator[Event]:
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
                    waterfall.facts["answered_ms"] = waterfall.now_ms()
                elif kind is Failed:
                    answer.outcome = event.error.code  # type: ignore[union-attr]
                elif waiting and kind is not Started and kind is not Heartbeat:
                    waiting = False
                    waterfall.facts["ttft_ms"] = waterfall.now_ms()
                yield event
                event = next(rest)
        except StopIteration:
            return
        except SlipstreamError as error:
            answer.outcome = error.code
            raise
        finally:
            if stream.end_ms is None:
                waterfall.end(stream)
            _close(rest)

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
            search = answer.search
            # What a kept answer cost once is not used up again.
            used = None if search is not None and search.served else answer.usage
            if used is not None:
                self._planner.observe(answer.call, used)
            self._resolver.settle()
            if search is not None:
                search.settle()
                self._count(answer)
        metrics, *rest = figures(answer.call, answer.waterfall, used, answer.cost, answer.outcome)
        told = search.figures() if search is not None else {}
        if search is not None and self._recorder is not None and answer.outcome == "ok":
            told |= self._recorder.note(answer.request, search.place.namespace)
        self._metrics.record({**metrics, **searched(answer.found), **told}, *rest)

    def _count(self, answer: Answer) -> None:
        if self._tally is not None:
            from slipstream.gateway.counted import counted

            if (found := counted(answer)) is not None:
                self._tally.count(found)


def _close(events: Iterator[Event]) -> None:
    if (close := getattr(events, "close", None)) is not None:
        close()


def _close_all(streams: tuple[Iterator[Event], ...]) -> None:
    for events in streams:
        _close(events)


def _first(events: Iterator[Event]) -> Event:
    try:
        return next(events)
    except StopIteration:
        raise UpstreamError("the model service answered with an empty stream; try again") from None
