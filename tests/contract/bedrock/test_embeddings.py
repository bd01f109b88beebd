"""Embeddings: real vectors in Titan's and Cohere's shapes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from local.bedrock.minilm import MODEL_SHA256, sized
from local.bedrock.settings import Settings
from local.known_vectors import write
from tests.contract.bedrock.conftest import Service
from tests.contract.bedrock.running import QUICK, Running

TITAN = "amazon.titan-embed-text-v2:0"


def embed(client: Any, text: str, **options: Any) -> dict[str, Any]:
    body = json.dumps({"inputText": text, **options})
    answer: dict[str, Any] = json.loads(client.invoke_model(modelId=TITAN, body=body)["body"].read())
    return answer


def cosine(left: list[float], right: list[float]) -> float:
    product = sum(a * b for a, b in zip(left, right, strict=True))
    return product / (math.hypot(*left) * math.hypot(*right))


def test_like_meanings_are_nearer_than_unlike_ones(service: Service) -> None:
    texts = ("How do I reset my password?", "I forgot my password and want a new one.", "Bread rises because of yeast.")
    asked, like, unlike = (embed(service.runtime, text)["embedding"] for text in texts)
    assert cosine(asked, like) > cosine(asked, unlike) + 0.2


@pytest.mark.parametrize("dimensions", [256, 512, 1024])
def test_a_vector_has_the_dimensions_and_the_length_asked_for(service: Service, dimensions: int) -> None:
    answer = embed(service.runtime, "A bridge over a river", dimensions=dimensions)
    assert len(answer["embedding"]) == dimensions
    assert math.hypot(*answer["embedding"]) == pytest.approx(1, abs=1e-3)
    assert answer["inputTextTokenCount"] > 0


def test_one_text_has_one_vector_whatever_was_embedded_before(server: Running) -> None:
    first = embed(server.boto(), "A bridge over a river")["embedding"]
    embed(server.boto(), "Something else entirely")
    assert embed(server.boto(), "A bridge over a river")["embedding"] == first


def test_512_and_1024_dimensions_have_the_same_cosines(server: Running) -> None:
    client = server.boto()
    pairs = [[embed(client, text, dimensions=d)["embedding"] for text in ("a cat", "a dog")] for d in (512, 1024)]
    assert cosine(*pairs[0]) == pytest.approx(cosine(*pairs[1]), abs=1e-12)


def test_binary_embeddings_are_the_signs(server: Running) -> None:
    answer = embed(server.boto(), "A bridge", embeddingTypes=["binary", "float"])
    by_type = answer["embeddingsByType"]
    assert by_type["binary"] == [int(value > 0) for value in by_type["float"]]


def test_cohere_embeds_many_texts_in_one_call(server: Running) -> None:
    body = json.dumps({"texts": ["a", "b"], "input_type": "search_query", "output_dimension": 512})
    answer = json.loads(server.boto().invoke_model(modelId="cohere.embed-v4:0", body=body)["body"].read())
    assert [len(vector) for vector in answer["embeddings"]] == [512, 512]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "inputText"),
        ({"inputText": 7}, "inputText"),
        ({"inputText": "x", "dimensions": 300}, "dimensions"),
        ({"inputText": "word " * 9000}, "Too many input tokens"),
    ],
)
def test_a_bad_body_is_refused_and_the_field_named(server: Running, body: dict[str, Any], named: str) -> None:
    with pytest.raises(ClientError, match=named):
        server.boto().invoke_model(modelId=TITAN, body=json.dumps(body))


@given(st.lists(st.floats(-1, 1), min_size=384, max_size=384), st.sampled_from([512, 1024, 1536]))
def test_padding_changes_no_value(vector: list[float], dimensions: int) -> None:
    padded = sized(tuple(vector), dimensions, normalize=False)
    assert padded[:384] == vector
    assert padded[384:] == [0.0] * (dimensions - 384)


def test_a_known_vector_is_given_back_and_another_text_is_computed(tmp_path: Path) -> None:
    write(tmp_path / "vectors.npz", {"A bridge over a river": [1.0] + [0.0] * 383}, MODEL_SHA256)
    with Running(Settings(**QUICK, vectors=tmp_path / "vectors.npz")) as server:
        assert embed(server.boto(), "A bridge over a river")["embedding"][:2] == [1.0, 0.0]
        assert embed(server.boto(), "A bridge over a lake")["embedding"][:2] != [1.0, 0.0]
