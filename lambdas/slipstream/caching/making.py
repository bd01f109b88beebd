"""An answer that is being made: followed by whoever asks the same, kept once it is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import msgspec

from slipstream.caching.entry import Answered, pack
from slipstream.caching.live import Live, Reader
from slipstream.caching.store import SKEW_S, DocumentVersion, Head, Place, Watch, arrivals_of
from slipstream.caching.watched import Watched
from slipstream.chat.events import Event
from slipstream.errors import SlipstreamError
from slipstream.ulid import new_ulid

if TYPE_CHECKING:
    from slipstream.caching.answers import AnswerCache
    from slipstream.retrieval.bar import Bar

Describe = Callable[[tuple[Event, ...]], Answered | None]
"""Makes what is kept of an answer's events; None: it is not to be kept."""


class Passages(Protocol):
    """What an answer over an index rests on, and how that was found."""

    @property
    def index(self) -> str:
        """Its name."""
        ...

    @property
    def generation(self) -> str:
        """The concrete index behind it that answered."""
        ...

    def bar(self) -> Bar | None:
        """What a new document has to reach to stand among them; None: nothing can be said."""
        ...

    def found_again(self) -> bool:
        """Whether a search finds the same passages now. Raises what the index says."""
        ...


class Making:
    """One answer of a model, from its first event to the table. ``asked_s`` is Unix time."""

    def __init__(
        self,
        cache: AnswerCache,
        place: Place,
        asked_s: float,
        *,
        describe: Describe,
        documents: tuple[DocumentVersion, ...],
        passages: Passages | None = None,
    ) -> None:
        """``documents`` are what the model has to read, ``passages`` what is known of how they were found."""
        self._cache = cache
        self._place = place
        self._asked_s = asked_s
        self._describe = describe
        self._documents = documents
        self._passages = passages
        self._settling = Lock()
        self._settled = False
        self._live: Live
        self.answered: Answered | None = None
        """What was said, where it may be kept."""
        self.kept_until_s: float | None = None
        """Unix time; None: it is not kept."""
        self.error = ""
        """Why it could not be kept, where the table or the answer itself would not let it."""

    def begin(self, events: Iterator[Event], close: Callable[[], None], watched: Watched) -> Reader:
        """The first reader's way through ``events``; ``close`` ends the model's call once nobody reads on."""
        self._live = watched.live = Live(events, close)
        reader = self._live.join(watched.leave)
        assert reader is not None  # noqa: S101
        return reader

    @property
    def live(self) -> Live:
        """The events, for those who follow."""
        return self._live

    def serves(self) -> bool:
        """Whether one who comes now may follow: not what is over and will not be kept, nor what rests on a document
        that has changed since.
        """
        if self._live.over and not self._cache.policy.keeps(self._live.events):
            return False
        return self._cache.holds(self._documents, self._asked_s)

    def settle(self) -> bool | None:
        """Once it is over, keep it if it came to its end: whether it was kept. None: not over, or settled already."""
        if not self._live.over:
            return None
        with self._settling:
            if self._settled:
                return None
            self._settled = True
        try:
            return self._live.complete and self._keep(tuple(self._live.events))
        except SlipstreamError as error:
            self.error = error.code
        except (TypeError, ValueError, OverflowError) as error:  # what no entry can hold, as numbers beyond 64 bits
            self.error = type(error).__name__
        return False

    def _keep(self, events: tuple[Event, ...]) -> bool:
        cache = self._cache
        self.answered = answered = self._describe(events) if cache.policy.keeps(events) else None
        if answered is None:
            return False
        body = pack(msgspec.structs.replace(answered, precomputed=cache.policy.precomputes))
        now_s = cache.clock()
        head = Head(
            entry_id=new_ulid(now_s),
            checksum=body.checksum,
            created_s=now_s,
            expires_s=now_s + cache.policy.ttl_s,
            asked_s=self._asked_s,
            documents=self._documents,
        )
        if not cache.store.write(self._place, head, body):
            return False
        self.kept_until_s = head.expires_s
        return self._passages is None or self._watched(head, self._passages)

    def _watched(self, head: Head, passages: Passages) -> bool:
        """Let documents that arrive end the answer; whether none has that came while it was made.

        An arrival is marked before watches are read, and looked for here after the watch is put: one of the two is
        seen. What searches show now is what they showed then, or the answer is not kept.
        """
        store = self._cache.store
        try:
            if (bar := passages.bar()) is None:
                return True
            store.watch(
                Watch(
                    place=self._place, entry_id=head.entry_id, generation=passages.generation, kept_s=head.created_s,
                    expires_s=head.expires_s, bar=bar,
                )
            )  # fmt: skip
            last = store.marks([arrivals_of(passages.index)]).values()
            if not any(mark.ends(None, head.asked_s - SKEW_S) for mark in last) or passages.found_again():
                return True
        except SlipstreamError:
            store.drop(self._place, head.entry_id)
            raise
        store.drop(self._place, head.entry_id)
        return False
