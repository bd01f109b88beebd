"""The caller's line as a model's connection watches it, where others may want the answer too, or nobody any more."""

from __future__ import annotations

from threading import Lock
from typing import Any

from slipstream.caching.live import Live
from slipstream.disconnect import Disconnect


class Watched(Disconnect):
    """The first caller's line, on behalf of all: gone only when nobody else follows."""

    def __init__(self, first: Disconnect) -> None:
        self._first = first
        self.ends_s = first.ends_s
        self.live: Live | None = None
        self._left = False
        self._given_up = False
        self._ringing = Lock()
        self._bell: int | None = None
        self._both: Any = None

    def may_be_given_up(self) -> None:
        """From now on ``give_up`` is noticed at once by whoever waits for the model (on Linux; else at its next look).

        To be called before the call; ``close`` is owed.
        """
        import os
        import select

        if not (hasattr(os, "eventfd") and hasattr(select, "epoll")):
            return
        self._bell, self._both = os.eventfd(0), select.epoll()
        self._both.register(self._bell, select.EPOLLIN)
        if (line := self._first.fileno()) is not None and line >= 0:
            self._both.register(line, select.EPOLLIN)

    def give_up(self) -> None:
        """End what is waited for although the caller is there: it has its answer from elsewhere."""
        self._given_up = True
        with self._ringing:  # a descriptor that was closed meanwhile may be anybody's
            if self._bell is not None:
                import os

                os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Let go of the descriptors; the call has ended."""
        with self._ringing:
            if self._bell is not None:
                import os

                os.close(self._bell)
                self._both.close()
                self._bell = self._both = None

    def fileno(self) -> int | None:
        """See Disconnect."""
        return self._first.fileno() if self._both is None else int(self._both.fileno())

    def leave(self) -> None:
        """The first reader has left: its line may belong to somebody else by now."""
        self._left = True

    def gone(self) -> bool:
        """See Disconnect."""
        if self._given_up:
            return True
        if self._left or (self.live is not None and self.live.readers > 1):
            return False
        return self._first.gone()
