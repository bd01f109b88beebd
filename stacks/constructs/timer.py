"""Calls one thing whenever a schedule says so: EventBridge Scheduler, with its role and what it could not deliver."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

ATTEMPTS = 5
GIVEN_UP_AFTER_S = 3600
"""A call that comes an hour late is left to the next one."""


@dataclass(frozen=True, slots=True)
class Times:
    """``expression``: cron or rate, of ``time_zone``; the call comes within ``window_minutes`` of it, 0: at once."""

    expression: str
    time_zone: str = "UTC"
    window_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Called:
    """``arn``, by the right to ``action``, with ``payload`` as JSON."""

    arn: str
    action: str
    payload: dict[str, Any]


class Timer(Construct):
    """``name``: of the schedule, in ``group``. What fails ``ATTEMPTS`` times lies in ``dead_letters``."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        times: Times,
        called: Called,
        group: scheduler.CfnScheduleGroup,
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        window = scheduler.CfnSchedule.FlexibleTimeWindowProperty
        schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            group_name=group.ref,
            schedule_expression=times.expression,
            schedule_expression_timezone=times.time_zone,
            flexible_time_window=(
                window(mode="FLEXIBLE", maximum_window_in_minutes=times.window_minutes)
                if times.window_minutes
                else window(mode="OFF")
            ),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=called.arn,
                role_arn=self._role(called, group, dead_letters).role_arn,
                input=json.dumps(called.payload),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=ATTEMPTS, maximum_event_age_in_seconds=GIVEN_UP_AFTER_S
                ),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=dead_letters.queue_arn),
            ),
        )
        self.name = schedule.ref

    def _role(self, called: Called, group: scheduler.CfnScheduleGroup, dead_letters: sqs.IQueue) -> iam.Role:
        """Schedules of this group alone may take it: else anybody's could have Scheduler act in their place."""
        own = {"aws:SourceAccount": Stack.of(self).account, "aws:SourceArn": group.attr_arn}
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions={"StringEquals": own}),
        )
        for action, resource in ((called.action, called.arn), ("sqs:SendMessage", dead_letters.queue_arn)):
            role.add_to_policy(iam.PolicyStatement(actions=[action], resources=[resource]))
        return role
