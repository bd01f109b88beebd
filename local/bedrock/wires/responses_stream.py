"""The events of a streamed response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from local.bedrock.errors import BedrockError
from local.bedrock.prompt import Outcome, TextOut, ToolOut
from local.bedrock.run import Run
from local.bedrock.wires.openai_schema import sse


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
        return place | {"content_index": 0} if isinstance(block, TextOut) else place

    def open(self) -> bytes:
        """Encode response.created and response.in_progress."""
        response = self._response(self._run, [], None)
        created = self._event("response.created", {"response": response})
        return created + self._event("response.in_progress", {"response": response})

    def start(self, index: int, block: TextOut | ToolOut) -> bytes:
        """Encode response.output_item.added, and for text response.content_part.added."""
        item = self._item(self._run, index, block, "", done=False)
        self._ids[index] = item["id"]
        out = self._event("response.output_item.added", {"output_index": index, "item": item})
        if isinstance(block, TextOut):
            out += self._event("response.content_part.added", self._at(index, block) | {"part": _part("")})
        return out

    def delta(self, index: int, block: TextOut | ToolOut, piece: str) -> bytes:
        """Encode response.output_text.delta or response.function_call_arguments.delta."""
        if isinstance(block, TextOut):
            body = self._at(index, block) | {"delta": piece, "logprobs": []}
            return self._event("response.output_text.delta", body)
        return self._event("response.function_call_arguments.delta", self._at(index, block) | {"delta": piece})

    def stop(self, index: int, block: TextOut | ToolOut, text: str) -> bytes:
        """The .done events of a block."""
        at = self._at(index, block)
        if isinstance(block, TextOut):
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
        """Encode response.failed."""
        response = self._response(self._run, self._done, None)
        code = "rate_limit_exceeded" if error.status == 429 else "server_error"
        failed = response | {"status": "failed", "error": {"code": code, "message": error.message}}
        return self._event("response.failed", {"response": failed})


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
