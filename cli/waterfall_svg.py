"""A reply's waterfall as a picture (SVG) for pages and slides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from cli.waterfall_view import BEFORE, EXPLAINED, WITHIN, summary, waited

WIDTH, LEFT, RIGHT, ROW, TOP = 880, 150, 110, 30, 76
COLOURS = {
    BEFORE: "#94a3b8", "start": "#94a3b8",
    "parse": "#0e7490", "resolve": "#0e7490", "plan": "#0e7490", "heal": "#a21caf", "connect": "#b45309",
    "retrieve": "#be123c", **dict.fromkeys(WITHIN, "#fb7185"),
    "bedrock_wait": "#1d4ed8", "first_token": "#4f46e5", "stream": "#15803d", "settle": "#64748b",
}  # fmt: skip
FONT = "ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"


def picture(question: str, report: Mapping[str, Any], first_token_ms: float | None, total_ms: float) -> str:
    """The picture's text. Bars are in ms from the client's sending; widths are true, with a hairline as the least."""
    rows = waited(report, first_token_ms)
    end = max((start + duration for _, start, duration in rows), default=0.0) or 1.0
    height = TOP + ROW * len(rows) + 62
    facts = summary(report, first_token_ms, total_ms)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="{FONT}" role="img">',
        f"<title>Waterfall of one request: {escape(question)}</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#ffffff" stroke="#e2e8f0"/>',
        f'<text x="24" y="34" font-size="17" font-weight="600" fill="#0f172a">{escape(question)}</text>',
        f'<text x="24" y="56" font-size="12.5" fill="#475569">{escape(facts)}</text>',
        *grid(end, TOP, TOP + ROW * len(rows)),
    ]
    for index, (name, start, duration) in enumerate(rows):
        parts += row(name, start, duration, end, TOP + ROW * index)
    return "\n".join([*parts, "</svg>"]) + "\n"


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
    """Five time lines with their labels."""
    parts = []
    for fifth in range(6):
        x = x_of(end * fifth / 5, end)
        parts.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="#e2e8f0"/>')
        label = f"{end * fifth / 5:,.0f} ms"
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 20}" font-size="11.5" text-anchor="middle" fill="#64748b">{label}</text>'
        )
    return parts
