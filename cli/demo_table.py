"""The table at the end of the tour: each answer's figures beside those of the same request without the technique."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.table import Table

from cli.gateway_client import Reply
from cli.tour import Stop


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


def saved(outcome: Outcome) -> tuple[str, str]:
    """(the counterpart's figure, what was saved), in the unit that the technique is about."""
    other = outcome.counterpart
    if outcome.stop.compared == "first_token" and other is not None:
        before = other.first_token_ms or other.total_ms
        text, change = f"first token {before:,.0f} ms", f"{share(outcome.first_token_ms, before)} wait (modelled)"
    elif outcome.stop.compared == "total" or other is None:
        before = outcome.counterpart_ms
        text, change = f"total {before:,.0f} ms", f"{share(outcome.took_ms, before)} time (modelled)"
    else:
        text, change = "", ""
    cost, cost_before = outcome.cost_usd, None if other is None else added([other], "cost_usd")
    if cost is not None and cost_before:
        text = ", ".join(filter(None, (text, dollars(cost_before))))
        change = ", ".join(filter(None, (change, f"{share(cost, cost_before)} cost")))
    return text, change


def dollars(usd: float | None) -> str:
    """A price of some millionths of a dollar."""
    return "–" if usd is None else f"${usd:.6f}"


def table(outcomes: list[Outcome]) -> Table:
    """One row a stop."""
    shown = Table(title="What each technique saved", title_justify="left", show_lines=False)
    columns: list[tuple[str, Any]] = [
        ("technique", "left"), ("first token", "right"), ("total", "right"), ("tokens in (cached)", "right"),
        ("out", "right"), ("cost", "right"), ("without it", "left"), ("saved", "left"),
    ]  # fmt: skip
    for name, justify in columns:
        shown.add_column(name, justify=justify)
    for outcome in outcomes:
        before, change = saved(outcome)
        shown.add_row(
            outcome.stop.technique,
            f"{outcome.first_token_ms:,.0f} ms",
            f"{outcome.took_ms:,.0f} ms",
            f"{outcome.tokens('input'):,} ({outcome.tokens('cached'):,})",
            f"{outcome.tokens('output'):,}",
            dollars(outcome.cost_usd),
            f"{outcome.stop.baseline}: {before}",
            change,
        )
    return shown
