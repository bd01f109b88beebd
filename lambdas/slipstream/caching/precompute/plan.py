"""Which questions to answer beforehand: the most valuable ones that budget and privacy allow."""

from __future__ import annotations

from collections import Counter

import msgspec

from slipstream.caching.precompute.backtest import Trial, Tried
from slipstream.caching.precompute.forecast import Forecast, forecasts
from slipstream.caching.precompute.privacy import MIN_USERS, Dropped
from slipstream.caching.precompute.query_log import Progress, untold
from slipstream.caching.precompute.questions import Questions, Spellings
from slipstream.caching.precompute.value import Valuation
from slipstream.errors import InvalidRequest

MOST_ANSWERS = 100_000


class Budget(msgspec.Struct, frozen=True):
    """What may be spent a period. ``usd``: None is no limit.

    ``only_worthwhile``: leave out what costs more than it saves. Raises InvalidRequest for a budget that is none.
    """

    answers: int
    usd: float | None = None
    only_worthwhile: bool = True
    min_users: int = MIN_USERS

    def __post_init__(self) -> None:
        if not 1 <= self.answers <= MOST_ANSWERS:
            raise InvalidRequest(
                f"The budget is {self.answers} answers; it should be 1 to {MOST_ANSWERS:,}.", param="budget"
            )
        if self.usd is not None and not 0 <= self.usd < float("inf"):
            raise InvalidRequest(f"The budget is {self.usd} dollars; it should be 0 or more.", param="budget_usd")
        if self.min_users < 1:
            raise InvalidRequest(f"min_users is {self.min_users}; it should be 1 or more.", param="min_users")


class Choice(msgspec.Struct, frozen=True):
    """One question that is answered beforehand."""

    question: str
    expected_hits: float
    cost_usd: float
    value_usd: float


class Chosen(msgspec.Struct, frozen=True):
    """What a budget buys of a forecast. ``numbers`` belong to ``choices``."""

    numbers: tuple[int, ...]
    choices: tuple[Choice, ...]
    dropped: Dropped

    @property
    def cost_usd(self) -> float:
        """Of all answers."""
        return sum(choice.cost_usd for choice in self.choices)


class Period(msgspec.Struct, frozen=True):
    """One period of a log as it was served by what was chosen before it."""

    tried: Tried
    chosen: Chosen


class Plan(msgspec.Struct, frozen=True):
    """The answers for ``period``, and what the same rule would have served in the last period of the log."""

    period: str
    chosen: Chosen
    backtest: Period


class Planner:
    """Chooses by one budget; to be asked in the order of time, since spellings are learnt along the way."""

    def __init__(self, questions: Questions, budget: Budget, valuation: Valuation) -> None:
        self._questions, self._budget, self._valuation = questions, budget, valuation
        self._spellings = Spellings(questions)

    def choose(self, forecast: Forecast) -> Chosen:
        """Take the most valuable first, passing over what the dollars that are left do not pay.

        By value a dollar where dollars are short (Dantzig's greedy rule, 1957), by value where only answers are.
        Answers cost nearly the same, so that little is lost against the best choice.
        """
        budget = self._budget
        allowed, dropped = _allowed(self._questions, forecast, budget.min_users)
        allowed.sort(key=lambda one: (-one[1], one[0]))
        options = []
        # costs differ by a question's length alone: where only answers are short, few more need to be priced
        for number, expected in allowed if budget.usd is not None else allowed[: 2 * budget.answers]:
            question = self._spellings.canonical(number, forecast.known)
            worth = self._valuation.worth(question, expected)
            if worth.value_usd > 0 or not budget.only_worthwhile:
                options.append((number, Choice(question, expected, worth.cost_usd, worth.value_usd)))
        options.sort(key=lambda option: (-self._rank(option[1]), option[0]))
        left = float("inf") if budget.usd is None else budget.usd
        taken: list[tuple[int, Choice]] = []
        for option in options:
            if len(taken) == budget.answers:
                break
            if option[1].cost_usd <= left:
                left -= option[1].cost_usd
                taken.append(option)
        return Chosen(tuple(number for number, _ in taken), tuple(choice for _, choice in taken), dropped)

    def _rank(self, choice: Choice) -> float:
        return choice.value_usd if self._budget.usd is None else choice.value_usd / max(choice.cost_usd, 1e-12)


def plan(questions: Questions, budget: Budget, valuation: Valuation, progress: Progress = untold) -> Plan:
    """The plan for the period after the log's last, and its rule tried on that last one."""
    planner, trial = Planner(questions, budget, valuation), Trial(questions, budget.answers)
    before, after = forecasts(questions, budget.answers, first=len(questions.periods) - 1, progress=progress)
    chosen = planner.choose(before)
    backtest = Period(trial.on(before, chosen.numbers), chosen)
    return Plan(questions.log.calendar.next_label, planner.choose(after), backtest)


def evaluate(questions: Questions, budget: Budget, valuation: Valuation, progress: Progress = untold) -> list[Period]:
    """The rule tried on each period of the log that has one before it, with what lies before it alone."""
    planner, trial = Planner(questions, budget, valuation), Trial(questions, budget.answers)
    tried = []
    for forecast in forecasts(questions, budget.answers, progress=progress):
        if forecast.known < len(questions.periods):
            chosen = planner.choose(forecast)
            tried.append(Period(trial.on(forecast, chosen.numbers), chosen))
    return tried


def _allowed(questions: Questions, forecast: Forecast, min_users: int) -> tuple[list[tuple[int, float]], Dropped]:
    """(number, expected hits) of what may be written into a plan, and how many questions so far may not."""
    why = Counter(reason for since, reason in questions.personal.values() if since < forecast.known)
    private = {number for number, (since, _) in questions.personal.items() if since < forecast.known}
    users = forecast.users.tolist()
    few = sum(0 < count < min_users for number, count in enumerate(users) if number not in private)
    allowed = [
        (number, expected)
        for number, expected in zip(forecast.question.tolist(), forecast.expected.tolist(), strict=True)
        if expected > 0 and number not in private and users[number] >= min_users
    ]
    return allowed, Dropped(mail=why["mail"], long_number=why["long_number"], few_users=few)
