"""Work beside the request's own thread, with a result that is waited for no longer than it is worth."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition, Event, Lock, Thread
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Pending(Generic[T]):
    """A result on its way."""

    __slots__ = ("_error", "_ready", "_telling", "_told", "_value", "_work")

    def __init__(self, work: Callable[[], T]) -> None:
        self._work: Callable[[], T] | None = work
        self._ready = Event()
        self._value: T
        self._error: Exception | None = None
        self._told: list[Callable[[], None]] = []
        self._telling = Lock()

    def run(self) -> None:
        """Do the work; called once, by whichever thread has it."""
        work, self._work = self._work, None
        assert work is not None  # noqa: S101
        try:
            self._value = work()
        except Exception as error:
            self._error = error
        with self._telling:
            self._ready.set()
            told, self._told = self._told, []
        for callback in told:
            callback()

    def when_done(self, callback: Callable[[], None]) -> None:
        """Call back once the result is there: at once, or from the thread that has made it."""
        with self._telling:
            if not self._ready.is_set():
                self._told.append(callback)
                return
        callback()

    @property
    def done(self) -> bool:
        """Whether ``result`` answers at once."""
        return self._ready.is_set()

    def result(self, timeout_s: float | None = None) -> T:
        """The work's result. Raises what it raised, or TimeoutError where it is late."""
        if not self._ready.wait(timeout_s):
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._value


class Beside:
    """A few threads that are made when they are first needed (concurrent.futures brings logging into a cold start)."""

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._threads = self._idle = 0
        self._queue: deque[Pending[object]] = deque()
        self._changed = Condition()

    def start(self, work: Callable[[], T]) -> Pending[T]:
        """Begin ``work`` on another thread, or queue it where all are busy."""
        pending = Pending(work)
        with self._changed:
            self._queue.append(pending)  # type: ignore[arg-type]
            if self._idle >= len(self._queue) or self._threads >= self._most:
                self._changed.notify()
                return pending
            self._threads += 1
        Thread(target=self._serve, daemon=True, name="beside").start()
        return pending

    def take_back(self, pending: Pending[Any]) -> bool:
        """Whether ``pending`` had not begun; it never will then, nor is there ever a result."""
        with self._changed:
            try:
                self._queue.remove(pending)
            except ValueError:
                return False
        return True

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                while not self._queue:
                    self._changed.wait()
                self._idle -= 1
                pending = self._queue.popleft()
            pending.run()
