"""Learns, on a schedule, what checks and reports have told of each namespace's semantic hits."""

from __future__ import annotations

import os
from functools import cache
from time import perf_counter
from typing import Any

import msgspec

from slipstream.caching.semantic.learner import Learner

SPARE_S = 30.0
"""Seconds before the function's end in which no namespace is begun: the largest takes some ten."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Lambda's entry: counts of namespaces (learnt, waiting for more labels, failed by code, left for want of time)."""
    del event
    return respond(_learner(), perf_counter() + context.get_remaining_time_in_millis() / 1000 - SPARE_S)


def respond(learner: Learner, until_s: float) -> dict[str, Any]:
    """What one round comes to; nothing is begun after ``until_s`` (monotonic)."""
    done: dict[str, Any] = msgspec.to_builtins(learner.run(lambda: perf_counter() < until_s))
    return done


@cache
def _learner() -> Learner:
    from slipstream.runtime.learning_parts import build_learner

    return build_learner(os.environ)
