"""The names that a deployment knows unless its settings say otherwise. Imports nothing: the CDK app reads it too."""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT_ALIASES: Mapping[str, str] = {
    "fast": "global.anthropic.claude-haiku-4-5-20251001-v1:0",
    "balanced": "global.anthropic.claude-sonnet-4-6",
    "best": "global.anthropic.claude-opus-5-5",
}
"""Global profiles: one list for all commercial regions that offer them, at the lower of a model's two prices.

``fast`` and ``balanced`` answer at once and take sampling, so that use cases mean something there; newer models of
their size think first and refuse it. ``best`` is the strongest one, which thinks, and may.
"""
