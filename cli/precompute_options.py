"""Options that planning and its evaluation share: the budget, what an answer costs and what waiting is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from slipstream.caching.precompute.privacy import MIN_USERS
from slipstream.caching.precompute.value import Costs, Valuation

F = TypeVar("F", bound=Callable[..., Any])
_DEFAULT = Costs()
_COSTS = (
    ("--model", "model", str, "Who answers: an id, an alias or an ARN."),
    ("--context-tokens", "context_tokens", int, "Input tokens besides the question: instructions and passages."),
    ("--answer-tokens", "answer_tokens", int, "Output tokens of an answer."),
    ("--saved-s", "saved_s", float, "Seconds that a hit saves a user."),
    ("--second-usd", "second_usd", float, "What a second of waiting is worth, in dollars."),
    ("--price-factor", "price_factor", float, "On the price of answering beforehand: 0.5 for batch inference."),
    ("--answer-kb", "answer_kb", float, "KB of a stored answer."),
    ("--kept-months", "kept_months", float, "Months that it is kept."),
)


def plan_options(command: F) -> F:
    """What a plan may cost and must be worth, besides what its evaluation takes too."""
    fill = "Use the whole budget, also for answers that cost more than they save."
    command = click.option("--fill", is_flag=True, help=fill)(command)
    command = click.option("--budget-usd", type=float, help="Dollars at most, a period.")(command)
    return evaluation_options(command)


def evaluation_options(command: F) -> F:
    """How many answers, of whose questions, and what each costs and is worth (`Costs`)."""
    few = "Leave out what fewer asked (visits; impressions where the log has none)."
    stems = "ISO 639-1: whose stems group the queries.  [default: the first period's]"
    for flag, name, kind, told in reversed(_COSTS):
        command = click.option(flag, name, type=kind, default=getattr(_DEFAULT, name), show_default=True, help=told)(
            command
        )
    command = click.option("--language", help=stems)(command)
    command = click.option("--min-users", type=int, default=MIN_USERS, show_default=True, help=few)(command)
    return click.option("--budget", type=int, default=200, show_default=True, help="Answers at most, a period.")(
        command
    )


def valuation_from(given: Mapping[str, Any]) -> Valuation:
    """The options' values, priced by the catalogue. Raises SlipstreamError where that cannot be."""
    from cli.models import aliases_setting, json_setting
    from slipstream.models.resolve import Resolver

    try:
        resolver = Resolver(aliases=aliases_setting(), prices=json_setting("SLIPSTREAM_PRICES"))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    return Valuation(Costs(**given), resolver)
