import json
from dataclasses import dataclass

import pytest
from openai.types import Model

from slipstream.errors import ModelNotFound
from slipstream.gateway.openai import models_list
from slipstream.models import catalogue


@dataclass(frozen=True)
class Listed:
    id: str
    provider: str
    known: bool = True
    on_demand: bool = True
    prefixes: tuple[str, ...] = ("us", "eu")


class Shelf:
    def list(self):
        return [Listed("anthropic.claude-x", "anthropic"), Listed("amazon.nova-y", "amazon")]

    def find(self, model_id):
        bare = model_id.removeprefix("us.")
        return next((model for model in self.list() if model.id == bare), Listed(bare, "x", known=False))

    def nearest(self, name, also=()):
        return ["amazon.nova-y"] if name.startswith("nova") else []


REGION = "eu-west-1"
ALIASES = {"fast": "amazon.nova-y"}


def test_aliases_come_first_and_say_what_they_stand_for():
    body = json.loads(models_list.encode(Shelf(), ALIASES, REGION))
    assert [entry["id"] for entry in body["data"]] == ["fast", "anthropic.claude-x", "amazon.nova-y"]
    assert body["data"][0]["slipstream"] == {"alias_of": "amazon.nova-y"}
    for entry in body["data"]:
        Model.model_validate(entry)


def test_one_model_or_alias_can_be_looked_up():
    assert json.loads(models_list.encode_one(Shelf(), ALIASES, REGION, "amazon.nova-y"))["owned_by"] == "amazon"
    assert json.loads(models_list.encode_one(Shelf(), ALIASES, REGION, "fast"))["owned_by"] == "slipstream"


def test_an_inference_profiles_id_can_be_looked_up():
    entry = json.loads(models_list.encode_one(Shelf(), ALIASES, REGION, "us.amazon.nova-y"))
    assert (entry["id"], entry["slipstream"]) == ("us.amazon.nova-y", {"profile_of": "amazon.nova-y"})


def test_the_shipped_catalogue_can_be_listed_and_every_entry_looked_up():
    listed = json.loads(models_list.encode(catalogue.load(), {}, REGION))["data"]
    assert len(listed) > 10
    for entry in listed:
        assert json.loads(models_list.encode_one(catalogue.load(), {}, REGION, entry["id"])) == Model(
            **entry
        ).model_dump(exclude_unset=True)


def test_an_unknown_model_is_told_with_the_nearest_name():
    with pytest.raises(ModelNotFound, match=r"Did you mean 'amazon\.nova-y'\?"):
        models_list.encode_one(Shelf(), ALIASES, REGION, "nova")
    with pytest.raises(ModelNotFound, match="GET /v1/models"):
        models_list.encode_one(Shelf(), ALIASES, REGION, "x")


def test_a_model_that_only_a_profile_serves_is_listed_by_the_profiles_id():
    listed = {entry["id"]: entry for entry in json.loads(models_list.encode(catalogue.load(), {}, REGION))["data"]}
    assert listed["eu.anthropic.claude-sonnet-4-6"]["slipstream"] == {"profile_of": "anthropic.claude-sonnet-4-6"}
    assert "anthropic.claude-sonnet-4-6" not in listed
    assert "amazon.nova-lite-v1:0" in listed


@pytest.mark.parametrize(
    ("allowed", "listed"),
    [
        (("fast",), ["fast"]),
        (("anthropic.*",), ["anthropic.claude-x"]),
        (("amazon.nova-y",), ["fast", "amazon.nova-y"]),
        (("us.amazon.nova-y",), ["us.amazon.nova-y"]),
        (("rag:handbook",), []),
        ((), ["fast", "anthropic.claude-x", "amazon.nova-y"]),
    ],
)
def test_a_key_that_is_limited_to_some_models_is_shown_those(allowed, listed):
    body = json.loads(models_list.encode(Shelf(), ALIASES, REGION, allowed))
    assert [entry["id"] for entry in body["data"]] == listed


def test_an_unknown_name_like_an_alias_is_told_the_alias():
    with pytest.raises(ModelNotFound, match="'fast'"):
        models_list.encode_one(catalogue.load(), {"fast": "amazon.nova-lite-v1:0"}, REGION, "fsat")
