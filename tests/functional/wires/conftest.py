"""The gateway over the local model service: the processes and clients of the faults' tests, and four ways to ask."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from tests.functional.faults.conftest import boto, double, host, sdk, stack
from tests.functional.wires.told import Told, chat, converse

__all__ = ["boto", "double", "host", "sdk", "stack"]


class Client:
    """One wire, streamed or not. Requests are that wire's own."""

    def __init__(self, wire: str, stream: bool, sdk: openai.OpenAI, boto: Any) -> None:
        self.wire, self.stream, self._sdk, self._boto = wire, stream, sdk, boto

    def ask(self, *, openai: dict[str, Any], bedrock: dict[str, Any]) -> Told:
        """The whole answer."""
        if self.wire == "openai":
            return chat(self._sdk, stream=self.stream, **openai)
        return converse(self._boto, stream=self.stream, **bedrock)

    def say(self, text: str, **more: Any) -> Told:
        """Ask with one user turn; ``more`` is ``model``, ``system`` and ``max_tokens``."""
        model, system, limit = more.get("model"), more.get("system"), more.get("max_tokens")
        messages = [{"role": "user", "content": text}]
        told = [{"role": "system", "content": system}] if system else []
        return self.ask(
            openai={"model": model, "messages": told + messages, "max_tokens": limit},
            bedrock={
                "modelId": model,
                "messages": [{"role": "user", "content": [{"text": text}]}],
                **({"system": [{"text": system}]} if system else {}),
                **({"inferenceConfig": {"maxTokens": limit}} if limit else {}),
            },
        )


@pytest.fixture(params=["openai", "openai stream", "converse", "converse-stream"])
def client(request: pytest.FixtureRequest, sdk: openai.OpenAI, boto: Any) -> Client:
    """Each of the four ways to ask."""
    wire = "openai" if request.param.startswith("openai") else "bedrock"
    return Client(wire, "stream" in request.param, sdk, boto)
