import json
from dataclasses import dataclass

import pytest
from openai.types import Model

from slipstream.errors import ModelNotFound
from slipstream.gateway.openai import models_list


@dataclass(frozen=True)
class Listed:
    id: str
    provider: str


class Shelf:
    def list(self):
        return [Listed("anthropic.claude-x", "anthropic"), Listed("amazon.nova-y", "amazon")]

    def nearest(self, name):
        return ["amazon.nova-y"] if name.startswith("nova") else []


ALIASES = {"fast": "amazon.nova-y"}


def test_aliases_come_first_and_say_what_they_stand_for():
    body = json.loads(models_list.encode(Shelf(), ALIASES))
    assert [entry["id"] for entry in body["data"]] == ["fast", "anthropic.claude-x", "amazon.nova-y"]
    assert body["data"][0]["slipstream"] == {"alias_of": "amazon.nova-y"}
    for entry in body["data"]:
        Model.model_validate(entry)


def test_one_model_or_alias_can_be_looked_up():
    assert json.loads(models_list.encode_one(Shelf(), ALIASES, "amazon.nova-y"))["owned_by"] == "amazon"
    assert json.loads(models_list.encode_one(Shelf(), ALIASES, "fast"))["owned_by"] == "slipstream"


def test_an_unknown_model_is_told_with_the_nearest_name():
    with pytest.raises(ModelNotFound, match=r"Did you mean 'amazon\.nova-y'\?"):
        models_list.encode_one(Shelf(), ALIASES, "nova")
    with pytest.raises(ModelNotFound, match="GET /v1/models"):
        models_list.encode_one(Shelf(), ALIASES, "x")
