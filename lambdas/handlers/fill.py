"""The second step of a run of pre-computation: a batch of its items answered and kept. Step Functions calls it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from slipstream.caching.filling.runs import Item

if TYPE_CHECKING:
    from slipstream.runtime.fill_parts import Fillers

SPARE_S = 3.0
"""Seconds before the function's end in which what is done has to be written down."""


class Of(msgspec.Struct, frozen=True):
    """What the items of a batch have in common."""

    run: str


class Batch(msgspec.Struct, frozen=True, rename={"of": "BatchInput", "items": "Items"}):
    """As an ItemBatcher of a Distributed Map gives it."""

    of: Of
    items: tuple[Item, ...]


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Lambda's entry: ``{"BatchInput": {"run": NAME}, "Items": [ITEM, …]}`` → counts by outcome, and ``cost_usd``.

    Raises what is worth calling again for: Throttled, OutOfTime, and a table that fails.
    """
    until_s = time.time() + context.get_remaining_time_in_millis() / 1000 - SPARE_S
    return respond(event, _fillers(), until_s)


def respond(event: Mapping[str, Any], fillers: Fillers, until_s: float) -> dict[str, Any]:
    """Fill what the event names."""
    batch = msgspec.convert(event, Batch)
    return fillers.of(batch.of.run).fill(batch.of.run, batch.items, until_s=until_s)


@cache
def _fillers() -> Fillers:
    from slipstream.runtime.fill_parts import Fillers
    from slipstream.runtime.settings import read_settings

    return Fillers(read_settings(os.environ), os.environ)
