"""Days of questions in a log, as the recorder writes them."""

from __future__ import annotations

from collections.abc import Mapping

from slipstream.caching.filling.asked import AskedStore
from slipstream.caching.filling.recorder import DAY_S, Recorder
from slipstream.chat.request import ChatRequest, Message, Parameters, Text
from tests.unit.caching.kept import Clock

ACME = "tenant:acme"
COLD = Parameters(temperature=0.0)


def asking(text: str, *, user: str | None = "ada", **fields: object) -> ChatRequest:
    told = {"model": "fast", "parameters": COLD, "tenant": "acme"} | fields
    return ChatRequest(messages=[Message("user", [Text(text)])], user=user, **told)  # type: ignore[arg-type]


def log_days(
    asked: AskedStore,
    clock: Clock,
    days: int,
    by_question: Mapping[str, int],
    *,
    namespace: str = ACME,
    **fields: object,
) -> None:
    """Each question so many times a day, each time by another user; ``clock`` stands after the last day."""
    recorder = Recorder(asked, share=1.0, days=90, clock=clock, random=lambda: 0.0)
    for _ in range(days):
        for question, times in by_question.items():
            for number in range(times):
                recorder.note(asking(question, user=f"user{number}", **fields), namespace)
        clock.now_s += DAY_S
