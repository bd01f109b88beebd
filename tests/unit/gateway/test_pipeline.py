"""The way of one request, with the model service, the rules and the metrics in memory."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from slipstream.chat.events import Event, Failed, Heartbeat, Started, Stopped, TextDelta, Usage
from slipstream.chat.request import ChatRequest, Message, Parameters, Text
from slipstream.errors import (
    ClientGone,
    InvalidRequest,
    ModelNotFound,
    PermissionDenied,
    SlipstreamError,
    StreamCut,
    UpstreamError,
    UpstreamUnavailable,
)
from slipstream.fakes.metrics import MemoryMetrics
from slipstream.fakes.model import ScriptedModels
from slipstream.fakes.parameter_rules import InMemoryParameterRules
from slipstream.gateway.pipeline import Answer, Pipeline
from slipstream.models import catalogue
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall

NOVA = "amazon.nova-lite-v1:0"
CATALOGUE = catalogue.load()
HELLO: tuple[Event, ...] = (Started(), TextDelta("Hel"), TextDelta("lo"), Stopped("end_turn"), Usage(1000, 2000))
REFUSAL = InvalidRequest("`temperature` is not supported for this model; remove the parameter.")


class NotingPlanner(PromptPlanner):
    """The real planner, which also keeps what it was called with."""

    def __init__(self) -> None:
        super().__init__()
        self.planned: list[ResolvedCall] = []
        self.observed: list[tuple[ResolvedCall, Usage]] = []

    def plan(self, call: ResolvedCall) -> ResolvedCall:
        self.planned.append(call)
        return super().plan(call)

    def observe(self, call: ResolvedCall, usage: Usage) -> None:
        self.observed.append((call, usage))
        super().observe(call, usage)


class Bench:
    """A pipeline over ``answers``, and everything around it to look at."""

    def __init__(self, answers: Sequence[Sequence[Event] | SlipstreamError] = (HELLO,), **more: Any) -> None:
        self.models = ScriptedModels(answers, **more)
        self.metrics = MemoryMetrics()
        self.rules = InMemoryParameterRules()
        self.planner = NotingPlanner()
        self.waterfall = Waterfall()
        resolver = Resolver(CATALOGUE, {"fast": NOVA}, self.rules)
        self.pipeline = Pipeline(
            resolver=resolver, planner=self.planner, models=self.models, metrics=self.metrics, region="eu-west-1"
        )

    def answer(self, *, model: str = "fast", **fields: Any) -> Answer:
        messages = [Message("user", [Text("Hi there")])]
        return self.pipeline.answer(ChatRequest(model=model, messages=messages, **fields), self.waterfall)

    @property
    def outcome(self) -> Any:
        assert len(self.metrics.rows) == 1
        return self.metrics.rows[0][2]["outcome"]


def warm(temperature: float = 0.5) -> Parameters:
    return Parameters(temperature=temperature)


def test_the_stages_follow_one_another_in_the_waterfall() -> None:
    bench = Bench()
    answer = bench.answer()
    list(answer.events)
    answer.settle()
    spans = ["resolve", "plan", "bedrock_wait", "first_token", "stream", "settle"]
    assert [span.name for span in bench.waterfall.spans] == spans
    assert all(span.end_ms is not None for span in bench.waterfall.spans)


def test_events_come_unchanged_and_in_order() -> None:
    assert tuple(Bench().answer().events) == HELLO


def test_the_planned_call_is_what_the_model_gets() -> None:
    bench = Bench()
    answer = bench.answer()
    assert bench.models.calls == [answer.call]
    assert len(bench.planner.planned) == 1


def test_the_model_is_called_before_anybody_reads() -> None:
    bench = Bench()
    bench.answer()
    assert len(bench.models.calls) == 1


def test_an_error_before_the_first_event_is_raised_and_recorded() -> None:
    bench = Bench([UpstreamUnavailable("down")])
    with pytest.raises(UpstreamUnavailable):
        bench.answer()
    metrics, dimensions, properties = bench.metrics.rows[0]
    assert (metrics["errors"], dimensions["model"], properties["outcome"]) == (1, NOVA, "upstream_unavailable")
    assert len(bench.models.calls) == 1


def test_an_empty_stream_is_an_error_of_the_service() -> None:
    with pytest.raises(UpstreamError, match="empty stream"):
        Bench([()]).answer()


def test_a_refused_parameter_is_left_out_of_one_more_call() -> None:
    bench = Bench([REFUSAL, HELLO])
    answer = bench.answer(parameters=warm())
    assert tuple(answer.events) == HELLO
    assert ["temperature" in call.sent for call in bench.models.calls] == [True, False]
    assert answer.call is bench.models.calls[1]
    assert "heal" in bench.waterfall.ms()
    assert any("temperature" in note for note in answer.report()["notes"])


def test_a_second_refusal_is_not_healed() -> None:
    bench = Bench([REFUSAL, InvalidRequest("`top_p` is not supported for this model."), HELLO])
    with pytest.raises(InvalidRequest, match="top_p"):
        bench.answer(parameters=Parameters(temperature=0.5, top_p=0.4))
    assert len(bench.models.calls) == 2
    assert bench.outcome == "invalid_request"


def test_a_refusal_of_nothing_that_was_sent_is_raised_after_one_call() -> None:
    bench = Bench([InvalidRequest("the prompt is not nice"), HELLO])
    with pytest.raises(InvalidRequest, match="not nice"):
        bench.answer(parameters=warm())
    assert len(bench.models.calls) == 1


def test_a_rule_is_stored_after_the_last_byte_and_the_next_call_does_not_pay() -> None:
    bench = Bench([REFUSAL, HELLO, HELLO])
    answer = bench.answer(parameters=warm())
    list(answer.events)
    assert bench.rules.load() == {}
    answer.settle()
    assert list(bench.rules.load()[NOVA]) == ["temperature"]
    list(bench.answer(parameters=warm()).events)
    assert len(bench.models.calls) == 3


def test_a_rule_holds_for_others_from_the_healed_calls_first_event_on() -> None:
    bench = Bench([REFUSAL, (Heartbeat(), *HELLO), REFUSAL, HELLO, HELLO])
    first = bench.answer(parameters=warm())
    assert next(first.events) == Heartbeat()
    bench.answer(parameters=warm())
    assert ["temperature" in call.sent for call in bench.models.calls] == [True, False, True, False]
    bench.answer(parameters=warm())
    assert "temperature" not in bench.models.calls[4].sent


@pytest.mark.parametrize("after", [[UpstreamUnavailable("down")], [InvalidRequest("no")], [(Heartbeat(),)], [()]])
def test_a_rule_whose_call_gave_no_answer_is_not_learnt(after: list[Any]) -> None:
    bench = Bench([REFUSAL, *after, HELLO])
    with suppress(SlipstreamError):
        answer = bench.answer(parameters=warm())
        list(answer.events)
        answer.settle()
    assert bench.rules.load() == {}
    bench.answer(parameters=warm())
    assert "temperature" in bench.models.calls[-1].sent


def test_a_healed_call_that_breaks_before_its_first_event_teaches_nothing() -> None:
    bench = Bench([REFUSAL, HELLO, HELLO], cut_after=0, cut_with=StreamCut("broke off"))
    list(bench.answer(parameters=warm()).events)
    bench.answer(parameters=warm())
    assert "temperature" in bench.models.calls[-1].sent


def test_closing_a_healed_answer_closes_its_call() -> None:
    bench = Bench([REFUSAL, HELLO])
    answer = bench.answer(parameters=warm())
    answer.close()
    assert bench.models.closed == 1


def test_a_refusal_in_resolving_leaves_its_code_its_model_and_no_prompt() -> None:
    bench = Bench()
    bench.waterfall.facts["request_id"] = "r1"
    with pytest.raises(InvalidRequest):
        bench.answer(parameters=Parameters(max_tokens=0), tenant="acme")
    metrics, dimensions, properties = bench.metrics.rows[0]
    assert (metrics["requests"], metrics["errors"], dimensions) == (1, 1, {"model": NOVA})
    assert properties == {
        "outcome": "invalid_request", "tenant": "acme", "request_id": "r1", "region": bench.pipeline.region,
    }  # fmt: skip
    assert "Hi there" not in repr(bench.metrics.rows)
    assert "span_resolve_ms" in metrics


@pytest.mark.parametrize("name", ["no such model", "arn:aws:s3:::nonsense"])
def test_an_unknown_model_is_counted_as_unknown_not_under_the_callers_own_text(name: str) -> None:
    bench = Bench()
    with pytest.raises(SlipstreamError):
        bench.answer(model=name)
    assert bench.metrics.rows[0][1] == {"model": "unknown"}


def test_nor_is_one_that_nobody_may_call() -> None:
    bench = Bench([PermissionDenied("no identity-based policy allows the bedrock:InvokeModel action")])
    with pytest.raises(PermissionDenied):
        bench.answer(model="amazon.my-text")
    assert bench.metrics.rows[0][1] == {"model": "unknown"}


def test_nor_is_one_that_only_bedrock_could_know() -> None:
    bench = Bench([ModelNotFound("The provided model identifier is invalid.")])
    with pytest.raises(ModelNotFound):
        bench.answer(model="amazon.my-text")
    assert bench.metrics.rows[0][1] == {"model": "unknown"}
    assert bench.outcome == "model_not_found"


def test_a_refusal_in_planning_leaves_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()

    def refuse(_call: ResolvedCall) -> ResolvedCall:
        raise InvalidRequest("cannot be planned")

    monkeypatch.setattr(bench.planner, "plan", refuse)
    with pytest.raises(InvalidRequest):
        bench.answer()
    assert (bench.outcome, bench.metrics.rows[0][1]) == ("invalid_request", {"model": NOVA})


def test_a_key_without_the_right_to_a_model_leaves_a_metric() -> None:
    bench = Bench()
    with pytest.raises(PermissionDenied):
        bench.answer(allowed_models=("best",))
    assert bench.outcome == "permission_denied"


def test_usage_cost_and_outcome_are_in_report_and_metrics() -> None:
    bench = Bench()
    bench.waterfall.facts["request_id"] = "r1"
    answer = bench.answer(tenant="acme")
    list(answer.events)
    report = answer.report()
    answer.settle()
    metrics, dimensions, properties = bench.metrics.rows[0]
    assert report["tokens"] == {"input": 1000, "cached": 0, "cache_written": 0, "output": 2000}
    assert report["cost_usd"] == metrics["cost_usd"] > 0
    assert (report["model"], report["region"]) == (NOVA, "eu-west-1")
    assert report["ttft_ms"] == metrics["ttft_ms"] > 0
    assert {"resolve", "plan", "stream"} <= report["spans_ms"].keys()
    assert (metrics["input_tokens"], metrics["output_tokens"], metrics["errors"]) == (1000, 2000, 0)
    assert "span_settle_ms" in metrics
    assert dimensions == {"model": NOVA}
    assert properties == {"outcome": "ok", "tenant": "acme", "request_id": "r1", "region": "eu-west-1"}
    assert answer.stop_reason == "end_turn"


def test_the_first_token_is_neither_the_start_nor_a_sign_of_life() -> None:
    bench = Bench([(Heartbeat(), Started(), Heartbeat(), TextDelta("a"), TextDelta("b"), Stopped("end_turn"))])
    seen = [("ttft_ms" in bench.waterfall.facts, type(event)) for event in bench.answer().events]
    assert [told for told, _ in seen] == [False, False, False, True, True, True]


def test_the_time_to_the_first_token_is_not_moved_by_later_ones() -> None:
    bench = Bench()
    times = [bench.waterfall.facts.get("ttft_ms") for _ in bench.answer().events]
    assert times[0] is None
    assert len(set(times[1:])) == 1


def test_usage_is_observed_by_the_planner_after_the_last_byte_only() -> None:
    bench = Bench()
    answer = bench.answer()
    list(answer.events)
    assert bench.planner.observed == []
    answer.settle()
    assert bench.planner.observed == [(answer.call, Usage(1000, 2000))]


def test_without_usage_there_is_nothing_to_observe_and_no_cost() -> None:
    bench = Bench([HELLO[:-1]])
    answer = bench.answer()
    list(answer.events)
    answer.settle()
    assert bench.planner.observed == []
    assert answer.cost.usd is None
    assert bench.outcome == "ok"


def test_closing_early_closes_the_upstream_and_is_recorded_as_cut() -> None:
    bench = Bench()
    answer = bench.answer()
    next(answer.events)
    answer.events.close()  # type: ignore[attr-defined]
    answer.settle()
    assert bench.models.closed == 1
    assert bench.outcome == "cut"
    assert "stream" in bench.waterfall.ms()


def test_an_answer_that_breaks_is_recorded_by_its_error() -> None:
    bench = Bench(cut_after=2, cut_with=StreamCut("broke off"))
    answer = bench.answer()
    events = list(answer.events)
    answer.settle()
    assert isinstance(events[-1], Failed)
    assert bench.outcome == "stream_interrupted"
    assert bench.metrics.rows[0][0]["errors"] == 1


def test_an_error_raised_in_mid_stream_is_recorded_and_raised() -> None:
    def leave(event: Event) -> None:
        if isinstance(event, TextDelta):
            raise ClientGone("left")

    bench = Bench(on_event=leave)
    answer = bench.answer()
    with pytest.raises(ClientGone):
        list(answer.events)
    answer.settle()
    assert bench.outcome == "client_closed_request"
    assert all(span.end_ms is not None for span in bench.waterfall.spans if span.name == "stream")


@pytest.mark.parametrize("allowed", [("anthropic.*",), ("best",)])
def test_a_model_that_the_key_may_not_use_is_refused_before_any_call(allowed: tuple[str, ...]) -> None:
    bench = Bench()
    with pytest.raises(PermissionDenied):
        bench.answer(allowed_models=allowed)
    assert bench.models.calls == []


@pytest.mark.parametrize("allowed", [("fast",), ("amazon.*",), (NOVA,)])
def test_a_model_is_allowed_by_alias_id_or_glob(allowed: tuple[str, ...]) -> None:
    assert tuple(Bench().answer(allowed_models=allowed).events) == HELLO


def test_an_id_that_bedrock_does_not_know_either_is_told_with_the_nearest() -> None:
    bench = Bench([ModelNotFound("The provided model identifier is invalid.")])
    with pytest.raises(ModelNotFound) as refused:
        bench.answer(model="amazon.nova-lit-v1:0")
    assert NOVA in refused.value.message
    assert refused.value.param == "model"
