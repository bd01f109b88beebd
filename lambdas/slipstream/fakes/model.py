"""A model service in memory: scripted answers, an echo, faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from slipstream.chat.events import Event, Failed, Started, Stopped, TextDelta, Usage
from slipstream.chat.request import Text
from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import ClientGone, SlipstreamError
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall

Answer = Sequence[Event] | SlipstreamError


class ScriptedModels:
    """Implements gateway.ports.ModelPort. ``calls`` keeps what was asked.

    ``answers`` are used up in order, one a call; an error among them is raised before the first event. When they are
    used up, and from the start without any, the last user message comes back word by word. ``cut_after`` events every
    answer breaks off with ``cut_with``.
    """

    def __init__(
        self,
        answers: Sequence[Answer] = (),
        *,
        cut_after: int | None = None,
        cut_with: SlipstreamError | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._answers = list(answers)
        self._cut_after = cut_after
        self._cut_with = cut_with
        self._on_event = on_event
        self.calls: list[ResolvedCall] = []
        self.closed = 0
        """Answers that their reader closed before the end."""

    def stream(self, call: ResolvedCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Iterator[Event]:
        """See ModelPort.stream."""
        self.calls.append(call)
        answer: Answer = self._answers.pop(0) if self._answers else echo(call)
        waterfall.end(waterfall.begin("bedrock_wait"))
        if isinstance(answer, SlipstreamError):
            raise answer
        first = waterfall.begin("first_token")
        try:
            for position, event in enumerate(answer):
                if disconnect.gone():
                    raise ClientGone("the client closed its connection before the answer was complete")
                if self._cut_with is not None and position == self._cut_after:
                    yield Failed(self._cut_with)
                    return
                if first.end_ms is None and type(event) is not Started:
                    waterfall.end(first)
                if self._on_event is not None:
                    self._on_event(event)
                yield event
        except GeneratorExit:
            self.closed += 1
            raise


def echo(call: ResolvedCall) -> list[Event]:
    """The last message's text, word by word; a token is a word."""
    texts = [part.text for part in call.request.messages[-1].content if isinstance(part, Text)]
    words = " ".join(texts).split(" ")
    pieces = [word if at == len(words) - 1 else f"{word} " for at, word in enumerate(words)]
    limit = call.sent.get("max_tokens")
    kept = pieces if limit is None else pieces[:limit]
    reason = "end_turn" if len(kept) == len(pieces) else "max_tokens"
    usage = Usage(input_tokens=len(words), output_tokens=len(kept))
    return [Started(), *[TextDelta(piece) for piece in kept], Stopped(reason), usage]
