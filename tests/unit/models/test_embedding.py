"""What may be asked of an embedding model: from the catalogue, before anything is sent."""

from __future__ import annotations

import pytest

from slipstream.errors import InvalidRequest
from slipstream.models.catalogue import load
from slipstream.models.embedding import embedding_call
from slipstream.models.targets import Target, Targets


def target(name: str) -> Target:
    return Targets(load(), {}, None, {}).find(name)


@pytest.mark.parametrize(
    ("name", "body", "max_texts"),
    [
        ("amazon.titan-embed-text-v2:0", "titan", 1),
        ("amazon.titan-embed-text-v2:0:8k", "titan", 1),
        ("us.cohere.embed-v4:0", "cohere", 96),
        ("cohere.embed-multilingual-v3", "cohere", 96),
        ("amazon.nova-2-multimodal-embeddings-v1:0", "nova", 1),
    ],
)
def test_the_catalogue_says_how_a_model_is_asked(name: str, body: str, max_texts: int) -> None:
    call = embedding_call(target(name), ["a"])
    assert (call.target_id, call.body, call.max_texts) == (name, body, max_texts)


def test_a_size_that_the_model_has_not_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(InvalidRequest, match="256, 512, 1024 for Titan") as caught:
        embedding_call(target("amazon.titan-embed-text-v2:0"), ["a"], 300)
    assert caught.value.param == "dimensions"


def test_a_model_of_one_size_takes_that_size_alone() -> None:
    assert embedding_call(target("cohere.embed-english-v3"), ["a"], 1024).dimensions is None
    with pytest.raises(InvalidRequest):
        embedding_call(target("cohere.embed-english-v3"), ["a"], 512)


def test_a_chat_model_is_no_embedding_model() -> None:
    with pytest.raises(InvalidRequest, match="makes no embeddings") as caught:
        embedding_call(target("amazon.nova-lite-v1:0"), ["a"])
    assert caught.value.param == "model"
