"""Text from any OpenAI-compatible server, in place of the extractor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec

from local.bedrock import tokens
from local.bedrock.errors import BedrockError
from local.bedrock.prompt import Answer, TextOut
from local.bedrock.run import Run

ROLES = {"system": "system", "user": "user", "assistant": "assistant", "tool_result": "user"}
FINISH = {"length": "max_tokens", "stop": "end_turn"}


class Llm:
    """A client of ``{url}/chat/completions``, streaming."""

    def __init__(self, url: str, model: str) -> None:
        self._url, self._model = url.rstrip("/") + "/chat/completions", model
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()

    async def write(self, run: Run) -> AsyncIterator[tuple[str, str | None]]:
        """Yield pieces of text, the last with the stop reason. Raises ModelErrorException where the server fails."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=900))
        try:
            async with self._session.post(self._url, json=self._body(run)) as response:
                if response.status != 200:
                    raise BedrockError("ModelErrorException", f"The text server answered {response.status}.")
                async for line in response.content:
                    if line.startswith(b"data: {"):
                        yield _piece(line[6:])
        except (TimeoutError, aiohttp.ClientError) as error:
            raise BedrockError("ModelErrorException", f"The text server failed: {type(error).__name__}") from None

    def _body(self, run: Run) -> dict[str, Any]:
        turns: list[tuple[tuple[str, int], list[str]]] = []
        for block in run.asked.blocks:
            role = ROLES.get(block.section)
            if role is None or not block.text:
                continue
            key = (role, block.turn)
            if turns and turns[-1][0] == key:
                turns[-1][1].append(block.text)
            else:
                turns.append((key, [block.text]))
        messages = [{"role": role, "content": "\n".join(texts)} for (role, _), texts in turns]
        body = {"model": self._model, "messages": messages, "stream": True, "max_tokens": run.limit_tokens}
        given = {"temperature": run.asked.temperature, "top_p": run.asked.top_p, "stop": list(run.asked.stop) or None}
        return body | {name: value for name, value in given.items() if value is not None}


def _piece(data: bytes) -> tuple[str, str | None]:
    try:
        chunk = msgspec.json.decode(data)
        choice = chunk["choices"][0] if chunk["choices"] else {}
        finish = choice.get("finish_reason")
        text = choice.get("delta", {}).get("content") or ""
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        raise BedrockError("ModelErrorException", "The text server sent what is no chat completion chunk.") from None
    return text, FINISH.get(finish, "end_turn") if finish else None


async def written(llm: Llm, run: Run) -> Answer:
    """The whole text."""
    said, reason = [], "end_turn"
    async for piece, finish in llm.write(run):
        said.append(piece)
        reason = finish or reason
    return Answer([TextOut(tokens.pieces("".join(said)))], reason)
