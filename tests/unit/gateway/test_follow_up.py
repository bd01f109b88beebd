"""A follow-up question to an index, from the conversation to the metrics, with everything outside in memory."""

from __future__ import annotations

import pytest

from slipstream.chat.events import Started, Stopped, TextDelta, Usage
from slipstream.chat.request import ChatRequest, Message, Text
from slipstream.errors import UpstreamTimeout
from slipstream.fakes.metrics import MemoryMetrics
from slipstream.fakes.model import Answer as Said
from slipstream.fakes.model import ScriptedModels
from slipstream.gateway.pipeline import Answer, Pipeline
from slipstream.models.cost import price_of
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolve import Resolver
from slipstream.retrieval.question.rewrite import ModelRewriter
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.retrieval.test_retrieve import ALONE, EARLIER, Asking

ASKED = ChatRequest(
    model="rag:docs",
    messages=[
        Message("user", [Text(EARLIER)]),
        Message("assistant", [Text("Yes.")]),
        Message("user", [Text("And how often?")]),
    ],
)


def saying(text: str, usage: Usage) -> Said:
    return [Started(), TextDelta(text), Stopped("end_turn"), usage]


def answered(*said: Said) -> tuple[Answer, MemoryMetrics]:
    models, metrics, resolver = ScriptedModels(said), MemoryMetrics(), Resolver()
    rewriter = ModelRewriter(models, resolver.resolve, model="fast", limit_ms=400)
    retriever = Asking(rewriter=rewriter).retriever
    pipeline = Pipeline(
        resolver=resolver, planner=PromptPlanner(), models=models, metrics=metrics, region="us-east-1",
        finds=lambda: retriever,
    )  # fmt: skip
    answer = pipeline.answer(ASKED, Waterfall())
    list(answer.events)
    answer.settle()
    return answer, metrics


def test_what_the_rewritten_question_cost_is_told_by_itself_and_counts_in_the_whole() -> None:
    answer, metrics = answered(saying(ALONE, Usage(120, 9)), saying("Once a year.", Usage(900, 5)))

    report = answer.report()
    rewrite = report["rag"]["rewrite"]
    assert report["rag"]["question"] == ALONE
    assert rewrite["tokens"] == {"input": 120, "output": 9}
    assert report["tokens"]["input"] == 900
    own = price_of(answer.call, Usage(900, 5)).usd
    assert own is not None
    assert report["cost_usd"] == pytest.approx(own + rewrite["cost_usd"])
    ((recorded, _, _),) = metrics.rows
    assert (recorded["rewrites"], recorded["rewrites_in_vain"]) == (1.0, 0.0)
    assert (recorded["rewrite_input_tokens"], recorded["rewrite_output_tokens"]) == (120, 9)
    assert recorded["cost_usd"] == pytest.approx(own + recorded["rewrite_cost_usd"])


def test_a_model_that_was_late_is_counted_and_the_answer_comes_all_the_same() -> None:
    answer, metrics = answered(UpstreamTimeout("late"), saying("Once a year.", Usage(900, 5)))

    report = answer.report()
    assert report["rag"]["rewrite"]["outcome"] == "late"
    assert "Service" in report["rag"]["question"]
    assert report["cost_usd"] == pytest.approx(price_of(answer.call, Usage(900, 5)).usd)
    ((recorded, _, _),) = metrics.rows
    assert recorded["rewrites_in_vain"] == 1.0
