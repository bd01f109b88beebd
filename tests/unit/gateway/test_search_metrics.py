"""What a search had to do without is counted, in answers and in searches, and nothing of its text is."""

from __future__ import annotations

import json

import msgspec
import pytest

from slipstream.chat.events import Started, Stopped, TextDelta, Usage
from slipstream.chat.request import ChatRequest, Message, Text
from slipstream.fakes.metrics import MemoryMetrics
from slipstream.fakes.model import ScriptedModels
from slipstream.gateway.app import create_app
from slipstream.gateway.pipeline import Pipeline
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolve import Resolver
from slipstream.retrieval.rerank import LocalReranker
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.gateway.scripted import drain, gateway, post
from tests.unit.retrieval.test_retrieve import Asking

QUESTION = "How often does the Key Management Service rotate a key?"
PARTS = ("missing_lexical", "missing_dense", "missing_rerank")


@pytest.fixture
def asking() -> Asking:
    return Asking()


def searched(asking: Asking) -> dict[str, float]:
    """The metrics of ``POST /v1/search``."""
    built = msgspec.structs.replace(gateway(), finds=lambda: asking.retriever)
    drain(create_app(built)(post("/v1/search", json.dumps({"index": "docs", "query": QUESTION}).encode())))
    return recorded(built.metrics)


def answered(asking: Asking, model: str = "rag:docs") -> dict[str, float]:
    """The metrics of an answer."""
    metrics = MemoryMetrics()
    pipeline = Pipeline(
        resolver=Resolver(),
        planner=PromptPlanner(),
        models=ScriptedModels([[Started(), TextDelta("Yearly."), Stopped("end_turn"), Usage(900, 5)]]),
        metrics=metrics,
        region="us-east-1",
        finds=lambda: asking.retriever,
    )
    answer = pipeline.answer(ChatRequest(model=model, messages=[Message("user", [Text(QUESTION)])]), Waterfall())
    list(answer.events)
    answer.settle()
    return recorded(metrics)


def recorded(sink: object) -> dict[str, float]:
    assert isinstance(sink, MemoryMetrics)
    ((metrics, dimensions, properties),) = sink.rows
    assert "Key Management" not in json.dumps([metrics, dimensions, properties])
    return metrics


@pytest.mark.parametrize("told", [searched, answered])
@pytest.mark.parametrize(("down", "missing"), [(set(), (0, 0)), ({"lexical"}, (1, 0)), ({"dense"}, (0, 1))])
def test_a_leg_that_is_missing_is_counted(
    asking: Asking, told: object, down: set[str], missing: tuple[float, float]
) -> None:
    assert callable(told)
    asking.desk.index.down = down

    metrics = told(asking)

    assert tuple(metrics[part] for part in PARTS) == (*missing, 0.0)


@pytest.mark.parametrize("told", [searched, answered])
def test_a_second_look_that_is_late_is_counted(asking: Asking, told: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(told)
    monkeypatch.setattr(LocalReranker, "scores", lambda *asked: None)

    assert told(asking)["missing_rerank"] == 1.0


def test_an_answer_that_searched_nothing_counts_nothing_missing(asking: Asking) -> None:
    assert not set(PARTS) & answered(asking, model="fast").keys()
