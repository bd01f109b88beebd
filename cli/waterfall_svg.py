"""A reply's waterfall as a picture (SVG) for pages and slides."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log10
from textwrap import fill
from typing import Any
from xml.sax.saxutils import escape

from cli.waterfall_view import BEFORE, EXPLAINED, WITHIN, summary, waited

WIDTH, LEFT, RIGHT, ROW, TOP = 880, 150, 110, 30, 76
FACTS_CHARS = 118
"""What fits a line of the facts."""
COLOURS = {
    BEFORE: "#94a3b8", "start": "#94a3b8",
    "parse": "#0e7490", "resolve": "#0e7490", "plan": "#0e7490", "heal": "#a21caf", "connect": "#b45309",
    "retrieve": "#be123c", **dict.fromkeys(WITHIN, "#fb7185"),
    "bedrock_wait": "#1d4ed8", "first_token": "#4f46e5", "stream": "#15803d", "settle": "#64748b",
}  # fmt: skip
FONT = "ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"


def picture(
    question: str, report: Mapping[str, Any], first_token_ms: float | None, total_ms: float, note: str = ""
) -> str:
    """The picture's text. Bars are in ms from the client's sending; widths are true, with a hairline as the least.

    ``note`` says what else is to be known of the times, at the foot.
    """
    rows = waited(report, first_token_ms)
    end = max((start + duration for _, start, duration in rows), default=0.0) or 1.0
    facts = fill(summary(report, first_token_ms, total_ms), FACTS_CHARS).split("\n")
    top = TOP + 18 * (len(facts) - 1)
    height = top + ROW * len(rows) + (58 if note else 36)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="{FONT}" role="img">',
        f"<title>Waterfall of one request: {escape(question)}</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#ffffff" stroke="#e2e8f0"/>',
        f'<text x="24" y="34" font-size="17" font-weight="600" fill="#0f172a">{escape(question)}</text>',
        *(
            f'<text x="24" y="{56 + 18 * number}" font-size="12.5" fill="#475569">{escape(line)}</text>'
            for number, line in enumerate(facts)
        ),
        *grid(end, top, top + ROW * len(rows)),
    ]
    for index, (name, start, duration) in enumerate(rows):
        parts += row(name, start, duration, end, top + ROW * index)
    if note:
        parts.append(f'<text x="24" y="{height - 14}" font-size="11.5" fill="#64748b">{escape(note)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def tick_ms(end: float) -> float:
    """A round step (1, 2 or 5 times a power of ten) that gives at most seven lines."""
    power = 10.0 ** floor(log10(end / 6))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power * 6 >= end)


def x_of(ms: float, end: float) -> float:
    """Place on the time axis."""
    return LEFT + (WIDTH - LEFT - RIGHT) * ms / end


def row(name: str, start: float, duration: float, end: float, y: float) -> list[str]:
    """One span: its name, bar and length."""
    x, width = x_of(start, end), max(x_of(start + duration, end) - x_of(start, end), 1.5)
    label, length = escape(EXPLAINED.get(name, name)), f"{duration:,.1f} ms"
    return [
        f'<text x="{LEFT - 12}" y="{y + 20}" font-size="13" text-anchor="end" fill="#334155">{label}</text>',
        f'<rect x="{x:.1f}" y="{y + 7}" width="{width:.1f}" height="17" rx="3" fill="{COLOURS.get(name, "#475569")}"/>',
        f'<text x="{x + width + 7:.1f}" y="{y + 20}" font-size="12" fill="#334155">{length}</text>',
    ]


def grid(end: float, top: float, bottom: float) -> list[str]:
    """Time lines at round numbers, with their labels."""
    parts = []
    step = tick_ms(end)
    for at_ms in (number * step for number in range(int(end / step) + 1)):
        x = x_of(at_ms, end)
        parts.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="#e2e8f0"/>')
        label = f"{at_ms:,.0f} ms" if step >= 1 else f"{at_ms:g} ms"
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 20}" font-size="11.5" text-anchor="middle" fill="#64748b">{label}</text>'
        )
    return parts
