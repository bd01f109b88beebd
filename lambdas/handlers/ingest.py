"""Objects of the documents bucket into the index that their key names: S3 → EventBridge → SQS → here."""

from __future__ import annotations

import os
from functools import cache
from time import perf_counter
from typing import Any

from slipstream.retrieval.object_events import Message, ObjectEvents

SPARE_S = 20.0
"""Seconds before the function's end in which nothing is begun."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Lambda's entry: a batch of messages, of which only the failed ones come again."""
    until_s = perf_counter() + context.get_remaining_time_in_millis() / 1000 - SPARE_S
    return respond(event, _events(), until_s)


def respond(event: dict[str, Any], events: ObjectEvents, until_s: float) -> dict[str, Any]:
    """The partial batch response."""
    messages = [Message(record["messageId"], record["body"]) for record in event["Records"]]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in events.work(messages, until_s)]}


@cache
def _events() -> ObjectEvents:
    from slipstream.runtime.ingest_parts import build_object_events, read_ingest_settings

    return build_object_events(read_ingest_settings(os.environ), os.environ)
