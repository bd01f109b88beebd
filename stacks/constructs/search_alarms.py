"""What of the domain somebody has to know of, before or when it hurts."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.constructs.alarm import Rings, add_alarm
from stacks.constructs.search_domain import DomainSize

FREE_SHARE = 0.25
MIB_A_GB = 1024


def alarms(size: DomainSize) -> list[Rings]:
    """The alarms of a domain of this size. Names and units of the metrics: AWS/ES."""
    free_mib = size.volume_gb * MIB_A_GB * FREE_SHARE
    found = [
        Rings("ClusterStatus.red", 1, "a primary shard is missing: some documents cannot be found", minutes=1),
        Rings("ClusterStatus.yellow", 1, "a replica is missing: the next failure loses documents", periods=6),
        Rings("FreeStorageSpace", free_mib, "a disk is three quarters full: raise search_volume_gb",
                    statistic="Minimum", below=True),
        Rings("ClusterIndexWritesBlocked", 1, "the domain refuses documents: disk or memory is full"),
        Rings("JVMMemoryPressure", 90, "the heap is nearly full: choose a larger search_instance", periods=3),
        Rings("CPUUtilization", 80, "processors are busy: choose a larger search_instance or add nodes",
                    statistic="Average", periods=3),
        Rings("KNNGraphMemoryUsagePercentage", 80, "vectors nearly fill their memory: quantize or grow"),
        Rings("5xx", 10, "the domain fails requests", statistic="Sum"),
        Rings("AutomatedSnapshotFailure", 1, "last night's snapshot failed"),
    ]  # fmt: skip
    if size.master:
        found += [
            Rings("MasterReachableFromNode", 0, "no master is reachable", periods=3, below=True),
            Rings("MasterCPUUtilization", 50, "the masters are busy", statistic="Average", periods=3),
            Rings("MasterJVMMemoryPressure", 90, "the masters' heap is nearly full", periods=3),
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
        dimensions = {"DomainName": domain_name, "ClientId": Stack.of(self).account}
        for each in alarms(size):
            metric = cloudwatch.Metric(
                namespace="AWS/ES",
                metric_name=each.metric,
                dimensions_map=dimensions,
                statistic=each.statistic,
                period=Duration.minutes(each.minutes),
            )
            add_alarm(self, metric=metric, rings=each, topic=topic)
        given_up = Rings("DeadLetters", 1, "documents could not be loaded: `slipstream index failures NAME`")
        add_alarm(self, metric=dead_letters, rings=given_up, topic=topic)
