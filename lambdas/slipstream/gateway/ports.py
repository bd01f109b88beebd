"""What the pipeline needs from outside, as Protocols. `aws` implements them, `fakes` doubles them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgspec

from slipstream.chat.events import Event
from slipstream.disconnect import Disconnect
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall


class ModelPort(Protocol):
    """A model service."""

    def stream(self, call: ResolvedCall, waterfall: Waterfall, disconnect: Disconnect) -> Iterator[Event]:
        """Yield the answer's events. Opens spans ``connect`` (only if a new connection was made), ``bedrock_wait``
        (request sent → response head) and ``first_token`` (head → first content event).

        Raises a SlipstreamError before the first event; afterwards yields Failed and ends. Closing the iterator
        ends the upstream call at once. Yields Heartbeat when nothing came for the adapter's heartbeat time.
        When ``disconnect`` becomes readable, closes the upstream call and raises ClientGone.
        """
        ...


class MetricsSink(Protocol):
    """Takes one request's figures, after the last byte."""

    def record(self, metrics: dict[str, float], dimensions: dict[str, str], properties: dict[str, Any]) -> None:
        """Hand over metrics (name → value; the unit is in the name), dimensions and properties."""
        ...


class RawReply(msgspec.Struct):
    """A reply of Bedrock as it came: status, lower-case headers, and a body that arrives piece by piece."""

    status: int
    headers: list[tuple[str, str]]
    body: Iterator[bytes]
    """Closing it ends the upstream call."""


class PassthroughPort(Protocol):
    """Bedrock's operations that are handed on unread: invoke, invoke-with-response-stream, count-tokens."""

    def passthrough(
        self,
        model_id: str,
        operation: str,
        body: bytes,
        headers: Mapping[str, str],
        waterfall: Waterfall,
        disconnect: Disconnect,
    ) -> RawReply:
        """Send ``body`` to ``/model/{model_id}/{operation}`` and hand back the reply, whatever its status.

        ``headers`` (lower-case) go along besides the signature. Opens spans ``connect`` and ``bedrock_wait``.
        Raises UpstreamUnavailable or UpstreamTimeout where no reply came at all.
        """
        ...
