"""That a stream is incremental, at the pace that was asked for; and text from another server."""

from __future__ import annotations

import contextlib
import time

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from local.bedrock.catalogue import load
from local.bedrock.pace import pace_of
from local.bedrock.settings import Settings
from tests.contract.bedrock.running import QUICK, Running, says, text_of

NOVA = "amazon.nova-pro-v1:0"
LLAMA = "meta.llama3-1-70b-instruct-v1:0"


def test_tokens_arrive_before_later_ones_are_made() -> None:
    with Running(Settings(first_token_ms=0, token_ms=40, output_tokens=8)) as server:
        seen = []
        with contextlib.closing(server.boto().converse_stream(modelId=NOVA, messages=[says("Hi")])["stream"]) as stream:
            seen.extend(
                server.control("stats")["completed_streams"] for event in stream if "contentBlockDelta" in event
            )
        # While the client holds each token but the last, the server has not yet finished.
        assert seen[:-1] == [0] * 7


def test_no_token_comes_before_its_time() -> None:
    with Running(Settings(first_token_ms=40, token_ms=4, output_tokens=10)) as server:
        client = server.boto()
        began = time.monotonic()
        stream = client.converse_stream(modelId=NOVA, messages=[says("Hi")])["stream"]
        arrivals = [time.monotonic() - began for event in stream if "contentBlockDelta" in event]
    assert all(at >= 0.040 + 0.004 * i for i, at in enumerate(arrivals))
    assert len(arrivals) == 10


def test_fixed_output_tokens_are_what_usage_reports() -> None:
    with Running(Settings(**QUICK, output_tokens=40)) as server:
        client = server.boto()
        assert client.converse(modelId=NOVA, messages=[says("Hi")])["usage"]["outputTokens"] == 40
        limited = client.converse(modelId=NOVA, messages=[says("Hi")], inferenceConfig={"maxTokens": 7})
        assert (limited["usage"]["outputTokens"], limited["stopReason"]) == (7, "max_tokens")


def pace(model: str, tokens: int, latency: str | None = None, tier: str | None = None) -> tuple[float, float]:
    catalogue = load()
    found = pace_of(
        catalogue.by_id[model], tokens, catalogue=catalogue, settings=Settings(), latency=latency, tier=tier
    )
    return found.first_token_s, found.token_s


@given(st.integers(0, 200_000), st.integers(1, 100_000))
def test_a_longer_uncached_prompt_waits_longer_by_the_prefill_rate(tokens: int, more: int) -> None:
    rate = load().by_id[NOVA].pace.prefill_tokens_per_s
    assert pace(NOVA, tokens + more)[0] - pace(NOVA, tokens)[0] == pytest.approx(more / rate, abs=1e-9)


def test_a_cached_book_comes_as_much_sooner_as_was_published() -> None:
    catalogue = load()
    model = catalogue.by_id["anthropic.claude-sonnet-4-5-20250929-v1:0"]
    fixed = {"catalogue": catalogue, "settings": Settings(), "latency": None, "tier": None}

    computed = pace_of(model, 100_000, **fixed).first_token_s  # type: ignore[arg-type]
    cached = pace_of(model, 0, cached_tokens=100_000, **fixed).first_token_s  # type: ignore[arg-type]

    assert 0.75 < 1 - cached / computed < 0.85


def test_optimized_latency_has_the_published_effect() -> None:
    (standard_first, standard_token), (first, token) = pace(LLAMA, 1000), pace(LLAMA, 1000, "optimized")
    assert first / standard_first == pytest.approx(0.48)
    assert standard_token / token == pytest.approx(2.26)


def test_tiers_order_the_pace() -> None:
    priority, default, flex = (pace(NOVA, 1000, tier=tier) for tier in ("priority", "default", "flex"))
    assert priority < default < flex


def test_every_constant_of_the_latency_model_names_its_source_and_date() -> None:
    catalogue = load()
    constants = [model.pace for model in catalogue.models]
    factors = [*catalogue.optimized.values(), *catalogue.tiers.values()]
    assert all(entry.source and entry.as_of.startswith("202") for entry in [*constants, *factors])


def test_another_server_may_write_the_text() -> None:
    with Running(Settings(**QUICK)) as writer:
        settings = Settings(llm_url=writer.url + "/openai/v1", llm_model="openai.gpt-oss-120b-1:0")
        with Running(settings) as server:
            client = server.boto()
            asked = [says("Oslo lies on a fjord. Where does Oslo lie?")]
            streamed = text_of(client.converse_stream(modelId=NOVA, messages=asked)["stream"])
            whole = client.converse(modelId=NOVA, messages=asked)
            assert streamed == whole["output"]["message"]["content"][0]["text"] == "Oslo lies on a fjord."
            assert writer.control("stats")["calls"] == {"ChatCompletions": 2}


def test_a_writer_that_fails_before_the_first_token_is_a_424() -> None:
    with Running(Settings(**QUICK)) as writer:
        writer.control("faults", {"kind": "status", "status": 500})
        with (
            Running(Settings(llm_url=writer.url + "/v1", llm_model="openai.gpt-oss-120b-1:0")) as server,
            pytest.raises(ClientError, match="text server answered 500") as refused,
        ):
            server.boto().converse_stream(modelId=NOVA, messages=[says("Hi")])
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
