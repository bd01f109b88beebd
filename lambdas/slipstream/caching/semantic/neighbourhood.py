"""Where two questions stand among the others: whether both have the same neighbours, and how much closer they are.

Shared nearest neighbours: Jarvis and Patrick, "Clustering Using a Similarity Measure Based on Shared Near Neighbors",
IEEE Transactions on Computers C-22(11), 1973.
"""

from __future__ import annotations

import msgspec

DEPTH = 16
"""Neighbours that are looked at."""
_SHARED_AT = (4, 8, 16)


class Neighbourhood(msgspec.Struct, frozen=True):
    """The other questions nearest to each of the two: (id, cosine), nearest first, up to ``DEPTH``.

    Neither of the two is among them. Fewer than ``DEPTH`` (a young index) count as if nothing were known.
    """

    asked: tuple[tuple[int | str, float], ...] = ()
    candidate: tuple[tuple[int | str, float], ...] = ()

    def features(self, cosine: float) -> dict[str, float]:
        """By how much the pair is closer than its neighbours are, and the share of neighbours in common."""
        asked, candidate = self.asked[:DEPTH], self.candidate[:DEPTH]
        if min(len(asked), len(candidate)) < DEPTH:
            return dict.fromkeys(NAMES, 0.0)
        near, others = dict(asked), dict(candidate)
        bridge = max((min(near[one], others[one]) for one in near.keys() & others.keys()), default=asked[-1][1])
        return {
            "closer_than_asked_1": cosine - asked[0][1],
            "closer_than_candidate_1": cosine - candidate[0][1],
            "closer_than_asked_5": cosine - sum(one for _, one in asked[:5]) / 5,
            "closer_than_candidate_5": cosine - sum(one for _, one in candidate[:5]) / 5,
            "bridge": bridge - cosine,
            **{
                f"shared_{depth}": len({one for one, _ in asked[:depth]} & {one for one, _ in candidate[:depth]})
                / depth
                for depth in _SHARED_AT
            },
        }


NAMES = (
    "closer_than_asked_1", "closer_than_candidate_1", "closer_than_asked_5", "closer_than_candidate_5", "bridge",
    *(f"shared_{depth}" for depth in _SHARED_AT),
)  # fmt: skip
