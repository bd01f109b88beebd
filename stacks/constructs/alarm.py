"""One alarm: what somebody has to know of, before or when it hurts."""

from __future__ import annotations

from typing import Literal, NamedTuple

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

_Compare = cloudwatch.ComparisonOperator


class Rings(NamedTuple):
    """When ``metric`` was at ``threshold`` or beyond it for ``periods`` periods of ``minutes`` in a row."""

    metric: str
    threshold: float
    says: str
    statistic: Literal["Maximum", "Minimum", "Average", "Sum"] = "Maximum"
    minutes: int = 5
    periods: int = 1
    below: bool = False


def add_alarm(scope: Construct, *, metric: cloudwatch.IMetric, rings: Rings, topic: sns.ITopic) -> None:
    """An alarm that tells ``topic``; silence is no reason to ring."""
    compare = _Compare.LESS_THAN_OR_EQUAL_TO_THRESHOLD if rings.below else _Compare.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
    cloudwatch.Alarm(
        scope,
        rings.metric.replace(".", ""),
        metric=metric,
        threshold=rings.threshold,
        evaluation_periods=rings.periods,
        comparison_operator=compare,
        alarm_description=f"Slipstream: {rings.says}",
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    ).add_alarm_action(actions.SnsAction(topic))
