"""Quotas: reservation, settlement, burndown, cache reads."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.bedrock.catalogue import load
from local.bedrock.errors import BedrockError
from local.bedrock.prompt import Usage
from local.bedrock.quotas import Limit, Quotas
from tests.contract.bedrock.running import Running, says

OPUS = load().by_id["anthropic.claude-opus-4-8"]
NOVA = "amazon.nova-lite-v1:0"


class Hand:
    """A clock that stands still until moved."""

    def __init__(self) -> None:
        self.time_s = 0.0

    def now(self) -> float:
        return self.time_s


def quotas(tpm: int | None = None, rpm: int | None = None) -> tuple[Quotas, Hand]:
    clock = Hand()
    return Quotas(clock, Limit(tpm, rpm)), clock


def left(subject: Quotas) -> float:
    return subject.levels()[OPUS.id]["tokens"]


def test_input_and_max_tokens_are_reserved_at_the_start() -> None:
    subject, _ = quotas(tpm=10_000)
    subject.reserve(OPUS, 1_000, 4_000)
    assert left(subject) == 5_000


def test_unset_max_tokens_reserve_the_models_maximum() -> None:
    subject, _ = quotas(tpm=10_000)
    with pytest.raises(BedrockError, match="Too many tokens"):
        subject.reserve(OPUS, 1_000, None)


def test_settling_counts_output_times_burndown_and_no_cache_reads() -> None:
    subject, _ = quotas(tpm=10_000)
    reservation = subject.reserve(OPUS, 5_000, 1_000)
    subject.settle(OPUS, reservation, Usage(input=100, output=50, cache_read=4_400, cache_write=500))
    assert left(subject) == 10_000 - (100 + 500 + 50 * 15)


def test_the_allowance_comes_back_over_a_minute() -> None:
    subject, clock = quotas(tpm=6_000)
    subject.reserve(OPUS, 6_000, 0)
    clock.time_s = 30
    assert left(subject) == 3_000
    clock.time_s = 600
    assert left(subject) == 6_000


def test_requests_are_counted_apart_from_tokens() -> None:
    subject, _ = quotas(rpm=2)
    subject.reserve(OPUS, 1, 1)
    subject.reserve(OPUS, 1, 1)
    with pytest.raises(BedrockError, match="Too many requests"):
        subject.reserve(OPUS, 1, 1)


def test_a_throttled_call_is_a_429_and_the_next_minute_passes(server: Running) -> None:
    server.control("quotas", {"model": NOVA, "rpm": 1})
    client = server.boto()
    asked: dict[str, Any] = {"modelId": NOVA, "messages": [says("Hi")], "inferenceConfig": {"maxTokens": 50}}
    client.converse(**asked)
    with pytest.raises(client.exceptions.ThrottlingException) as refused:
        client.converse(**asked)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    server.control("clock", {"advance_s": 61})
    assert client.converse(**asked)["stopReason"] == "end_turn"


def test_a_refused_call_costs_nothing(server: Running) -> None:
    server.control("quotas", {"model": NOVA, "tpm": 100})
    client = server.boto()
    with pytest.raises(ClientError, match="Too many tokens"):
        client.converse(modelId=NOVA, messages=[says("Hi")], inferenceConfig={"maxTokens": 5_000})
    assert client.converse(modelId=NOVA, messages=[says("Hi")], inferenceConfig={"maxTokens": 50})["usage"]
