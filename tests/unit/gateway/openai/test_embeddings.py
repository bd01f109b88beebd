import json

import msgspec
import pytest
from openai.types import CreateEmbeddingResponse

from slipstream.errors import InvalidRequest, PermissionDenied
from slipstream.gateway.http import Principal
from slipstream.gateway.openai import embeddings
from tests.unit.gateway.openai.played import PRINCIPAL


def decode(**fields):
    return embeddings.decode(msgspec.json.encode({"model": "titan", "input": "a", **fields}), PRINCIPAL)


def test_one_text_is_a_list_of_one():
    request = decode()
    assert (request.model, request.texts, request.dimensions, request.base64) == ("titan", ["a"], None, False)
    assert (request.tenant, request.allowed_models) == ("acme", PRINCIPAL.models)


def test_everything_asked_arrives():
    request = decode(input=["a", "b"], dimensions=256, encoding_format="base64", user="u")
    assert (request.texts, request.dimensions, request.base64, request.user) == (["a", "b"], 256, True, "u")


def test_texts_are_documents_unless_the_caller_says_that_they_are_questions():
    assert decode().input_type == "search_document"
    assert decode(input_type="search_query").input_type == "search_query"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": [1, 2]}, "input"),
        ({"input": [[1, 2], [3]]}, "input"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": ["a", " "]}, "input[1]"),
        ({"input": ["a", None]}, "input[1]"),
        ({"input": [True]}, "input[0]"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": 3}, "input"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": 10**30}, "dimensions"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"input_type": "question"}, "input_type"),
        ({"model": ""}, "model"),
        ({"foo": 1}, "foo"),
    ],
)
def test_what_cannot_be_served_is_named(fields, param):
    with pytest.raises(InvalidRequest) as refused:
        decode(**fields)
    assert refused.value.param == param


def test_a_key_without_the_scope_may_not_ask():
    with pytest.raises(PermissionDenied):
        embeddings.decode(b'{"model":"a","input":"a"}', Principal("k", scopes=frozenset({"admin"})))


def test_vectors_come_in_order_with_the_tokens_counted():
    body = json.loads(embeddings.encode(decode(input=["a", "b"]), [[0.5, 1.0], [0.25, 0.0]], 7))
    assert [entry["embedding"] for entry in body["data"]] == [[0.5, 1.0], [0.25, 0.0]]
    assert [entry["index"] for entry in body["data"]] == [0, 1]
    assert body["usage"] == {"prompt_tokens": 7, "total_tokens": 7}
    CreateEmbeddingResponse.model_validate(body)


def test_base64_is_little_endian_32_bit_floats():
    body = json.loads(embeddings.encode(decode(encoding_format="base64"), [[1.0, -2.0]], 1))
    assert body["data"][0]["embedding"] == "AACAPwAAAMA="
