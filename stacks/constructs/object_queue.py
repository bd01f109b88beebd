"""From the documents bucket to whoever loads: a queue of its events, with a second one for what cannot be loaded."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.private_queue import private_queue

ATTEMPTS = 5
ROUNDS = 6
"""Function timeouts that a message stays hidden, as Lambda asks for: a batch may wait for a free function."""


class ObjectQueue(Construct):
    """``queue`` gets an event for each object that is written to or deleted from ``bucket``; what fails ``ATTEMPTS``
    times, or for good, lies in ``dead_letters``.
    """

    def __init__(self, scope: Construct, construct_id: str, *, bucket: s3.IBucket, work_timeout_s: int) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = private_queue(self, "DeadLetters")
        self.queue = private_queue(
            self,
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
