"""What of the domain somebody has to know of, before or when it hurts."""

from __future__ import annotations

from typing import Literal, NamedTuple

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.constructs.search_domain import DomainSize

FREE_SHARE = 0.25
MIB_A_GB = 1024
_Compare = cloudwatch.ComparisonOperator


class DomainAlarm(NamedTuple):
    """Rings when ``metric`` was at ``threshold`` or beyond it for ``periods`` periods of ``minutes`` in a row."""

    metric: str
    threshold: float
    says: str
    statistic: Literal["Maximum", "Minimum", "Average", "Sum"] = "Maximum"
    minutes: int = 5
    periods: int = 1
    below: bool = False


def alarms(size: DomainSize) -> list[DomainAlarm]:
    """The alarms of a domain of this size. Names and units of the metrics: AWS/ES."""
    free_mib = size.volume_gb * MIB_A_GB * FREE_SHARE
    found = [
        DomainAlarm("ClusterStatus.red", 1, "a primary shard is missing: some documents cannot be found", minutes=1),
        DomainAlarm("ClusterStatus.yellow", 1, "a replica is missing: the next failure loses documents", periods=6),
        DomainAlarm("FreeStorageSpace", free_mib, "a disk is three quarters full: raise search_volume_gb",
                    statistic="Minimum", below=True),
        DomainAlarm("ClusterIndexWritesBlocked", 1, "the domain refuses documents: disk or memory is full"),
        DomainAlarm("JVMMemoryPressure", 90, "the heap is nearly full: choose a larger search_instance", periods=3),
        DomainAlarm("CPUUtilization", 80, "processors are busy: choose a larger search_instance or add nodes",
                    statistic="Average", periods=3),
        DomainAlarm("KNNGraphMemoryUsagePercentage", 80, "vectors nearly fill their memory: quantize or grow"),
        DomainAlarm("5xx", 10, "the domain fails requests", statistic="Sum"),
        DomainAlarm("AutomatedSnapshotFailure", 1, "last night's snapshot failed"),
    ]  # fmt: skip
    if size.master:
        found += [
            DomainAlarm("MasterReachableFromNode", 0, "no master is reachable", periods=3, below=True),
            DomainAlarm("MasterCPUUtilization", 50, "the masters are busy", statistic="Average", periods=3),
            DomainAlarm("MasterJVMMemoryPressure", 90, "the masters' heap is nearly full", periods=3),
        ]
    return found


class SearchAlarms(Construct):
    """One alarm a row of ``alarms``, and one on the messages that ingestion gave up; all tell ``topic``."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        domain_name: str,
        size: DomainSize,
        dead_letters: cloudwatch.IMetric,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._tell = actions.SnsAction(topic)
        dimensions = {"DomainName": domain_name, "ClientId": Stack.of(self).account}
        for each in alarms(size):
            metric = cloudwatch.Metric(
                namespace="AWS/ES",
                metric_name=each.metric,
                dimensions_map=dimensions,
                statistic=each.statistic,
                period=Duration.minutes(each.minutes),
            )
            self._add(each.metric.replace(".", ""), metric, each)
        given_up = DomainAlarm("DeadLetters", 1, "documents could not be loaded: `slipstream index failures NAME`")
        self._add(given_up.metric, dead_letters, given_up)

    def _add(self, name: str, metric: cloudwatch.IMetric, alarm: DomainAlarm) -> None:
        cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=alarm.threshold,
            evaluation_periods=alarm.periods,
            comparison_operator=(
                _Compare.LESS_THAN_OR_EQUAL_TO_THRESHOLD if alarm.below else _Compare.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
            ),
            alarm_description=f"Slipstream: {alarm.says}",
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        ).add_alarm_action(self._tell)
