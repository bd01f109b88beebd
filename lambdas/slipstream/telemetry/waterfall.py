"""Where the milliseconds of one request went."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import msgspec


class Span(msgspec.Struct):
    """``start_ms`` counts from the request's arrival; ``end_ms`` is None while the span is open."""

    name: str
    start_ms: float
    end_ms: float | None = None
    parent: str | None = None

    @property
    def duration_ms(self) -> float:
        """Length in ms; 0 while the span is open."""
        return 0.0 if self.end_ms is None else self.end_ms - self.start_ms


class Waterfall:
    """Spans by name, in ms from a monotonic clock, parents by nesting; and the facts of the request (model, cost)."""

    __slots__ = ("_open", "facts", "origin_s", "spans")

    def __init__(self, origin_s: float | None = None) -> None:
        self.origin_s = perf_counter() if origin_s is None else origin_s
        self.spans: list[Span] = []
        self.facts: dict[str, Any] = {}
        self._open: list[str] = []

    def now_ms(self) -> float:
        """Milliseconds since the request arrived."""
        return (perf_counter() - self.origin_s) * 1000

    def span(self, name: str) -> Block:
        """Time a ``with`` block on the request's own thread."""
        return Block(self, name)

    def enter(self, name: str) -> Span:
        """Open a span that others nest in until ``leave``."""
        span = self.begin(name)
        self._open.append(name)
        return span

    def leave(self, span: Span) -> None:
        """Close the span opened last by ``enter``."""
        self._open.pop()
        span.end_ms = self.now_ms()

    def begin(self, name: str) -> Span:
        """Open a span that does not nest (it is closed by ``end``)."""
        span = Span(name, self.now_ms(), None, self._open[-1] if self._open else None)
        self.spans.append(span)
        return span

    def started(self) -> None:
        """Close the first span, ``start``: from the request's arrival to now (waiting for a thread, first imports)."""
        self.spans.append(Span("start", 0.0, self.now_ms()))

    def end(self, span: Span) -> None:
        """Close a span opened by ``begin``."""
        span.end_ms = self.now_ms()

    def adopt(self, other: Waterfall) -> None:
        """Take over what another thread measured on a waterfall of its own, from the same origin."""
        self.spans += other.spans
        self.facts |= other.facts

    def ms(self) -> dict[str, float]:
        """Closed spans, name → duration in ms rounded to µs, in the order in which they began; equal names add up."""
        out: dict[str, float] = {}
        for span in self.spans:
            if span.end_ms is not None:
                out[span.name] = round(out.get(span.name, 0.0) + span.duration_ms, 3)
        return out

    def server_timing(self) -> str:
        """``Server-Timing`` header value: ``resolve;dur=0.2, bedrock_wait;dur=52.1``."""
        return ", ".join(f"{name};dur={ms}" for name, ms in self.ms().items())


class Block:
    """A span as a ``with`` block (contextlib's generators cost four times as much, on the way to the first token)."""

    __slots__ = ("_name", "_span", "_waterfall")

    def __init__(self, waterfall: Waterfall, name: str) -> None:
        self._waterfall = waterfall
        self._name = name

    def __enter__(self) -> Span:
        self._span = self._waterfall.enter(self._name)
        return self._span

    def __exit__(self, *_: object) -> None:
        self._waterfall.leave(self._span)
