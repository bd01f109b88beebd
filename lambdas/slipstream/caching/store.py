"""Where answers are kept, as the cache needs it. ``aws`` implements it, ``fakes`` doubles it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from slipstream.caching.entry import FORMAT, Body
from slipstream.retrieval.bar import Bar

LONGEST_S = 31 * 86_400.0
"""How long a mark stands: longer than any answer is kept."""
SKEW_S = 60.0
"""Clocks of two environments are taken to differ by less; what claims to be from later than that is not believed."""


class DocumentVersion(msgspec.Struct, frozen=True, array_like=True):
    """A document that an answer rests on, as it was then."""

    index: str
    document: str
    version: str


class Place(msgspec.Struct, frozen=True):
    """Where an answer belongs: whose it is, and the hash of what was asked."""

    namespace: str
    key: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a kept answer without its body. Times are Unix seconds."""

    entry_id: str
    checksum: str
    created_s: float
    expires_s: float
    asked_s: float
    """When its request came: what changed after that may be missing from it."""
    documents: tuple[DocumentVersion, ...] = ()
    format: int = FORMAT
    body: Body | None = None
    """Where it came along; else ``AnswerStore.body`` has it."""
    where: str = ""
    """The store's own note of where the body lies."""


class Lease(msgspec.Struct, frozen=True):
    """Somebody is making this answer: ``holder`` until ``until_s`` (Unix time)."""

    holder: str
    until_s: float


class Seen(msgspec.Struct, frozen=True):
    """What stands at a place: an answer, a lease, both or neither. ``mine``: the lease is the asker's, taken now."""

    head: Head | None = None
    lease: Lease | None = None
    mine: bool = False


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a look-up accepts and what it leaves. Times are Unix seconds."""

    now_s: float
    oldest_s: float = 0.0
    """An answer made before this is not wanted."""
    lives_s: float = 0.0
    """An answer is wanted only if it lives that much longer."""
    holder: str
    lease_s: float

    def takes(self, head: Head) -> bool:
        """Whether the answer is in time: neither expired, nor too old, nor from a clock that is wrong."""
        return head.expires_s > self.now_s + self.lives_s and self.oldest_s <= head.created_s <= self.now_s + SKEW_S

    def respects(self, lease: Lease) -> bool:
        """Whether somebody else's lease holds: not run out, and no longer than leases are."""
        return self.now_s < lease.until_s <= self.now_s + self.lease_s + SKEW_S


class Mark(msgspec.Struct, frozen=True):
    """What ends answers that rest on a document (or on an index: ``document`` empty).

    ``version``: only answers that rest on this version are served (empty: on none; None: it did not change).
    ``after_s``: only answers that were asked for later than this are served.
    """

    version: str | None = None
    after_s: float = 0.0

    def ends(self, version: str | None, asked_s: float) -> bool:
        """Whether an answer that rests on ``version`` and was asked for at ``asked_s`` is over."""
        changed = self.version is not None and version is not None and version != self.version
        return changed or asked_s <= self.after_s


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """A kept answer over an index, and what a new document has to reach to end it. Times are Unix seconds."""

    place: Place
    entry_id: str
    """A ULID of ``kept_s``."""
    generation: str
    """The concrete index that it was found in."""
    kept_s: float
    expires_s: float
    bar: Bar


class AnswerStore(Protocol):
    """Every method raises a SlipstreamError (UpstreamUnavailable, ServiceError, …) where the store fails."""

    def claim(self, place: Place, wanted: Wanted) -> Seen:
        """Look, and where no wanted answer and no respected lease stands, take the lease: in one round trip.

        An answer that does not fit ``wanted`` stays until another takes its place.
        """
        ...

    def read(self, place: Place, *, with_body: bool) -> Seen:
        """What stands there now, consistently; nothing is taken."""
        ...

    def body(self, place: Place, head: Head) -> Body | None:
        """The body of ``head``; None where it is gone. It is not checked."""
        ...

    def write(self, place: Place, head: Head, body: Body) -> bool:
        """Keep an answer, the body first, in place of an older one; ends the lease. A newer format's stays.

        False where it is not kept: a newer one stands there, or its body fits nowhere.
        """
        ...

    def release(self, place: Place, holder: str) -> None:
        """Give the lease back, where it is still ``holder``'s."""
        ...

    def drop(self, place: Place, entry_id: str) -> None:
        """Remove the answer, if it is still this one."""
        ...

    def marks(self, documents: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Mark]:
        """Marks of (index, document), read consistently; those without one are missing. ``document`` "": the index."""
        ...

    def mark(self, index: str, marks: Mapping[str, Mark], *, until_s: float) -> None:
        """Put marks on documents (on the index: ""), to stand at least until ``until_s``.

        One with a version takes an older one's place, one without leaves the version that stands there. ``after_s``
        only grows: what was ended stays so.
        """
        ...

    def watch(self, watch: Watch) -> None:
        """Let those who bring documents to an index know of a kept answer over it."""
        ...

    def unwatch(self, watch: Watch) -> None:
        """Tell them no more of it."""
        ...

    def watches(self, generation: str, *, since_s: float, limit: int) -> Sequence[Watch]:
        """The newest ``limit`` answers over ``generation`` that were kept at ``since_s`` (Unix time) or later, oldest
        first, read consistently. Answers that have ended meanwhile may be among them.
        """
        ...

    def purge(self, namespace: str, prefix: str = "") -> int:
        """Remove a namespace's answers whose key begins with ``prefix``; how many there were."""
        ...


def arrivals_of(index: str) -> tuple[str, str]:
    """Where the last arrival in ``index`` is marked; no index is called so."""
    return f"{index}+", ""


def of_index(documents: Sequence[DocumentVersion]) -> list[tuple[str, str]]:
    """The marks that can end an answer: of each of its documents, and of each index."""
    places = [(one.index, one.document) for one in documents]
    return list(dict.fromkeys([*places, *((index, "") for index, _ in places)]))


def any_ended(documents: Sequence[DocumentVersion], asked_s: float, marks: Mapping[tuple[str, str], Mark]) -> bool:
    """Whether one of ``marks`` ends an answer over ``documents`` that was asked for at ``asked_s``."""
    versions = {(one.index, one.document): one.version for one in documents}
    return any(mark.ends(versions.get(place), asked_s) for place, mark in marks.items())
