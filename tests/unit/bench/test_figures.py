"""Figures say what was not measured, and name things so that they can be told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import figures
from bench.cold_start import RECORDED

ADDED = {"p50": 0.9, "p50_low_95": 0.8, "p50_high_95": 1.1, "p99": 3.0, "p99_low_95": 1.0, "p99_high_95": 5.0}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(figures, "FOLDER", tmp_path)
    return tmp_path


def said(svg: Path) -> str:
    """matplotlib draws text as paths, and leaves it beside them as comments."""
    return "\n".join(line for line in svg.read_text().splitlines() if "<!--" in line)


def test_recorded_cold_starts_are_hatched_and_the_note_says_why() -> None:
    own = {"own loop": {"first_byte_ms": {"p50": 66.0}}, "own loop, 0.29 vCPU": {"first_byte_ms": {"p50": 247.0}}}

    with_record = figures.cold_start({"runtimes": own | RECORDED}).read_text()
    alone = figures.cold_start({"runtimes": own}).read_text()

    assert "Hatched: not measured in this run" in with_record
    assert "<pattern" in with_record
    assert "Hatched" not in alone
    assert "<pattern" not in alone


def test_both_cpu_shares_of_a_runtime_stand_in_one_row() -> None:
    row = {"first_byte_ms": {"p50": 1.0}}

    shown = said(figures.cold_start({"runtimes": {"own loop": row, "own loop, 0.29 vCPU": row} | RECORDED}))

    assert shown.count("<!-- own loop -->") == 1
    assert "1,105" in shown


def test_what_a_cache_saves_in_time_is_called_modelled_and_stands_beside_what_is_published() -> None:
    setting = {
        "model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "prefix_tokens": 8_000, "ttft_ratio": 1.85,
        "cold": {"ttft_ms": 1459.0}, "warm": {"ttft_ms": 789.0},
    }  # fmt: skip
    published = [{"who": "Anthropic", "change": -0.31, "at": "at 10,000 tokens"}]

    shown = said(figures.prompt_cache({"settings": [setting], "published": published}))

    assert "(modelled)" in shown
    assert "claude-sonnet-4-5, 8,000 tokens" in shown
    assert "31% at 10,000 tokens" in shown


def test_the_overhead_figure_shows_what_is_added_at_each_concurrency() -> None:
    level = {"direct": {"ttft_ms": {"p50": 50.9}}, "added_ttft_ms": {"gateway": ADDED}}

    shown = said(figures.overhead({"concurrency": {"1": level, "50": level}}))

    assert shown.count("+0.90 ms") == 2
    assert "50 at once" in shown
