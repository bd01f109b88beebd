"""What semantic hits need from outside: where known questions are, and what is learnt about pairs of them.

A *family* is everything of a request but its last user turn, as a hash: questions of one family, in one namespace, may
stand for one another. ``aws`` implements the stores, ``fakes`` doubles them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from slipstream.caching.entry import Answered
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.policy import Label, Seen
from slipstream.caching.semantic.verifier import Calibration, Verifier

QUESTION_FORMAT = 1
"""Version of what a store keeps of a question; what a newer one wrote is not read, and left where it is."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A question that was asked. ``key`` is the exact cache's, of the same request; times are Unix seconds."""

    key: str
    text: str
    vector: bytes
    """Of the text, unit length, one signed byte a dimension (value × 127)."""
    answer: str
    """Key of the answer that was given: its own, or another question's that stood for it."""
    asked_s: float
    expires_s: float


class QuestionStore(Protocol):
    """Every method raises a SlipstreamError where the store fails."""

    def put(self, namespace: str, family: str, known: Known) -> None:
        """Keep a question until it expires, in place of what stands at its key."""
        ...

    def find(self, namespace: str, family: str, key: str) -> Known | None:
        """One question, read consistently."""
        ...

    def newest(self, namespace: str, family: str, *, since_s: float = 0.0, limit: int) -> Sequence[Known]:
        """Questions that were asked after ``since_s``, newest first, ``limit`` at most; expired ones may be among
        them.
        """
        ...

    def remove(self, namespace: str, family: str, key: str) -> None:
        """Forget a question."""
        ...

    def purge(self, namespace: str, prefix: str = "") -> int:
        """Forget a namespace's questions whose key, or whose answer's, begins with ``prefix``; how many there were."""
        ...


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a namespace's learning is. Counts are of labels ever told; times are Unix seconds."""

    labels: int = 0
    drawn: int = 0
    """Of them, those that checks found out."""
    struck: int = 0
    """Of them, answers that were reported as wrong."""
    learnt: str = ""
    """Names the calibration that stands there; empty: none does."""
    learnt_labels: int = 0
    """How many labels there were when it was learnt, and ``learnt_struck`` how many of those reports."""
    learnt_struck: int = 0
    learnt_s: float = 0.0
    learnt_epsilon: float = 0.0


class LearningStore(Protocol):
    """What is known of pairs, by namespace. Every method raises a SlipstreamError where the store fails."""

    def tell(self, namespace: str, family: str, label: Label, *, name: str = "") -> None:
        """Keep a label. Of those with one ``name`` only one is kept: the first, or a later one that says different."""
        ...

    def looked(self, namespace: str, seen: Sequence[tuple[str, Seen]]) -> None:
        """Keep a sample of the pairs that were looked at, each with its family, in one write."""
        ...

    def labels(self, namespace: str, *, limit: int) -> Sequence[tuple[str, Label]]:
        """(family, label), the newest ``limit``, oldest first."""
        ...

    def recent(self, namespace: str, *, limit: int) -> Sequence[tuple[str, Seen]]:
        """(family, pair), the newest ``limit``, oldest first."""
        ...

    def progress(self, namespace: str) -> Progress:
        """How far it is; cheap."""
        ...

    def calibration(self, namespace: str) -> Calibration | None:
        """What was learnt last; None: nothing yet, or nothing that this release can read."""
        ...

    def keep(self, namespace: str, calibration: Calibration, progress: Progress) -> None:
        """Put what was learnt in the former's place; ``progress`` is from before its labels were read."""
        ...

    def namespaces(self) -> Mapping[str, Progress]:
        """Those with labels, and how far each one is."""
        ...

    def forget(self, namespace: str) -> int:
        """Remove labels, looks and calibration, and the questions in them; how many labels there were."""
        ...


class Verdict(msgspec.Struct, frozen=True):
    """Whether two answers say the same. ``equal`` None: it cannot be told, which teaches nothing."""

    equal: bool | None
    reason: str
    cost_usd: float = 0.0
    """Of the model that was asked, where one was."""


class Learning(Protocol):
    """What a request needs to know of a namespace's learning. Nothing here waits for a store, but ``settle``."""

    def verifier(self, namespace: str) -> Verifier:
        """The newest calibration that this process has read; the shipped one where there is none."""
        ...

    def wants_check(self, namespace: str, *, sure: bool) -> bool:
        """Whether this request's candidate is checked: the model answers, also where the candidate would be served.

        Drawn at random, once for each candidate that is found, whatever it scores; a ``sure`` one (see Decision) as
        seldom as when everything has been learnt.
        """
        ...

    def looked(self, namespace: str, family: str, pair: Pair) -> None:
        """A candidate was found; kept, or a sample, with the next ``settle``."""
        ...

    def compare(self, fresh: Answered, kept: Answered) -> Verdict:
        """Whether the candidate's answer says what the model says now."""
        ...

    def tell(self, namespace: str, family: str, pair: Pair, *, equal: bool, drawn: bool) -> None:
        """A label: of a check (``drawn``), or reported."""
        ...

    def settle(self, namespace: str) -> None:
        """After the last byte: write what waits, read a newer calibration now and then. Never raises."""
        ...
