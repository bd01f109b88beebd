"""What matching by meaning would serve besides: questions that are near a chosen one, though their stems differ.

An upper estimate: whether a near question may have the same answer is for the semantic cache's own check to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from slipstream.caching.precompute.plan import Period
from slipstream.caching.precompute.questions import Questions
from slipstream.errors import InvalidRequest

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

Embed = Callable[[Sequence[str]], "NDArray[numpy.float32]"]
"""Texts to unit vectors, one row a text."""


def added_by_meaning(questions: Questions, periods: Sequence[Period], embed: Embed, nearest: float) -> list[float]:
    """Of each period's impressions, the share not served whose cosine with a chosen question is ``nearest`` or more."""
    import numpy

    if not 0 < nearest <= 1:
        raise InvalidRequest(f"The least cosine is {nearest}; it should be above 0 and at most 1.", param="meaning")
    texts = sorted(
        {asked.query for period in questions.log.asked[1:] for asked in period}
        | {choice.question for period in periods for choice in period.chosen.choices}
    )
    row = {text: number for number, text in enumerate(texts)}
    vectors = embed(texts)
    added = []
    for period, asked in zip(periods, questions.log.asked[1:], strict=True):
        served = set(period.chosen.numbers)
        rest = [one for one in asked if questions.number_of[one.query] not in served]
        whole = sum(one.impressions for one in asked) or 1
        if not rest or not period.chosen.choices:
            added.append(0.0)
            continue
        chosen = vectors[[row[choice.question] for choice in period.chosen.choices]]
        near = (vectors[[row[one.query] for one in rest]] @ chosen.T).max(axis=1) >= nearest
        added.append(float(numpy.array([one.impressions for one in rest])[near].sum()) / whole)
    return added
