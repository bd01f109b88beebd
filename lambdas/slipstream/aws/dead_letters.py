"""Dead letters in SQS: messages with the reason beside them, and their way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from slipstream.aws.objects import told
from slipstream.retrieval.failures import FailureRecord, Replayed
from slipstream.retrieval.object_events import place_of

AT_ONCE = 10
"""SQS's own limit."""
MOST_TAKEN = 500
"""In one call: each takes two requests to send back."""
HIDDEN_S = 60
"""While a replay looks through the queue, others do not see what it holds."""


class SqsDeadLetters:
    """DeadLetters over boto3's ``client`` of SQS: ``queue_url`` is worked on, ``dead_url`` holds what failed."""

    def __init__(self, client: Any, *, queue_url: str, dead_url: str) -> None:
        self._client = client
        self._queue_url = queue_url
        self._dead_url = dead_url

    def bury(self, message: str, record: FailureRecord) -> None:
        """See DeadLetters."""
        facts = {"index": record.index, "origin": record.origin, "code": record.code, "reason": record.reason[:1000]}
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in facts.items()}
        with told("the queue of dead letters"):
            self._client.send_message(QueueUrl=self._dead_url, MessageBody=message, MessageAttributes=attributes)

    def replay(self, index: str, is_late: Callable[[], bool] = lambda: False) -> Replayed:
        """See DeadLetters. A message is deleted there only once it is back: at worst it is worked on twice.

        All are taken before the first goes back: one that fails again is buried anew within a second, and would be
        found here over and over. Where they are too many for one call the next goes on behind them: those of other
        indexes stay hidden, and what there was no time for is seen again when it is no longer hidden.
        """
        count = 0
        with told("the queue of dead letters"):
            taken: list[dict[str, Any]] = []
            while messages := self._receive():
                taken += messages
                if len(taken) >= MOST_TAKEN or is_late():
                    break
            finished = not messages
            for message in taken:
                if is_late():
                    return Replayed(count, finished=False)
                handle = message["ReceiptHandle"]
                if _index_of(message["Body"]) != index:
                    if not finished:
                        continue
                    self._client.change_message_visibility(
                        QueueUrl=self._dead_url, ReceiptHandle=handle, VisibilityTimeout=0
                    )
                    continue
                self._client.send_message(QueueUrl=self._queue_url, MessageBody=message["Body"])
                self._client.delete_message(QueueUrl=self._dead_url, ReceiptHandle=handle)
                count += 1
        return Replayed(count, finished)

    def _receive(self) -> list[dict[str, Any]]:
        got = self._client.receive_message(
            QueueUrl=self._dead_url, MaxNumberOfMessages=AT_ONCE, VisibilityTimeout=HIDDEN_S, WaitTimeSeconds=1
        )
        found: list[dict[str, Any]] = got.get("Messages", [])
        return found


def _index_of(body: str) -> str:
    try:
        return place_of(body).index
    except msgspec.MsgspecError:
        return ""
