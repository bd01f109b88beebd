from __future__ import annotations

import msgspec
import pytest

from slipstream.chat.events import Usage
from slipstream.models.cost import price_of
from slipstream.models.resolve import Resolver

from .conftest import HAIKU, NOVA_PRO, asking

MILLION = 1_000_000


def cost(usage: Usage, model: str = HAIKU, **changes: str) -> tuple[float | None, float | None]:
    call = msgspec.structs.replace(Resolver().resolve(asking(model)), **changes)
    out = price_of(call, usage)
    return out.usd, out.saved_usd


def test_input_and_output_cost_what_the_price_list_says() -> None:
    assert cost(Usage(input_tokens=MILLION, output_tokens=MILLION)) == (6.0, 0.0)


def test_reads_save_nine_tenths_of_the_input_price() -> None:
    assert cost(Usage(cache_read_tokens=MILLION)) == pytest.approx((0.1, 0.9))


def test_writes_lose_a_quarter_of_it() -> None:
    assert cost(Usage(cache_write_tokens=MILLION)) == pytest.approx((1.25, -0.25))


def test_writes_for_an_hour_lose_all_of_it() -> None:
    usage = Usage(cache_write_tokens=MILLION, cache_details=[{"ttl": "1h", "inputTokens": MILLION}])
    assert cost(usage) == pytest.approx((2.0, -1.0))


def test_one_write_and_one_read_together_save_money() -> None:
    write, read = cost(Usage(cache_write_tokens=8000)), cost(Usage(cache_read_tokens=8000))
    assert write[1] is not None
    assert read[1] is not None
    assert write[1] + read[1] > 0


def test_the_tier_that_was_really_used_sets_the_price() -> None:
    usage = Usage(input_tokens=MILLION)
    assert cost(usage, NOVA_PRO, service_tier="flex")[0] == pytest.approx(0.4)
    used = msgspec.structs.replace(usage, service_tier="default")
    assert cost(used, NOVA_PRO, service_tier="flex")[0] == pytest.approx(0.8)


def test_a_long_prompt_costs_more_where_the_price_list_says_so() -> None:
    model = "global.anthropic.claude-haiku-5-5"
    short, long = cost(Usage(input_tokens=100_000), model)[0], cost(Usage(input_tokens=100_001), model)[0]
    assert short == pytest.approx(0.01)
    assert long == pytest.approx(0.05, rel=1e-4)


def test_no_price_no_figure() -> None:
    assert cost(Usage(input_tokens=5), "global.openai.gpt-6-sol") == (None, None)


def test_odd_cache_details_are_ignored() -> None:
    assert cost(Usage(cache_write_tokens=MILLION, cache_details={"x": 1}))[0] == pytest.approx(1.25)
    assert cost(Usage(cache_write_tokens=MILLION, cache_details=["x", {"ttl": "5m"}]))[0] == pytest.approx(1.25)
