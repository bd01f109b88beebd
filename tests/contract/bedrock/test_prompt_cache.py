"""The prompt cache, seen through usage."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.bedrock.running import Running, says

SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
LONG = "The archive holds many facts about bridges and towers. " * 200
POINT = {"cachePoint": {"type": "default"}}
HOUR = {"cachePoint": {"type": "default", "ttl": "1h"}}


def ask(
    server: Running, *system: dict[str, Any], model: str = SONNET, question: str = "Which facts?"
) -> dict[str, Any]:
    return server.boto().converse(modelId=model, system=list(system), messages=[says(question)])["usage"]


def test_the_second_request_reads_what_the_first_has_written(server: Running) -> None:
    first = ask(server, {"text": LONG}, POINT)
    second = ask(server, {"text": LONG}, POINT, question="And which towers?")
    assert first["cacheReadInputTokens"] == 0
    assert first["cacheWriteInputTokens"] > 1024
    assert first["cacheDetails"] == [{"ttl": "5m", "inputTokens": first["cacheWriteInputTokens"]}]
    assert second["cacheReadInputTokens"] == first["cacheWriteInputTokens"]
    assert second["cacheWriteInputTokens"] == 0
    assert second["cacheDetails"] == []


def test_a_prefix_below_the_models_minimum_is_not_cached(server: Running) -> None:
    usages = [ask(server, {"text": LONG[:2000]}, POINT) for _ in range(2)]
    assert [(u["cacheReadInputTokens"], u["cacheWriteInputTokens"]) for u in usages] == [(0, 0), (0, 0)]


def test_one_changed_character_misses(server: Running) -> None:
    ask(server, {"text": LONG}, POINT)
    assert ask(server, {"text": LONG + "!"}, POINT)["cacheReadInputTokens"] == 0


def test_another_model_does_not_see_the_prefix(server: Running) -> None:
    ask(server, {"text": LONG}, POINT)
    assert ask(server, {"text": LONG}, POINT, model="us.anthropic.claude-sonnet-4-6")["cacheReadInputTokens"] == 0


def test_profiles_of_one_model_share_its_cache(server: Running) -> None:
    written = ask(server, {"text": LONG}, POINT)["cacheWriteInputTokens"]
    assert ask(server, {"text": LONG}, POINT, model=SONNET.replace("us.", "eu."))["cacheReadInputTokens"] == written


@pytest.mark.parametrize(("point", "kept_s", "gone_s"), [(POINT, 299, 301), (HOUR, 3599, 3601)])
def test_an_entry_lives_for_its_ttl_and_a_read_renews_it(server: Running, point: Any, kept_s: int, gone_s: int) -> None:
    ask(server, {"text": LONG}, point)
    for _ in range(2):
        server.control("clock", {"advance_s": kept_s - 20})
        assert ask(server, {"text": LONG}, point)["cacheReadInputTokens"] > 0
    server.control("clock", {"advance_s": gone_s})
    assert ask(server, {"text": LONG}, point)["cacheReadInputTokens"] == 0


def test_writes_are_listed_by_ttl_the_longer_first(server: Running) -> None:
    usage = ask(server, {"text": LONG}, HOUR, {"text": LONG}, POINT)
    assert [detail["ttl"] for detail in usage["cacheDetails"]] == ["1h", "5m"]
    assert sum(detail["inputTokens"] for detail in usage["cacheDetails"]) == usage["cacheWriteInputTokens"]


def test_a_longer_prefix_reads_the_shorter_and_writes_the_rest(server: Running) -> None:
    shorter = ask(server, {"text": LONG}, POINT)["cacheWriteInputTokens"]
    longer = ask(server, {"text": LONG}, {"text": "More. " * 300}, POINT)
    assert longer["cacheReadInputTokens"] == shorter
    assert longer["cacheWriteInputTokens"] > 300


def test_a_fifth_cache_point_is_refused(server: Running) -> None:
    blocks = [block for i in range(5) for block in ({"text": f"Part {i}"}, POINT)]
    with pytest.raises(ClientError, match="maximum of 4"):
        ask(server, *blocks)


def test_a_longer_ttl_behind_a_shorter_one_is_refused(server: Running) -> None:
    with pytest.raises(ClientError, match="1h must not come after"):
        ask(server, {"text": LONG}, POINT, {"text": LONG}, HOUR)


def test_a_model_without_prompt_caching_refuses_cache_points(server: Running) -> None:
    with pytest.raises(ClientError, match="did not allow prompt caching"):
        ask(server, {"text": LONG}, POINT, model="meta.llama3-1-70b-instruct-v1:0")


def test_openai_models_reuse_long_prefixes_without_being_asked(server: Running) -> None:
    client = server.openai()
    usages = [client.responses.create(model="openai.gpt-5.4", input=LONG + end).usage for end in ("a", "b")]
    cached = [usage.input_tokens_details.cached_tokens for usage in usages if usage]
    assert cached[0] == 0
    assert cached[1] >= 1024
    assert cached[1] % 128 == 0
