"""What is known of pairs of questions in this process's memory: for tests, and for hosts without a table."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

import msgspec

from slipstream.caching.semantic.policy import Label, Policy, Seen
from slipstream.caching.semantic.ports import Progress
from slipstream.caching.semantic.verifier import Calibration


class _Namespace:
    def __init__(self) -> None:
        self.labels: deque[tuple[str, str, Label]] = deque(maxlen=Policy.LABELS)
        self.recent: deque[tuple[str, Seen]] = deque(maxlen=Policy.RECENT)
        self.progress = Progress()
        self.calibration: Calibration | None = None


class MemoryLearningStore:
    """A LearningStore in dictionaries, safe for threads; of each namespace it holds as much as is learnt from."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """``clock``: Unix time (s)."""
        self._clock = clock
        self._all: defaultdict[str, _Namespace] = defaultdict(_Namespace)
        self._lock = Lock()

    def tell(self, namespace: str, family: str, label: Label, *, name: str = "") -> None:
        """See LearningStore."""
        with self._lock:
            one = self._all[namespace]
            same = next((known for known in one.labels if name and known[0] == name), None)
            if same is not None:
                if same[2].equal == label.equal:
                    return
                one.labels.remove(same)
            one.labels.append((name, family, label))
            was, struck = one.progress, not label.drawn and not label.equal
            one.progress = msgspec.structs.replace(
                was, labels=was.labels + 1, drawn=was.drawn + label.drawn, struck=was.struck + struck
            )

    def looked(self, namespace: str, seen: Sequence[tuple[str, Seen]]) -> None:
        """See LearningStore."""
        with self._lock:
            self._all[namespace].recent.extend(seen)

    def labels(self, namespace: str, *, limit: int) -> Sequence[tuple[str, Label]]:
        """See LearningStore."""
        with self._lock:
            return [(family, label) for _, family, label in self._all[namespace].labels][-limit:]

    def recent(self, namespace: str, *, limit: int) -> Sequence[tuple[str, Seen]]:
        """See LearningStore."""
        with self._lock:
            return list(self._all[namespace].recent)[-limit:]

    def progress(self, namespace: str) -> Progress:
        """See LearningStore."""
        with self._lock:
            return self._all[namespace].progress

    def calibration(self, namespace: str) -> Calibration | None:
        """See LearningStore."""
        with self._lock:
            return self._all[namespace].calibration

    def keep(self, namespace: str, calibration: Calibration, progress: Progress) -> None:
        """See LearningStore."""
        with self._lock:
            one = self._all[namespace]
            one.calibration = calibration
            one.progress = msgspec.structs.replace(
                one.progress,
                learnt=f"{int(one.progress.learnt or 0) + 1}",
                learnt_labels=progress.labels,
                learnt_struck=progress.struck,
                learnt_s=self._clock(),
                learnt_epsilon=calibration.epsilon,
            )

    def namespaces(self) -> Mapping[str, Progress]:
        """See LearningStore."""
        with self._lock:
            return {name: one.progress for name, one in self._all.items() if one.progress.labels}

    def forget(self, namespace: str) -> int:
        """See LearningStore."""
        with self._lock:
            gone = self._all.pop(namespace, None)
            return len(gone.labels) if gone is not None else 0
