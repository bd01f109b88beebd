"""What every Embedder does: the fake that ships, and the adapter against the local server."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

import pytest

from slipstream.aws.transport import Transport
from slipstream.fakes.embedder import HashingEmbedder
from slipstream.models.catalogue import load
from slipstream.models.embedding import Embedder, EmbeddingCall, InputType, embedding_call
from slipstream.models.targets import Targets
from slipstream.telemetry.waterfall import Waterfall
from tests.contract.upstream.calls import models

MODELS = ("amazon.titan-embed-text-v2:0", "cohere.embed-v4:0")
INPUT_TYPES: tuple[InputType, ...] = get_args(InputType)


@pytest.fixture(params=["fake", "local server"])
def embedder(request: pytest.FixtureRequest, transport: Transport) -> Embedder:
    if request.param == "fake":
        return HashingEmbedder()
    return models(transport, request.getfixturevalue("bedrock_url"))


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def asks(
    model: str, texts: Sequence[str], dimensions: int | None = None, input_type: InputType = "search_document"
) -> EmbeddingCall:
    return embedding_call(Targets(load(), {}, None, {}).find(model), texts, dimensions, input_type)


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


def test_each_text_has_its_vector_whatever_stands_beside_it(embedder: Embedder, model: str) -> None:
    texts = [f"text number {at}" for at in range(100)]
    together = embedder.embed(asks(model, texts), Waterfall()).vectors
    assert len(together) == 100
    for at in (0, 55, 99):
        (alone,) = embedder.embed(asks(model, [texts[at]]), Waterfall()).vectors
        assert cosine(alone, together[at]) == pytest.approx(1)


def test_a_text_is_nearest_to_the_one_that_says_the_same(embedder: Embedder, model: str) -> None:
    texts = ["the bridge over the river", "a bridge over a river", "quarterly figures of the company"]
    asked, like, unlike = embedder.embed(asks(model, texts), Waterfall()).vectors
    assert cosine(asked, like) > cosine(asked, unlike)


@pytest.mark.parametrize("dimensions", [256, 1024])
def test_vectors_have_the_size_that_was_asked_for(embedder: Embedder, model: str, dimensions: int) -> None:
    (vector,) = embedder.embed(asks(model, ["a bridge"], dimensions), Waterfall()).vectors
    assert len(vector) == dimensions
    assert math.hypot(*vector) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("input_type", INPUT_TYPES)
def test_every_use_of_the_vectors_is_accepted(embedder: Embedder, model: str, input_type: InputType) -> None:
    assert len(embedder.embed(asks(model, ["a bridge"], None, input_type), Waterfall()).vectors) == 1


def test_tokens_are_counted_over_all_texts(embedder: Embedder, model: str) -> None:
    one = embedder.embed(asks(model, ["a bridge over a river"]), Waterfall()).input_tokens
    two = embedder.embed(asks(model, ["a bridge over a river"] * 2), Waterfall()).input_tokens
    assert 0 < two == 2 * one


def test_the_wait_stands_in_the_waterfall(embedder: Embedder, model: str) -> None:
    waterfall = Waterfall()
    embedder.embed(asks(model, ["a bridge"]), waterfall)
    assert "bedrock_wait" in waterfall.ms()


def test_no_text_has_no_vector(embedder: Embedder, model: str) -> None:
    assert embedder.embed(asks(model, []), Waterfall()).vectors == []
