"""What of an answer is only known at its end, or has to be remembered until then."""

from __future__ import annotations

from slipstream.chat.events import Event, Failed, ReasoningDelta, Stopped, Usage
from slipstream.errors import ModelFailed, StreamCut
from slipstream.gateway.openai.usage import BROKEN

ReasoningDetail = dict[str, str | int]


class Tally:
    """Collects whole reasoning blocks, and how the answer ended."""

    __slots__ = ("_open", "stopped", "usage")

    def __init__(self) -> None:
        self.stopped: Stopped | None = None
        self.usage: Usage | None = None
        self._open: dict[int, str] = {}

    def ending(self, event: Event) -> None:
        """Take in an event that is no content. Raises what Failed carries, so that no wire can overlook it."""
        if isinstance(event, Stopped):
            self.stopped = event
        elif isinstance(event, Usage):
            self.usage = event
        elif isinstance(event, Failed):
            raise event.error

    def reasoning(self, delta: ReasoningDelta) -> ReasoningDetail | None:
        """Take in a piece of reasoning; hand back the whole block once its signature (or its redacted data) came.

        Clients send such a block back unchanged in ``reasoning_details``; without it, models that think between
        tool calls refuse the next turn.
        """
        if delta.redacted is not None:
            return {"type": "reasoning.encrypted", "data": delta.redacted, "index": delta.block}
        text = self._open.get(delta.block, "") + delta.text
        self._open[delta.block] = text
        if delta.signature is None:
            return None
        return {"type": "reasoning.text", "text": text, "signature": delta.signature, "index": delta.block}

    def finished(self) -> Stopped:
        """How the answer ended. Raises StreamCut when it did not, ModelFailed when what came is not an answer."""
        if self.stopped is None:
            raise StreamCut("the answer broke off before its end; send the request again")
        if self.stopped.reason in BROKEN:
            raise ModelFailed(f"the model's answer is not usable ({self.stopped.reason}); send the request again")
        return self.stopped
