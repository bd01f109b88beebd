"""One load generator for every path: a closed loop over kept-alive connections that times each streamed token."""

from __future__ import annotations

import asyncio
import re
import ssl as ssl_module
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic_ns, perf_counter
from typing import Any, TypeVar, cast

T = TypeVar("T")
RAMP_S = 0.25
SSE_TEXT = re.compile(rb'"content":"((?:[^"\\]|\\.)+)"')
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
FRAME_TEXT = re.compile(rb'"delta":\{"text":"((?:[^"\\]|\\.)+)"\}')


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go: raw request bytes, ready before the clock starts, and how a token looks in the answer."""

    name: str
    host: str
    port: int
    request: bytes
    text: re.Pattern[bytes]
    ssl: ssl_module.SSLContext | None = None
    keep_stamps: bool = False
    """Tokens are monotonic clock readings in ns: keep how long each travelled."""


@dataclass(slots=True)
class Sample:
    """One request. Times in ms since its first byte was written; ``token_ms`` holds each token's arrival."""

    token_ms: list[float] = field(default_factory=list)
    total_ms: float = 0.0
    travel_ms: list[float] = field(default_factory=list)
    error: str = ""
    text: bytes = b""
    client: int = 0
    """Which of the loop's connections sent it, counted from 0."""

    @property
    def ttft_ms(self) -> float:
        """Time to first token in ms."""
        return self.token_ms[0]

    @property
    def itl_ms(self) -> float:
        """Mean inter-token latency in ms."""
        return (self.token_ms[-1] - self.token_ms[0]) / max(1, len(self.token_ms) - 1)


class _Client(asyncio.Protocol):
    """A connection that sends one request after the other as `next_sample` allows."""

    def __init__(
        self, client: int, target: Target, next_sample: Callable[[int], Sample | None], done: Callable[[], None]
    ) -> None:
        self._client = client
        self._target = target
        self._next_sample = next_sample
        self._done = done
        self._sample: Sample | None = None
        self._parts: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._finished = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._send()

    def _send(self) -> None:
        self._sample = self._next_sample(self._client)
        assert self._transport is not None  # noqa: S101 - set when connected
        if self._sample is None:
            self._finished = True
            self._transport.close()
            self._done()
            return
        self._parts = []
        self._started_s = perf_counter()
        self._transport.write(self._target.request)

    def data_received(self, data: bytes) -> None:
        at_ms = (perf_counter() - self._started_s) * 1000
        sample = self._sample
        if sample is None:
            return
        self._parts.append(data)
        if found := self._target.text.findall(data):
            sample.token_ms.extend([at_ms] * len(found))
            if self._target.keep_stamps:
                now_ns = monotonic_ns()
                sample.travel_ms.extend((now_ns - int(stamp)) / 1e6 for stamp in found)
        if data.endswith(b"0\r\n\r\n") or self._whole():
            sample.total_ms = at_ms
            self._finish(sample)
            self._send()

    def _whole(self) -> bool:
        """Whether an answer of known length (a buffered one) has come to its end."""
        head, blank, rest = self._parts[0].partition(b"\r\n\r\n")
        length = LENGTH.search(head) if blank else None
        return length is not None and len(rest) + sum(map(len, self._parts[1:])) >= int(length[1])

    def _finish(self, sample: Sample) -> None:
        raw = b"".join(self._parts)
        status = raw[9:12]
        if status != b"200":
            sample.error = f"status {status.decode()}"
        elif not sample.token_ms:
            sample.error = "no token"
        sample.text = b"".join(self._target.text.findall(raw))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._finished:
            return
        if self._sample is not None:
            raw = b"".join(self._parts)
            self._sample.error = f"connection closed ({raw[9:12].decode('latin-1') or exc})"
        self._finished = True
        self._done()


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where it is to be had: the generator must cost little on a machine that it shares."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


async def closed_loop(
    target: Target | Sequence[Target],
    *,
    concurrency: int,
    requests: int | None = None,
    until_s: float | None = None,
    progress: Callable[[], None] = lambda: None,
) -> list[Sample]:
    """Keep ``concurrency`` requests in flight until ``requests`` were sent or perf_counter reaches ``until_s``.

    Of several targets each client keeps to one, by its number. Clients begin evenly over ``RAMP_S``: all at once they
    would stay in step, and each path would be measured by its queue of simultaneous arrivals.
    """
    targets = [target] if isinstance(target, Target) else target
    samples: list[Sample] = []
    open_clients = concurrency
    finished = asyncio.Event()

    def next_sample(client: int) -> Sample | None:
        if (requests is not None and len(samples) >= requests) or (until_s is not None and perf_counter() >= until_s):
            return None
        samples.append(sample := Sample(client=client))
        progress()
        return sample

    def done() -> None:
        nonlocal open_clients
        open_clients -= 1
        if open_clients == 0:
            finished.set()

    loop = asyncio.get_running_loop()
    for client in range(concurrency):
        await asyncio.sleep(RAMP_S / concurrency if concurrency > 1 else 0)
        mine = targets[client % len(targets)]
        await loop.create_connection(
            partial(_Client, client, mine, next_sample, done), mine.host, mine.port, ssl=mine.ssl,
            server_hostname=mine.host if mine.ssl else None,
        )  # fmt: skip
    await finished.wait()
    return samples
