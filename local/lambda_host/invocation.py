"""One event on its way through an environment, and its answer on the way back."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable

DELIMITER = bytes(8)
PRELUDE_LIMIT_BYTES = 16 * 1024
HIGH_WATER_BYTES = 1 << 20


class FunctionFailed(Exception):
    """The function did not answer, or broke off. ``kind`` is Lambda's error type, ``log_tail`` its last log lines."""

    def __init__(self, kind: str, detail: str = "", log_tail: tuple[str, ...] = ()) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind, self.detail, self.log_tail = kind, detail, log_tail


class Answer:
    """A streamed answer: ``status`` and ``headers`` once ``begun`` is done, then an iterator of byte chunks.

    The iterator raises FunctionFailed when the answer breaks off. ``abandon`` says that nobody reads on.
    """

    def __init__(self, event: bytes) -> None:
        self.event = event
        self.request_id = str(uuid.uuid4())
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_abandon: Callable[[], None] = _nothing
        self.on_flow: Callable[[bool], None] = _nothing_with
        self._pending = b""
        self._chunks: deque[bytes] = deque()
        self._buffered_bytes = 0
        self._paused = False
        self._ended = False
        self._failure: FunctionFailed | None = None
        self._waiter: asyncio.Future[None] | None = None

    # -- the environment's side

    def feed(self, data: bytes) -> None:
        """Take one chunk from the function. Raises FunctionFailed when it is no valid start of an answer."""
        if not self.begun.done():
            data = self._take_prelude(data)
        if data:
            self._chunks.append(data)
            self._buffered_bytes += len(data)
            if self._buffered_bytes > HIGH_WATER_BYTES and not self._paused:
                self._paused = True
                self.on_flow(False)
            self._wake()

    def _take_prelude(self, data: bytes) -> bytes:
        self._pending += data
        at = self._pending.find(DELIMITER)
        if at < 0:
            if len(self._pending) > PRELUDE_LIMIT_BYTES:
                raise FunctionFailed("Runtime.InvalidPrelude", "no delimiter in the first 16 KB of the answer")
            return b""
        try:
            meta = json.loads(self._pending[:at])
            self.status = int(meta["statusCode"])
        except (ValueError, KeyError, TypeError) as error:
            raise FunctionFailed("Runtime.InvalidPrelude", f"bad metadata: {error!r}") from error
        self.headers = [(name, str(value)) for name, value in (meta.get("headers") or {}).items()]
        for name, values in (meta.get("multiValueHeaders") or {}).items():
            self.headers = [pair for pair in self.headers if pair[0].lower() != name.lower()]
            self.headers += [(name, str(value)) for value in values]
        self.headers += [("set-cookie", cookie) for cookie in meta.get("cookies") or ()]
        rest = self._pending[at + len(DELIMITER) :]
        self._pending = b""
        self.begun.set_result(None)
        return rest

    def end(self) -> None:
        """The function has said that the answer is whole."""
        if not self.begun.done():
            self.fail(FunctionFailed("Runtime.InvalidPrelude", "the answer ended before its delimiter"))
        self._ended = True
        self._wake()

    def fail(self, error: FunctionFailed) -> None:
        """The function will send no more, and what it sent is not whole. A second failure changes nothing."""
        if self._ended:
            return
        self._ended, self._failure = True, error
        if not self.begun.done():
            self.begun.set_exception(error)
            self.begun.exception()  # it may be that nobody waits any more
        self._wake()

    @property
    def ended(self) -> bool:
        """Whether the function has finished with it, one way or the other."""
        return self._ended

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # -- the client's side

    def abandon(self) -> None:
        """Nobody reads on: the response's connection is closed, which ends the upstream call in our loop."""
        if not self._ended:
            self.on_abandon()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._chunks:
                data = self._chunks.popleft()
                self._buffered_bytes -= len(data)
                if self._paused and self._buffered_bytes < HIGH_WATER_BYTES // 2:
                    self._paused = False
                    self.on_flow(True)
                yield data
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                return
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter


def _nothing() -> None: ...


def _nothing_with(_flowing: bool, /) -> None: ...
