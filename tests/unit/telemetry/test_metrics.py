"""Metrics leave as lines that CloudWatch understands."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from slipstream.telemetry.metrics import EmfSink, unit_of


def recorded(metrics: dict[str, float], **properties: Any) -> dict[str, Any]:
    out = io.StringIO()
    EmfSink("Slipstream", out).record(metrics, {"model": "m"}, properties)
    line: dict[str, Any] = json.loads(out.getvalue())
    return line


def test_each_metric_is_declared_with_the_unit_of_its_name() -> None:
    line = recorded({"ttft_ms": 12.5, "input_tokens": 7.0, "cost_usd": 0.1})
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert {m["Name"]: m["Unit"] for m in directive["Metrics"]} == {
        "ttft_ms": "Milliseconds",
        "input_tokens": "Count",
        "cost_usd": "None",
    }
    assert line["ttft_ms"] == 12.5


def test_figures_are_kept_by_model_and_over_all_models() -> None:
    line = recorded({"requests": 1.0})
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[], ["model"]]
    assert line["model"] == "m"


def test_properties_travel_beside_the_metrics() -> None:
    assert recorded({"requests": 1.0}, outcome="ok")["outcome"] == "ok"


def test_a_sink_that_cannot_be_written_to_raises_nothing() -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError("no space left")

    EmfSink("Slipstream", Full()).record({"requests": 1.0}, {}, {})


@pytest.mark.parametrize(("name", "unit"), [("span_plan_ms", "Milliseconds"), ("requests", "Count")])
def test_the_unit_comes_from_the_end_of_the_name(name: str, unit: str) -> None:
    assert unit_of(name) == unit
