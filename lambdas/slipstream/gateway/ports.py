"""What the pipeline needs from outside, as Protocols. `aws` implements them, `fakes` doubles them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from slipstream.chat.events import Event
from slipstream.gateway.http import Disconnect
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


class ParameterRuleStore(Protocol):
    """Rules learnt from rejected calls, shared between environments."""

    def load(self) -> dict[str, dict[str, float]]:
        """Model id → rule (what it rejects, see models/self_healing.py) → Unix time (s) until which it is believed."""
        ...

    def remember(self, model_id: str, rule: str, until_s: float) -> None:
        """Store a rule; must not raise (a rule that is lost is learnt again)."""
        ...


class ProfileResolver(Protocol):
    """Inference-profile ARNs → model ids."""

    def model_of(self, profile_arn: str) -> str:
        """The foundation-model id behind an application or system inference profile. Raises ModelNotFound."""
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


class Embeddings(msgspec.Struct, frozen=True):
    """One vector a text, in the texts' order, and the input tokens that the model counted for all of them."""

    vectors: list[list[float]]
    input_tokens: int = 0


class Embedder(Protocol):
    """A service that turns texts into vectors."""

    def embed(
        self, model_id: str, texts: Sequence[str], dimensions: int | None, waterfall: Waterfall, disconnect: Disconnect
    ) -> Embeddings:
        """Embed ``texts`` with ``model_id`` (an alias is already resolved); ``dimensions`` None: the model's own.

        Raises InvalidRequest (``param`` ``dimensions`` or ``input[i]``), ModelNotFound, or what Bedrock says.
        """
        ...
