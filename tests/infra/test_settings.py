import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.setting import BadSetting
from stacks.settings import LOG_DAYS, DeploySettings, reference

ROOT = Path(__file__).parents[2]


def test_what_is_not_given_has_its_default_and_the_cdks_own_context_is_let_be() -> None:
    assert DeploySettings.from_context({"aws:cdk:x": 1, "@aws-cdk/core:flag": True}) == DeploySettings()


@pytest.mark.parametrize(
    ("name", "given_as", "value"),
    [
        ("memory_mb", "2048", 2048),
        ("memory_mb", 2048, 2048),
        ("heartbeat_s", "2.5", 2.5),
        ("whole_silence_s", "55", 55.0),
        ("waf", "TRUE", True),
        ("waf", False, False),
        ("region", "", None),
        ("models", "a, b", ("a", "b")),
        ("models", '["a","b"]', ("a", "b")),
        ("models", ["a"], ("a",)),
        ("models", "", ()),
        ("aliases", '{"fast": "m"}', {"fast": "m"}),
        ("prices", {"m": {"input": 1}}, {"m": {"input": 1.0}}),
        ("streaming_host", "web_adapter", "web_adapter"),
        ("precompute_schedule", "rate(5 minutes)", "rate(5 minutes)"),
        ("precompute_schedule", "cron(30 2 ? * MON-FRI *)", "cron(30 2 ? * MON-FRI *)"),
        ("precompute_refill_schedule", "", None),
        ("precompute_time_zone", "Europe/Berlin", "Europe/Berlin"),
    ],
)
def test_text_from_the_command_line_and_values_from_cdk_json_are_both_read(
    name: str, given_as: Any, value: Any
) -> None:
    assert getattr(DeploySettings.from_context({name: given_as}), name) == value


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("memory_mb", "lots", "a whole number"),
        ("memory_mb", "1.5", "a whole number"),
        ("memory_mb", True, "a whole number"),
        ("memory_mb", 64, "a number from 128 to 10240"),
        ("authorizer_cache_ttl_s", 3601, "a number from 0 to 3600"),
        ("heartbeat_s", "nan", "a number from 1 to 280"),
        ("waf", "maybe", "true or false"),
        ("waf", 1, "true or false"),
        ("stage", "Prod!", "lower-case letters"),
        ("stage", 3, "a text"),
        ("streaming_host", "uvicorn", "one of runtime, web_adapter"),
        ("log_retention_days", 31, "one of 1, 3, 5"),
        ("aliases", "[1]", "a JSON object"),
        ("aliases", '{"fast": 1}', "a JSON object"),
        ("aliases", "{", "a JSON object"),
        ("prices", '{"m": {"input": "free"}}', "prices per million"),
        ("models", [1], "a JSON list of texts"),
        ("certificate_arn", "my-cert", "the ARN of acm"),
        ("query_log_share", 1.5, "a share from 0 (none) to 1 (all)"),
        ("precompute_schedule", "0 3 * * *", "as rate(1 hour), or as cron(0 3 * * ? *)"),
        ("precompute_schedule", "cron(0 3 * * *)", "six fields"),
        ("precompute_schedule", "cron(0 3 * * * *)", "one of the two kinds of day a '?'"),
        ("precompute_schedule", "rate(1 hours)", "rate(1 hour)"),
        ("precompute_schedule", "at(2027-01-01T03:00:00)", "rate(1 hour)"),
        ("precompute_time_zone", "Berlin", "as Europe/Berlin"),
        ("cache_epsilon", 0, "a number from 0.001 to 0.5"),
    ],
)
def test_a_bad_value_is_shown_with_its_name_and_what_would_be_right(name: str, value: Any, wanted: str) -> None:
    with pytest.raises(BadSetting) as caught:
        DeploySettings.from_context({name: value})
    assert f"setting '{name}' is " in str(caught.value)
    assert wanted in str(caught.value)


def test_an_unknown_setting_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(BadSetting, match="no setting 'memory_md'; did you mean 'memory_mb'"):
        DeploySettings.from_context({"memory_md": 1})


@pytest.mark.parametrize(
    "together",
    [
        {"snap_start": True, "provisioned_concurrency": 1},
        {"snap_start": True, "streaming_host": "web_adapter"},
        {"custom_domain": "a.example"},
        {"certificate_arn": "arn:aws:acm:r:1:certificate/x"},
        {"hosted_zone_id": "Z"},
        {"hosted_zone_id": "Z", "hosted_zone_name": "example"},
        {"heartbeat_s": 60},
        {"query_log_share": 1, "cache": "off"},
        {"cache_judge_model": "cohere.command-r-v1:0"},
        {"whole_silence_s": 281, "heartbeat_s": 5},
        {"whole_silence_s": 270, "heartbeat_s": 26},
        {"vpc_id": "vpc-1"},
        {"vpc_id": "vpc-1", "vpc_subnet_ids": "a,b", "vpc_availability_zones": "z"},
    ],
)
def test_values_that_exclude_or_need_each_other_are_refused(together: dict[str, Any]) -> None:
    with pytest.raises(BadSetting):
        DeploySettings.from_context(together)


@given(
    st.sampled_from(sorted(DeploySettings.__annotations__)), st.none() | st.text() | st.floats() | st.lists(st.text())
)
def test_any_value_is_taken_in_its_type_or_refused(name: str, value: Any) -> None:
    try:
        taken = getattr(DeploySettings.from_context({name: value}), name)
    except BadSetting:
        return  # said by name in the tests above; anything else is an error here
    assert taken is None or type(taken) in {str, int, float, bool, tuple, dict}


def test_every_number_of_days_has_the_cdks_name() -> None:
    from stacks.log_retention import retention

    assert len({retention(DeploySettings(log_retention_days=days)) for days in LOG_DAYS}) == len(LOG_DAYS)


def test_the_docs_list_every_setting_as_the_code_has_it() -> None:
    assert reference() in (ROOT / "docs" / "deploy.md").read_text()


def test_a_bad_setting_ends_the_app_with_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "lambdas"), "CDK_CONTEXT_JSON": '{"memory_mb": "lots"}'},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 1
    assert "slipstream: setting 'memory_mb' is \"lots\" (str); it has to be a whole number" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_finds_other_wordings_may_be_called_and_only_where_it_does() -> None:
    embedder = "cohere.embed-multilingual-v3"
    assert embedder in DeploySettings(cache_semantic_model=embedder).callable_models
    assert embedder not in DeploySettings(cache_semantic_model=embedder, cache_semantic="off").callable_models
    assert embedder not in DeploySettings(cache_semantic_model=embedder, cache="off").callable_models
