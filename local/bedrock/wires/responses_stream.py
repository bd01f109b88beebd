"""The events of a streamed response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from local.bedrock.errors import BedrockError
from local.bedrock.prompt import Outcome, TextOut, ThoughtOut, ToolOut
from local.bedrock.run import Run
from local.bedrock.wires.openai_schema import sse

ERROR_CODES = {"ValidationException": "invalid_value", "ServiceUnavailableException": "server_is_overloaded"}


class ItemJson(Protocol):
    """Makes the JSON of one output item."""

    def __call__(self, run: Run, index: int, block: TextOut | ToolOut, text: str, *, done: bool) -> dict[str, Any]:
        """Return the item, begun or done."""
        ...


class ResponsesEncoder:
    """Encodes one answer; every event carries its number."""

    def __init__(
        self, run: Run, response: Callable[[Run, list[dict[str, Any]], Outcome | None], dict[str, Any]], item: ItemJson
    ) -> None:
        self._run, self._response, self._item = run, response, item
        self._number = 0
        self._done: list[dict[str, Any]] = []
        self._ids: dict[int, str] = {}

    def _event(self, kind: str, body: dict[str, Any]) -> bytes:
        framed = {"type": kind, "sequence_number": self._number} | body
        self._number += 1
        return sse(framed, kind)

    def _at(self, index: int, block: TextOut | ToolOut) -> dict[str, Any]:
        place: dict[str, Any] = {"item_id": self._ids[index], "output_index": index}
        if isinstance(block, ThoughtOut):
            return place | {"summary_index": 0}
        return place | {"content_index": 0} if isinstance(block, TextOut) else place

    def open(self) -> bytes:
        """Encode response.created and response.in_progress."""
        response = self._response(self._run, [], None)
        created = self._event("response.created", {"response": response})
        return created + self._event("response.in_progress", {"response": response})

    def start(self, index: int, block: TextOut | ToolOut) -> bytes:
        """Encode response.output_item.added, and for text or a summary the event that its part is added."""
        item = self._item(self._run, index, block, "", done=False)
        self._ids[index] = item["id"]
        out = self._event("response.output_item.added", {"output_index": index, "item": item})
        if isinstance(block, ThoughtOut):
            added = {"part": {"type": "summary_text", "text": ""}}
            out += self._shown(block, "response.reasoning_summary_part.added", index, added)
        elif isinstance(block, TextOut):
            out += self._event("response.content_part.added", self._at(index, block) | {"part": _part("")})
        return out

    def delta(self, index: int, block: TextOut | ToolOut, piece: str) -> bytes:
        """Encode response.output_text.delta, …reasoning_summary_text.delta or …function_call_arguments.delta."""
        if isinstance(block, ThoughtOut):
            return self._shown(block, "response.reasoning_summary_text.delta", index, {"delta": piece})
        if isinstance(block, TextOut):
            body = self._at(index, block) | {"delta": piece, "logprobs": []}
            return self._event("response.output_text.delta", body)
        return self._event("response.function_call_arguments.delta", self._at(index, block) | {"delta": piece})

    def _shown(self, block: ThoughtOut, kind: str, index: int, body: dict[str, Any]) -> bytes:
        """An event of a summary; nothing where none was asked for."""
        return self._event(kind, self._at(index, block) | body) if block.show else b""

    def stop(self, index: int, block: TextOut | ToolOut, text: str) -> bytes:
        """The .done events of a block."""
        at = self._at(index, block)
        if isinstance(block, ThoughtOut):
            part = {"part": {"type": "summary_text", "text": text}}
            out = self._shown(block, "response.reasoning_summary_text.done", index, {"text": text})
            out += self._shown(block, "response.reasoning_summary_part.done", index, part)
        elif isinstance(block, TextOut):
            out = self._event("response.output_text.done", at | {"text": text, "logprobs": []})
            out += self._event("response.content_part.done", at | {"part": _part(text)})
        else:
            named = at | {"arguments": text, "name": block.name}
            out = self._event("response.function_call_arguments.done", named)
        item = self._item(self._run, index, block, text, done=True)
        self._done.append(item)
        return out + self._event("response.output_item.done", {"output_index": index, "item": item})

    def close(self, outcome: Outcome) -> bytes:
        """Encode response.completed, or response.incomplete where max_output_tokens cut the answer."""
        response = self._response(self._run, self._done, outcome)
        kind = "response.incomplete" if response["status"] == "incomplete" else "response.completed"
        return self._event(kind, {"response": response})

    def error(self, error: BedrockError) -> bytes:
        """Encode response.failed; ``error`` where not the response but the request or the service is at fault."""
        if error.kind in ERROR_CODES:
            told = {"code": ERROR_CODES[error.kind], "message": error.message, "param": error.param}
            return self._event("error", told)
        response = self._response(self._run, self._done, None)
        code = "rate_limit_exceeded" if error.status == 429 else "server_error"
        failed = response | {"status": "failed", "error": {"code": code, "message": error.message}}
        return self._event("response.failed", {"response": failed})


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
