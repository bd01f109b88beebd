"""A function that CloudFormation calls for a custom resource: its event in, its answer to the address in the event."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from slipstream.errors import SlipstreamError

REASON_CHARACTERS = 1000
"""CloudFormation takes 4 KB for the whole answer."""
ANSWER_TIMEOUT_S = 10.0


def settle(event: Mapping[str, Any], work: Callable[[Mapping[str, Any]], list[str]], *, physical_id: str) -> None:
    """Do ``work`` with the resource's properties, and say how it went. A deletion does nothing: what was put into an
    engine goes with the engine. Whatever goes wrong is told, for CloudFormation waits an hour for a silent function.
    """
    status, reason = "SUCCESS", ""
    if event["RequestType"] != "Delete":
        try:
            reason = f"in place: {', '.join(work(event['ResourceProperties']))}"
        except SlipstreamError as error:
            status, reason = "FAILED", f"{error.code}: {error.message}"
        except Exception as error:
            status, reason = "FAILED", f"{type(error).__name__}: {error}"
    answer = {
        "Status": status,
        "Reason": reason[:REASON_CHARACTERS],
        "PhysicalResourceId": physical_id,
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    # The address is signed for a request without a content type.
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own address
        event["ResponseURL"], json.dumps(answer).encode(), {"content-type": ""}, method="PUT"
    )
    urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S).close()  # noqa: S310
