"""What is known of kept answers beside the answers themselves: questions, what was learnt of them, and counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from slipstream.caching.semantic.environment import EnvironmentLearning
    from slipstream.caching.semantic.ports import LearningStore, QuestionStore
    from slipstream.caching.store import AnswerStore
    from slipstream.caching.tally import Tally


class Knowledge(msgspec.Struct, frozen=True, kw_only=True):
    """What semantic hits rest on, feedback changes and the report reads. Built once an environment, when it is first
    needed: its modules are many, and exact hits do without.
    """

    answers: AnswerStore
    questions: QuestionStore
    labels: LearningStore
    learning: EnvironmentLearning
    tally: Tally
    namespace: Callable[[str], str]
    """Whose answers a tenant reads and writes."""
    epsilon: float
