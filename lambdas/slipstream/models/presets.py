"""Sampling for a purpose: what a caller who names a use case, and nothing else, gets."""

from __future__ import annotations

import msgspec


class Preset(msgspec.Struct, frozen=True):
    """Starting point for one use case, before it is fitted to a model. ``max_tokens`` counts visible output."""

    temperature: float
    top_p: float
    top_k: int
    max_tokens: int
    why: str


PRESETS: dict[str, Preset] = {
    "extraction": Preset(
        0.0, 0.1, 1, 1024,
        "the text has one right answer, so the likeliest token each time; room for a record of some 50 fields",
    ),
    "classification": Preset(
        0.0, 0.1, 1, 128,
        "a label and at most a sentence; a low max_tokens also reserves little of the quota",
    ),
    "summarization": Preset(
        0.3, 0.5, 50, 1024,
        "faithful, yet free to rephrase; about 700 words are a long summary",
    ),
    "creative": Preset(
        0.8, 0.9, 200, 4096,
        "the middle of 0.7 to 1.0: variety without falling apart; about 3,000 words",
    ),
    "code": Preset(
        0.2, 0.3, 40, 8192,
        "few right continuations, some choice of names; a file of several hundred lines",
    ),
    "chat": Preset(
        0.5, 0.7, 100, 2048,
        "lively but on the subject; longer answers are seldom read",
    ),
}  # fmt: skip
"""Temperature and top_p as the product's table has them; top_k narrows where a model knows it."""

DEFAULT_MAX_TOKENS = 4096
"""Sent where nobody chose: Bedrock reserves the model's whole maximum of the quota for a call that names none."""
