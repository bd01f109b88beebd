import re

import pytest

from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.cache_settings import CacheSettings, read_cache_settings

ON = {"SLIPSTREAM_CACHE": "on"}


def test_without_the_switch_there_is_no_cache() -> None:
    assert read_cache_settings({}) is None
    assert read_cache_settings({"SLIPSTREAM_CACHE": "off", "SLIPSTREAM_CACHE_TABLE": "answers"}) is None


def test_the_switch_alone_keeps_answers_in_this_process() -> None:
    assert read_cache_settings(ON) == CacheSettings()


def test_every_choice_is_read() -> None:
    environ = ON | {
        "SLIPSTREAM_CACHE_TABLE": "answers",
        "SLIPSTREAM_CACHE_BUCKET": "bodies",
        "SLIPSTREAM_CACHE_TTL_S": "60",
        "SLIPSTREAM_CACHE_LIMIT_MS": "20",
        "SLIPSTREAM_CACHE_LEASE_S": "2.5",
        "SLIPSTREAM_CACHE_CHUNKS_PER_S": "40",
        "SLIPSTREAM_CACHE_PERSONAL": '["@", "[0-9]{16}"]',
        "SLIPSTREAM_CACHE_SHARED": '{"acme": "group"}',
        "SLIPSTREAM_CACHE_SEMANTIC": "all",
        "SLIPSTREAM_CACHE_EPSILON": "0.02",
        "SLIPSTREAM_CACHE_SEMANTIC_LIMIT_MS": "90",
        "SLIPSTREAM_CACHE_SEMANTIC_MODEL": "cohere.embed-v4:0",
        "SLIPSTREAM_CACHE_JUDGE_MODEL": "fast",
        "SLIPSTREAM_CACHE_CHECK_SHARE": "0",
    }
    assert read_cache_settings(environ) == CacheSettings(
        table="answers", bucket="bodies", ttl_s=60, limit_ms=20, lease_s=2.5, chunks_per_s=40,
        personal=("@", "[0-9]{16}"), shared={"acme": "group"}, semantic="all", epsilon=0.02, semantic_limit_ms=90,
        semantic_model="cohere.embed-v4:0", judge_model="fast", check_share=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("SLIPSTREAM_CACHE", "yes", "on or off"),
        ("SLIPSTREAM_CACHE_TTL_S", "0", "from 1 to 2.592e+06"),
        ("SLIPSTREAM_CACHE_TTL_S", "nan", "from 1"),
        ("SLIPSTREAM_CACHE_LIMIT_MS", "soon", "from 1 to 10000"),
        ("SLIPSTREAM_CACHE_LEASE_S", "31", "from 0.1 to 30"),
        ("SLIPSTREAM_CACHE_CHUNKS_PER_S", "-1", "from 0 to 10000"),
        ("SLIPSTREAM_CACHE_PERSONAL", "@", "JSON list"),
        ("SLIPSTREAM_CACHE_PERSONAL", '["("]', "no regular expression"),
        ("SLIPSTREAM_CACHE_SHARED", '["acme"]', "JSON object"),
        ("SLIPSTREAM_CACHE_SEMANTIC", "some", "off, rag or all"),
        ("SLIPSTREAM_CACHE_SEMANTIC_LIMIT_MS", "0", "from 1 to 10000"),
        ("SLIPSTREAM_CACHE_EPSILON", "0", "from 0.001 to 0.5"),
        ("SLIPSTREAM_CACHE_EPSILON", "1 %", "from 0.001 to 0.5"),
        ("SLIPSTREAM_CACHE_CHECK_SHARE", "2", "from 0 to 1"),
    ],
)
def test_a_wrong_value_is_told_with_its_name_and_what_would_be_right(name: str, value: str, right: str) -> None:
    with pytest.raises(BadSetting, match=re.escape(right)) as refused:
        read_cache_settings(ON | {name: value})
    assert name in str(refused.value)
