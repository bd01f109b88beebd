"""An answer → server-sent events of ``chat.completion.chunk``.

A piece of text costs one encoding of that text between two constant byte strings: this runs once a token.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from slipstream.chat.events import Event, Heartbeat, ReasoningDelta, TextDelta, ToolCallDelta, ToolCallStarted
from slipstream.errors import ClientGone, SlipstreamError
from slipstream.gateway.openai import errors, usage
from slipstream.gateway.openai.answer import Answer, Reply, close, reply_of
from slipstream.gateway.openai.tally import Tally

HEARTBEAT = b": heartbeat\n\n"
DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.encode


def stream(answer: Answer) -> Iterator[bytes]:
    """Yield the stream's bytes, each item to be written at once.

    The first item carries content (the role travels with it). The last one carries the finish reason, token counts if
    they were asked for, the ``slipstream`` object and ``[DONE]``. An answer that fails ends in an error event
    instead, without ``[DONE]``: OpenAI's SDKs raise APIError on it. Closing the iterator closes the answer's events.
    """
    request = answer.call.request
    chunks = Chunks(reply_of(request, "chat.completion.chunk"), request.include_usage)
    events = answer.events
    try:
        for event in events:
            if isinstance(event, TextDelta):
                if event.text:
                    yield chunks.text(event.text)
            elif data := chunks.other(event):
                yield data
        yield chunks.ending(answer)
    except ClientGone:
        raise
    except SlipstreamError as error:
        yield b"data: " + errors.encode_body(error) + b"\n\n"
    finally:
        close(events)


class Chunks:
    """Encodes one answer's events; ``with_usage`` as asked in ``stream_options.include_usage``."""

    __slots__ = ("_arguments_missing", "_began", "_head", "_reply", "_tail", "_tally", "_text_head", "_tools", "_usage")

    def __init__(self, reply: Reply, with_usage: bool) -> None:
        self._reply = reply
        self._usage: dict[str, Any] = {"usage": None} if with_usage else {}
        self._head = b"data: " + _encode(reply)[:-1] + b',"choices":[{"index":0,"delta":{'
        self._tail = b'},"logprobs":null,"finish_reason":null}]' + (b',"usage":null}\n\n' if with_usage else b"}\n\n")
        self._text_head = self._head + b'"content":'
        self._began = False
        self._tools: dict[int, int] = {}
        self._arguments_missing: int | None = None
        self._tally = Tally()

    def text(self, text: str) -> bytes:
        """A piece of visible text."""
        if self._began:
            return self._text_head + _encode(text) + self._tail
        return self._delta(b'"content":' + _encode(text), b"")

    def other(self, event: Event) -> bytes:
        """Any other event; empty where there is nothing to write yet. Raises what Failed carries."""
        if isinstance(event, ToolCallDelta):
            return self._arguments(event)
        if isinstance(event, ToolCallStarted):
            return self._call(event)
        if isinstance(event, ReasoningDelta):
            return self._reasoning(event)
        if isinstance(event, Heartbeat):
            return HEARTBEAT
        self._tally.ending(event)
        return b""

    def _delta(self, fields: bytes, content: bytes = b'"content":null,') -> bytes:
        if self._began:
            return self._head + fields + self._tail
        self._began = True
        return self._head + b'"role":"assistant",' + content + fields + self._tail

    def _call(self, event: ToolCallStarted) -> bytes:
        missing = self._complete_arguments()
        index = self._tools[event.block] = len(self._tools)
        self._arguments_missing = index
        function = {"name": event.name, "arguments": ""}
        call = {"index": index, "id": event.id, "type": "function", "function": function}
        return missing + self._delta(b'"tool_calls":' + _encode([call]))

    def _arguments(self, event: ToolCallDelta) -> bytes:
        if not event.arguments:
            return b""
        self._arguments_missing = None
        return self._delta(
            b'"tool_calls":[{"index":%d,"function":{"arguments":%b}}]'
            % (self._tools[event.block], _encode(event.arguments))
        )

    def _complete_arguments(self) -> bytes:
        """A call that ended without arguments gets an empty object: clients parse the arguments of every call."""
        index, self._arguments_missing = self._arguments_missing, None
        if index is None:
            return b""
        return self._delta(b'"tool_calls":[{"index":%d,"function":{"arguments":"{}"}}]' % index)

    def _reasoning(self, event: ReasoningDelta) -> bytes:
        fields: dict[str, Any] = {"reasoning_content": event.text} if event.text else {}
        whole = self._tally.reasoning(event)
        if whole is not None:
            fields["reasoning_details"] = [whole]
        return self._delta(_encode(fields)[1:-1]) if fields else b""

    def ending(self, answer: Answer) -> bytes:
        """Everything after the last content, in one piece. Raises StreamCut or ModelFailed if it is no ending."""
        tally = self._tally
        reason = usage.finish_reason(tally.finished().reason, bool(self._tools))
        missing = self._complete_arguments()
        delta = {} if self._began else {"role": "assistant", "content": ""}
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        report = {**usage.tier(tally.usage), "slipstream": answer.report()}
        if not self._usage:
            return missing + self._chunk([choice], report) + DONE
        counts = {"usage": usage.encode(tally.usage) if tally.usage else None}
        return missing + self._chunk([choice], self._usage) + self._chunk([], {**counts, **report}) + DONE

    def _chunk(self, choices: list[Any], more: dict[str, Any]) -> bytes:
        return b"data: " + _encode({**self._reply, "choices": choices, **more}) + b"\n\n"
