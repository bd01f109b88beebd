"""Where pairs of questions stand among those known by now: what a learner sees of a family. Needs numpy."""

from __future__ import annotations

from collections.abc import Sequence

from slipstream.caching.semantic.neighbourhood import DEPTH, Neighbourhood
from slipstream.caching.semantic.ports import Known


class Surroundings:
    """The known questions of one family, and the nearest of each."""

    def __init__(self, known: Sequence[Known]) -> None:
        """``known``: newest first; those with vectors of another length than the newest's (an older model's) are left
        out.
        """
        import numpy as np

        size = len(known[0].vector) if known else 0
        self._known = [one for one in known if len(one.vector) == size > 0]
        self._place = {one.text: at for at, one in reversed(list(enumerate(self._known)))}
        table = np.frombuffer(b"".join(one.vector for one in self._known), np.int8).reshape(-1, size or 1)
        vectors = table.astype(np.float32)
        self._vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    @property
    def texts(self) -> Sequence[str]:
        """The questions themselves."""
        return list(self._place)

    def around(self, asked: str, candidate: str) -> Neighbourhood:
        """Both questions' neighbours, themselves left out; empty where one of them is not known (any more)."""
        one, other = self._place.get(asked), self._place.get(candidate)
        if one is None or other is None:
            return Neighbourhood()
        return Neighbourhood(self._near(one, other), self._near(other, one))

    def _near(self, own: int, other: int) -> tuple[tuple[int | str, float], ...]:
        import numpy as np

        cosines = self._vectors @ self._vectors[own]
        cosines[[own, other]] = -2.0
        depth = min(DEPTH, len(cosines) - len({own, other}))
        nearest = np.argsort(-cosines, kind="stable")[:depth]
        return tuple((self._known[at].key, float(cosines[at])) for at in nearest.tolist())
