"""Models and inference profiles through boto3's bedrock client."""

from __future__ import annotations

import pytest

from tests.contract.bedrock.conftest import Service
from tests.contract.bedrock.running import Running, says

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
NOVA = "amazon.nova-lite-v1:0"


def test_models_are_listed_by_provider_and_output(service: Service) -> None:
    listed = service.control.list_foundation_models(byProvider="amazon", byOutputModality="EMBEDDING")["modelSummaries"]
    assert "amazon.titan-embed-text-v2:0" in {model["modelId"] for model in listed}
    assert {model["providerName"] for model in listed} == {"Amazon"}


def test_a_model_is_described(service: Service) -> None:
    details = service.control.get_foundation_model(modelIdentifier=NOVA)["modelDetails"]
    assert details["modelId"] == NOVA
    assert details["responseStreamingSupported"]


def test_a_geographic_profile_names_its_model_in_every_region(service: Service) -> None:
    profile = service.control.get_inference_profile(inferenceProfileIdentifier=f"us.{HAIKU}")
    assert profile["type"] == "SYSTEM_DEFINED"
    assert {entry["modelArn"].rpartition("/")[2] for entry in profile["models"]} == {HAIKU}
    assert len(profile["models"]) > 1


def test_a_profile_that_does_not_exist_is_not_found(service: Service) -> None:
    with pytest.raises(service.control.exceptions.ResourceNotFoundException):
        service.control.get_inference_profile(inferenceProfileIdentifier="us.acme.unheard-of")


def test_all_profiles_come_page_by_page(server: Running) -> None:
    pages = server.boto("bedrock").get_paginator("list_inference_profiles").paginate(PaginationConfig={"PageSize": 7})
    ids = [profile["inferenceProfileId"] for page in pages for profile in page["inferenceProfileSummaries"]]
    assert f"global.{HAIKU}" in ids
    assert len(ids) == len(set(ids)) > 14


def test_an_application_profile_answers_as_its_model_until_it_is_deleted(server: Running) -> None:
    control, runtime = server.boto("bedrock"), server.boto()
    source = f"arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.{HAIKU}"
    arn = control.create_inference_profile(inferenceProfileName="team", modelSource={"copyFrom": source})[
        "inferenceProfileArn"
    ]
    models = control.get_inference_profile(inferenceProfileIdentifier=arn)["models"]
    assert {entry["modelArn"].rpartition("/")[2] for entry in models} == {HAIKU}
    assert runtime.converse(modelId=arn, messages=[says("Hi")])["stopReason"] == "end_turn"
    control.delete_inference_profile(inferenceProfileIdentifier=arn)
    with pytest.raises(runtime.exceptions.ResourceNotFoundException):
        runtime.converse(modelId=arn, messages=[says("Hi")])
