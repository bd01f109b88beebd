"""From what was asked to what is answered beforehand: each family's log through the planner, the best of all together.

Days are complete (UTC) but where there is no other: half a day says little of the next one.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from datetime import date, timedelta

import msgspec

from slipstream.caching.filling.asked import AskedStore, Count, Family
from slipstream.caching.filling.runs import Item, item_key
from slipstream.caching.filling.template import request_of
from slipstream.caching.precompute.calendar import calendar_of
from slipstream.caching.precompute.forecast import forecasts
from slipstream.caching.precompute.matching import language_of_queries
from slipstream.caching.precompute.plan import Budget, Choice, Planner
from slipstream.caching.precompute.query_log import Asked, QueryLog
from slipstream.caching.precompute.questions import Questions, questions_of
from slipstream.caching.precompute.value import Valuation
from slipstream.chat.request import ChatRequest
from slipstream.errors import SlipstreamError

MOST_COUNTS = 200_000
"""Of a family; of more, the newest are read."""

Price = Callable[[ChatRequest], Valuation]
"""What a family's answers cost and are worth. Raises SlipstreamError where that cannot be told."""


class Mined(msgspec.Struct, frozen=True):
    """The items, the most valuable first, and what was left out, by the reason."""

    items: tuple[Item, ...]
    skipped: dict[str, int]

    @property
    def cost_usd(self) -> float:
        """Of all items, as expected."""
        return sum(item.cost_usd for item in self.items)


def mine(asked: AskedStore, price: Price, budget: Budget, *, today: str, days: int) -> Mined:
    """The questions that are worth answering for the day that follows the log's, ``today`` (2026-11-26) at most.

    The last ``days`` count. A question is left out that fewer than ``budget.min_users`` users asked in that time.
    """
    since = (date.fromisoformat(today) - timedelta(days=days)).isoformat()
    skipped: Counter[str] = Counter()
    found: list[tuple[Family, Choice]] = []
    for family in asked.families():
        counts = list(deque(asked.counts(family.namespace, family.family, since=since), maxlen=MOST_COUNTS))
        try:
            valuation = price(request_of(family.template))
        except (msgspec.MsgspecError, SlipstreamError):
            skipped["families_without_price"] += 1
            continue
        log = _log_of(family.family, counts, today)
        if log is not None:
            choices, few = _chosen(log, counts, budget, valuation)
            found += [(family, choice) for choice in choices]
            skipped["few_users"] += few
    found.sort(key=lambda one: (-_rank(one[1], budget), one[0].namespace, one[0].family, one[1].question))
    return Mined(tuple(_within(found, budget)), {why: count for why, count in sorted(skipped.items()) if count})


def _log_of(name: str, counts: Sequence[Count], today: str) -> QueryLog | None:
    """The complete days with something in them; where nothing was asked yesterday, that is said, too."""
    complete = [one for one in counts if one.period < today]
    periods = sorted({one.period for one in complete or counts})
    if not periods:
        return None
    yesterday = (date.fromisoformat(today) - timedelta(days=1)).isoformat()
    if periods[-1] < yesterday:
        periods.append(yesterday)
    by_period: dict[str, list[Asked]] = defaultdict(list)
    for one in sorted(complete or counts, key=lambda one: one.question):
        by_period[one.period].append(Asked(one.question, max(1, round(one.impressions)), max(1, round(one.visits))))
    return QueryLog(name, calendar_of(periods), tuple(periods), tuple(tuple(by_period[p]) for p in periods))


def _chosen(log: QueryLog, counts: Sequence[Count], budget: Budget, valuation: Valuation) -> tuple[list[Choice], int]:
    """What the whole budget would buy of one family, and how many questions too few users asked."""
    language = language_of_queries(asked.query for asked in log.asked[0])
    questions = questions_of(log, language)
    few = _of_few(questions, counts, budget.min_users)
    kept = tuple(tuple(one for one in period if questions.number_of[one.query] not in few) for period in log.asked)
    if not any(kept):
        return [], len(few)
    questions = questions_of(msgspec.structs.replace(log, asked=kept), language)
    (forecast,) = forecasts(questions, budget.answers, first=len(log.periods))
    # who asked has been looked at, by user; visits of several days may be one user's
    planner = Planner(questions, msgspec.structs.replace(budget, min_users=1), valuation)
    return list(planner.choose(forecast).choices), len(few)


def _of_few(questions: Questions, counts: Sequence[Count], min_users: int) -> set[int]:
    users: dict[int, set[str]] = {number: set() for number in questions.number_of.values()}
    for one in counts:
        if (number := questions.number_of.get(one.question)) is not None:
            users[number] |= one.users
    return {number for number, known in users.items() if len(known) < min_users}


def _rank(choice: Choice, budget: Budget) -> float:
    return choice.value_usd if budget.usd is None else choice.value_usd / max(choice.cost_usd, 1e-12)


def _within(found: Sequence[tuple[Family, Choice]], budget: Budget) -> list[Item]:
    left_usd = float("inf") if budget.usd is None else budget.usd
    items: list[Item] = []
    for family, choice in found:
        if len(items) == budget.answers:
            break
        if choice.cost_usd <= left_usd:
            left_usd -= choice.cost_usd
            items.append(
                Item(
                    namespace=family.namespace,
                    family=family.family,
                    key=item_key(family.namespace, family.family, choice.question),
                    question=choice.question,
                    expected_hits=round(choice.expected_hits, 3),
                    cost_usd=choice.cost_usd,
                )
            )
    return items
