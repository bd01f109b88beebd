"""The chat function's settings say what is wrong with them."""

from __future__ import annotations

import pytest

from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.settings import read_settings

REGION = {"AWS_REGION": "eu-central-1"}


def test_a_region_is_enough() -> None:
    settings = read_settings(REGION)
    assert settings.region == "eu-central-1"
    assert settings.endpoints == {}
    assert settings.cors_origins == []


def test_without_a_region_the_message_names_the_variable() -> None:
    with pytest.raises(BadSetting, match="AWS_REGION is not set"):
        read_settings({})


def test_a_services_own_endpoint_wins_over_the_common_one() -> None:
    settings = read_settings(
        REGION | {"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://model"}
    )
    assert settings.endpoints["bedrock-runtime"] == "http://model"
    assert settings.endpoints["dynamodb"] == "http://all"


@pytest.mark.parametrize("text", ["no json", "[1]", '{"fast": 1}'])
def test_aliases_that_are_no_json_object_of_texts_are_refused_by_name(text: str) -> None:
    with pytest.raises(BadSetting, match="SLIPSTREAM_ALIASES"):
        read_settings(REGION | {"SLIPSTREAM_ALIASES": text})


@pytest.mark.parametrize("name", ["SLIPSTREAM_HEARTBEAT_S", "SLIPSTREAM_WHOLE_SILENCE_S"])
@pytest.mark.parametrize("text", ["soon", "-1", "0", "901", "nan"])
def test_a_time_out_of_range_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(BadSetting, match=f"{name} must be a number of seconds"):
        read_settings(REGION | {name: text})


def test_how_long_a_whole_answer_may_be_silent_is_a_setting() -> None:
    assert read_settings(REGION).whole_silence_s == 240
    assert read_settings(REGION | {"SLIPSTREAM_WHOLE_SILENCE_S": "55.5"}).whole_silence_s == 55.5


def test_origins_are_separated_by_commas_or_blanks() -> None:
    settings = read_settings(REGION | {"SLIPSTREAM_CORS_ORIGINS": "https://a.example, https://b.example"})
    assert settings.cors_origins == ["https://a.example", "https://b.example"]


def test_a_reranking_model_named_by_its_id_stands_in_the_gateways_region() -> None:
    settings = read_settings(REGION | {"SLIPSTREAM_RERANK_MODEL": "cohere.rerank-v3-5:0"})
    assert settings.rerank_model == "arn:aws:bedrock:eu-central-1::foundation-model/cohere.rerank-v3-5:0"
    assert read_settings(REGION).rerank_model == ""


def test_a_reranking_model_in_another_region_is_named_by_its_arn() -> None:
    arn = "arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0"
    assert read_settings(REGION | {"SLIPSTREAM_RERANK_MODEL": arn}).rerank_model == arn


@pytest.mark.parametrize("text", ["arn:aws:s3:::bucket", "arn:aws:bedrock:us-west-2:1:inference-profile/us.x"])
def test_a_reranking_model_that_is_no_foundation_model_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadSetting, match="SLIPSTREAM_RERANK_MODEL"):
        read_settings(REGION | {"SLIPSTREAM_RERANK_MODEL": text})


def test_follow_up_questions_are_rewritten_by_the_small_model_unless_a_deployment_says_otherwise() -> None:
    usual = read_settings(REGION)
    off = read_settings(REGION | {"SLIPSTREAM_REWRITE_MODEL": "", "SLIPSTREAM_REWRITE_LIMIT_MS": "250"})

    assert (usual.rewrite_model, usual.rewrite_limit_ms) == ("fast", 800)
    assert (off.rewrite_model, off.rewrite_limit_ms) == ("", 250)


@pytest.mark.parametrize("text", ["0", "-1", "10001", "0.4", "soon"])
def test_a_limit_for_rewriting_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match="SLIPSTREAM_REWRITE_LIMIT_MS must be a whole number"):
        read_settings(REGION | {"SLIPSTREAM_REWRITE_LIMIT_MS": text})


def test_a_leg_may_take_a_second_unless_the_deployment_says_otherwise() -> None:
    given = read_settings(REGION | {"SLIPSTREAM_LEG_TIMEOUT_MS": "250"})

    assert (read_settings(REGION).leg_timeout_ms, given.leg_timeout_ms) == (1000, 250)


@pytest.mark.parametrize("text", ["0", "-1", "60001", "0.4", "soon"])
def test_a_limit_for_a_leg_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(
        BadSetting, match="SLIPSTREAM_LEG_TIMEOUT_MS must be a whole number of milliseconds from 1 to 60000"
    ):
        read_settings(REGION | {"SLIPSTREAM_LEG_TIMEOUT_MS": text})
