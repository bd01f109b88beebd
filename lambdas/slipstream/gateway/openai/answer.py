"""What a wire gets from the pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from os import urandom
from time import time
from typing import Any, Protocol

from slipstream.chat.events import Event
from slipstream.chat.request import ChatRequest
from slipstream.models.resolved import ResolvedCall


class Answer(Protocol):
    """An answer under way. The first event has already arrived, so an error before it has been raised elsewhere."""

    @property
    def events(self) -> Iterator[Event]:
        """The answer's events, once."""
        ...

    @property
    def call(self) -> ResolvedCall:
        """What was sent upstream, and for which request."""
        ...

    def report(self) -> dict[str, Any]:
        """The reply's ``slipstream`` object; complete once the events are exhausted."""
        ...


def close(events: Iterator[Event]) -> None:
    """End the upstream call, where events are left; a plain iterator has nothing to end."""
    end = getattr(events, "close", None)
    if end is not None:
        end()


Reply = dict[str, Any]


def reply_of(request: ChatRequest, kind: str) -> Reply:
    """The fields that all of an answer's objects share; ``model`` is the name that the caller used."""
    return {"id": f"chatcmpl-{urandom(14).hex()}", "object": kind, "created": int(time()), "model": request.model}
