"""Runs of pre-computation as executions of a Step Functions state machine."""

from __future__ import annotations

import msgspec

from slipstream.aws.json_service import JsonService, ServiceError
from slipstream.aws.places import Authorizes, Places
from slipstream.aws.transport import Transport

STATES = {"RUNNING": "running", "PENDING_REDRIVE": "running", "SUCCEEDED": "succeeded"}
"""All others (FAILED, TIMED_OUT, ABORTED) are failures."""


class StateMachine:
    """A Machine over the state machine of that ARN. Raises ServiceError, UpstreamUnavailable, UpstreamTimeout."""

    def __init__(self, arn: str, *, transport: Transport, auth: Authorizes, places: Places) -> None:
        self._arn = arn
        self._service = JsonService(
            "states", target="AWSStepFunctions", version="1.0", transport=transport, auth=auth, places=places
        )

    def start(self, run: str, *, refill: bool) -> None:
        """See Machine. The run is the execution's name, so that a repeat of the call starts no second one."""
        told = msgspec.json.encode({"refill": refill}).decode()
        self._service.call("StartExecution", {"stateMachineArn": self._arn, "name": run, "input": told})

    def state(self, run: str) -> str | None:
        """See Machine."""
        arn = f"{self._arn.replace(':stateMachine:', ':execution:', 1)}:{run}"
        try:
            found = self._service.call("DescribeExecution", {"executionArn": arn})
        except ServiceError as error:
            if error.retryable:
                raise
            return None  # none of that name, or this function may not look
        return STATES.get(found["status"], "failed")
