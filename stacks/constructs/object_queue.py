"""From the documents bucket to whoever loads: a queue of its events, with a second one for what cannot be loaded."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

ATTEMPTS = 5
KEPT_DAYS = 14
"""The most that SQS keeps a message."""
ROUNDS = 6
"""Function timeouts that a message stays hidden, as Lambda asks for: a batch may wait for a free function."""


class ObjectQueue(Construct):
    """``queue`` gets an event for each object that is written to or deleted from ``bucket``; what fails ``ATTEMPTS``
    times, or for good, lies in ``dead_letters`` for ``KEPT_DAYS``.
    """

    def __init__(self, scope: Construct, construct_id: str, *, bucket: s3.IBucket, work_timeout_s: int) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = self._queue("DeadLetters")
        self.queue = self._queue(
            "Queue",
            visibility_timeout=Duration.seconds(ROUNDS * work_timeout_s),
            dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=ATTEMPTS, queue=self.dead_letters),
        )
        events.Rule(
            self,
            "Changes",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created", "Object Deleted"],
                detail={"bucket": {"name": [bucket.bucket_name]}},
            ),
            targets=[targets.SqsQueue(self.queue)],
        )

    def _queue(
        self,
        name: str,
        *,
        visibility_timeout: Duration | None = None,
        dead_letter_queue: sqs.DeadLetterQueue | None = None,
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            name,
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            retention_period=Duration.days(KEPT_DAYS),
            visibility_timeout=visibility_timeout,
            dead_letter_queue=dead_letter_queue,
        )
