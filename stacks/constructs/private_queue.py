"""A queue in this project's one layout: encrypted, spoken to over TLS, keeping what waits as long as SQS can."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

KEPT_DAYS = 14
"""The most that SQS keeps a message."""


def private_queue(scope: Construct, name: str, **more: Any) -> sqs.Queue:
    """``more``: what else a queue takes."""
    return sqs.Queue(
        scope,
        name,
        enforce_ssl=True,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        retention_period=Duration.days(KEPT_DAYS),
        **more,
    )
