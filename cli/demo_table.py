"""The table at the end of the tour: each answer's figures beside those of the same request without the technique."""

from __future__ import annotations

from dataclasses import dataclass

from rich.box import SIMPLE
from rich.table import Table

from cli.gateway_client import Reply
from cli.tour import Stop

SAME_PRICE = 0.02
"""Relative difference of two prices below which they count as the same: answers differ by a few tokens."""


@dataclass(frozen=True)
class Outcome:
    """What came of one stop: the replies with the technique, and its counterpart (or the sum, for several at once)."""

    stop: Stop
    replies: list[Reply]
    took_ms: float
    counterpart: Reply | None
    counterpart_ms: float

    @property
    def first_token_ms(self) -> float:
        """Until there was something to read."""
        return min(reply.first_token_ms or reply.total_ms for reply in self.replies)

    @property
    def cost_usd(self) -> float | None:
        """Dollars of all replies, None where no price is known."""
        return added(self.replies, "cost_usd")

    def tokens(self, name: str) -> int:
        """Tokens of one kind over all replies."""
        return sum(int((reply.report.get("tokens") or {}).get(name, 0)) for reply in self.replies)


def added(replies: list[Reply], name: str) -> float | None:
    """Sum of a figure that every report has, else None."""
    figures = [reply.report.get(name) for reply in replies]
    return None if None in figures else float(sum(figure for figure in figures if figure is not None))


def share(now: float, before: float) -> str:
    """The change in per cent."""
    return f"{(now - before) / before:+.0%}" if before else "–"


def saved(outcome: Outcome) -> tuple[str, str, str]:
    """(with the technique, without it, what was saved), in the unit that the technique is about.

    Gains in time are the double's, so they are called modelled; a change of price is told only where there is one.
    """
    other = outcome.counterpart
    if outcome.stop.compared == "first_token" and other is not None:
        now, before, of = outcome.first_token_ms, other.first_token_ms or other.total_ms, "wait"
    else:
        now, before, of = outcome.took_ms, outcome.counterpart_ms, "time"
    texts = [f"{now:,.0f} ms"], [f"{before:,.0f} ms"], [f"{share(now, before)} {of} (modelled)"]
    cost, cost_before = outcome.cost_usd, None if other is None else added([other], "cost_usd")
    if cost is not None and cost_before and abs(cost / cost_before - 1) > SAME_PRICE:
        for text, word in zip(
            texts, (dollars(cost), dollars(cost_before), f"{share(cost, cost_before)} cost"), strict=True
        ):
            text.append(word)
    with_it, without_it, change = ("\n".join(text) for text in texts)
    return with_it, without_it, change


def dollars(usd: float | None) -> str:
    """A price of some millionths of a dollar."""
    return "–" if usd is None else f"${usd:.6f}"


def answers(outcomes: list[Outcome]) -> Table:
    """One row an answer: its figures."""
    shown = Table(title="The answers", title_justify="left", box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("", "first token", "total", "tokens in", "cached", "out", "cost"):
        shown.add_column(name, justify="right" if name else "left", no_wrap=True)
    for outcome in outcomes:
        shown.add_row(
            outcome.stop.technique,
            f"{outcome.first_token_ms:,.0f} ms",
            f"{outcome.took_ms:,.0f} ms",
            f"{outcome.tokens('input'):,}",
            f"{outcome.tokens('cached'):,}",
            f"{outcome.tokens('output'):,}",
            dollars(outcome.cost_usd),
        )
    return shown


def savings(outcomes: list[Outcome]) -> Table:
    """One row a technique: the same request with and without it."""
    shown = Table(
        title="What each technique saved against the same request without it", title_justify="left", box=SIMPLE
    )
    for name in ("", "with", "without", "change"):
        shown.add_column(name, no_wrap=not name)
    for outcome in outcomes:
        with_it, without_it, change = saved(outcome)
        shown.add_row(outcome.stop.technique, with_it, f"{without_it}\n[dim]{outcome.stop.baseline}[/dim]", change)
    return shown
