from __future__ import annotations

import msgspec
import pytest

from slipstream.models import catalogue
from slipstream.models.catalogue import FAMILIES, Catalogue, Family, load
from slipstream.models.identifiers import GEOGRAPHIES
from slipstream.models.model import Model

MODELS = load().list()
CHAT = [model for model in MODELS if model.kind == "chat"]


def test_every_family_file_holds_models_of_its_own_provider_only() -> None:
    for name in FAMILIES:
        assert {model.provider for model in MODELS if model.id.startswith(f"{name}.")} == {name}
    assert {model.provider for model in MODELS} == set(FAMILIES)


def test_no_id_means_two_models() -> None:
    names = [name for model in MODELS for name in (model.id, *model.ids)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_a_models_record_is_whole(model: Model) -> None:
    assert load().find(model.id) is model
    assert set(model.prefixes) <= GEOGRAPHIES
    assert model.on_demand or model.prefixes, "a model without on-demand access needs a profile"
    assert model.context_tokens > 0
    assert model.tiers[0] == "default"
    assert (model.rules.top_k is None) == (model.rules.top_k_field is None)
    if model.kind == "chat":
        assert 0 < model.output_tokens <= model.context_tokens
        assert model.embedding_body is None
    else:
        assert model.dimensions
        assert model.embedding_body
    if model.cache.kind == "explicit":
        assert 1000 <= model.cache.min_tokens <= 4096
        assert model.cache.max_points == 4


@pytest.mark.parametrize("model", [m for m in MODELS if m.price], ids=lambda model: model.id)
def test_a_price_says_when_and_where_it_was_read_and_a_cache_read_is_cheaper(model: Model) -> None:
    price = model.price
    assert price is not None
    assert price.as_of
    assert price.source
    if price.cache_read is not None:
        assert price.cache_read < price.input
    if price.cache_write_1h is not None and price.cache_write is not None:
        assert price.cache_write_1h > price.cache_write >= price.input


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        ("anthropic.claude-haiku-4-5-20251001-v1:0", "Claude Haiku 4.5"),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "Claude Haiku 4.5"),
        ("global.anthropic.claude-sonnet-4-6", "Claude Sonnet 4.6"),
        ("anthropic.claude-opus-5-5", "Claude Opus 5.5"),
        ("us.anthropic.claude-opus-5-v1:0", "Claude Opus 5"),
        ("apac.amazon.nova-lite-v1:0", "Nova Lite"),
        ("amazon.nova-lite-v1:0:24k", "Nova Lite"),
        ("openai.gpt-oss-20b", "GPT OSS 20B"),
    ],
)
def test_an_id_is_found_with_any_geographic_prefix_and_under_its_other_names(model_id: str, name: str) -> None:
    model = load().find(model_id)
    assert model is not None
    assert model.name == name


def test_a_newer_point_release_is_not_mistaken_for_the_older_model() -> None:
    model = load().find("anthropic.claude-opus-5-6")
    assert model is not None
    assert not model.known


def test_an_unlisted_id_of_a_known_provider_gets_cautious_defaults() -> None:
    model = load().find("us.anthropic.claude-future-1-v1:0")
    assert model is not None
    assert not model.known
    assert model.id == "anthropic.claude-future-1-v1:0"
    assert model.rules.temperature_or_top_p
    assert model.price is None


def test_an_unlisted_id_of_a_provider_without_a_file_gets_them_too() -> None:
    model = load().find("zai.glm-9")
    assert model is not None
    assert (model.provider, model.known) == ("zai", False)


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4",
        "",
        ".",
        "us.",
        "anthropic",
        "anthropic.",
        "others.x",
        "nobody.model-1",
        "anthropic.cl aude",
        "anthropic.café",
    ],
)
def test_a_foreign_name_is_not_found(name: str) -> None:
    assert load().find(name) is None


def test_the_nearest_names_are_offered_by_id_by_plain_name_and_by_alias() -> None:
    assert "anthropic.claude-haiku-4-5-20251001-v1:0" in load().nearest("claude haiku 4.5")
    assert load().nearest("nova-pro-v1")[0] == "amazon.nova-pro-v1:0"
    assert load().nearest("balancd", ("fast", "balanced")) == ("balanced",)
    assert load().nearest("zzzzzzzzzzzz") == ()


def test_only_the_family_that_is_asked_for_is_read() -> None:
    read: list[str] = []

    def reading(name: str) -> bytes:
        read.append(name)
        return catalogue._read_shipped(name)

    own = Catalogue(reading)
    own.find("us.amazon.nova-pro-v1:0")
    own.find("amazon.nova-lite-v1:0")
    assert read == ["amazon"]


def test_a_wrong_field_in_a_file_is_refused_by_name() -> None:
    raw = b"""{"providers": ["x"], "prices": {}, "unknown": {"context_tokens": 1},
      "models": [{"id": "x.y", "name": "Y", "context_tokens": 1, "temprature": 1}]}"""
    with pytest.raises(TypeError, match="temprature"):
        Family(raw)


@pytest.mark.parametrize(
    "model_id", [*(model.id for model in MODELS), *(f"{name}.new-1" for name in FAMILIES), "zai.x"]
)
def test_every_field_of_a_record_has_its_type(model_id: str) -> None:
    model = load().find(model_id)
    assert model is not None
    assert msgspec.convert(msgspec.to_builtins(model), Model) == model


def test_the_openai_models_are_called_where_bedrock_serves_them() -> None:
    gpt_55, sol, oss = (load().find(f"openai.{name}") for name in ("gpt-5.5", "gpt-6-sol", "gpt-oss-120b-1:0"))
    assert gpt_55 is not None
    assert sol is not None
    assert oss is not None
    assert (gpt_55.endpoint.dialect, gpt_55.endpoint.signing_name) == ("responses", "bedrock-mantle")
    assert gpt_55.endpoint.host == "bedrock-mantle.{region}.api.aws"
    assert sol.endpoint.host == "bedrock-runtime.{region}.amazonaws.com"
    assert oss.endpoint.dialect == "converse"
