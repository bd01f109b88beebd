"""One answer under way that any number of readers follow: each sees every event from the first, in its own time.

No thread of its own drives it. Whoever needs the next event and finds nobody fetching it fetches it for all, so that a
reader who goes away, the first one too, costs the others nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Condition

from slipstream.chat.events import Event, Failed

WAIT_S = 0.5
"""How long a follower sleeps at most before it looks whether its own caller is still there."""


class Live:
    """``events`` grows while the answer comes; ``complete`` once it came to its end and nothing in it failed."""

    def __init__(self, source: Iterator[Event], close: Callable[[], None]) -> None:
        """``close`` ends the call behind ``source``; it runs when the last reader has left."""
        self._source = source
        self._close = close
        self._changed = Condition()
        self._fetching = False
        self._readers = 0
        self._error: BaseException | None = None
        self.events: list[Event] = []
        self.over = False
        self.complete = False

    @property
    def readers(self) -> int:
        """How many follow it now."""
        return self._readers

    def join(self, left: Callable[[], None] = lambda: None) -> Reader | None:
        """One more reader, from the first event on, ``left`` called when it goes; None where the answer broke."""
        with self._changed:
            if self.over and not self.complete:
                return None
            self._readers += 1
        return Reader(self, left)

    def event(self, at: int) -> Event | None:
        """Event number ``at``; None at the end. Raises what broke the answer."""
        changed = self._changed
        with changed:
            while True:
                if at < len(self.events):
                    return self.events[at]
                if self.over:
                    if self._error is not None:
                        raise self._error
                    return None
                if not self._fetching:
                    self._fetching = True
                    break
                changed.wait(WAIT_S)
        return self._fetch()

    def _fetch(self) -> Event | None:
        event: Event | None = None
        error: BaseException | None = None
        try:
            event = next(self._source, None)
        except BaseException as raised:
            error = raised
        with self._changed:
            self._fetching = False
            if event is not None:
                self.events.append(event)
            else:
                self.over, self._error = True, error
                self.complete = error is None and not any(type(one) is Failed for one in self.events)
            self._changed.notify_all()
        if error is not None:
            raise error
        return event

    def leave(self) -> None:
        """One reader fewer. The last to leave an answer that has not ended ends it."""
        with self._changed:
            self._readers -= 1
            if self._readers or self.over:
                return
            self.over = True
        self._close()


class Reader:
    """One follower's way through a Live answer; ``close`` may be called twice, and before anything was read."""

    __slots__ = ("_at", "_goes", "_left", "_live")

    def __init__(self, live: Live, goes: Callable[[], None]) -> None:
        self._live = live
        self._goes = goes
        self._at = 0
        self._left = False

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        if self._left:
            raise StopIteration
        event = self._live.event(self._at)
        if event is None:
            raise StopIteration
        self._at += 1
        return event

    def close(self) -> None:
        """Read no further."""
        if not self._left:
            self._left = True
            self._goes()
            self._live.leave()
