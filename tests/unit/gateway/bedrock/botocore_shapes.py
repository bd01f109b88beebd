"""Hypothesis strategies out of botocore's own model of Bedrock, and its serializer: the oracle of these tests."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import botocore.session
from botocore.serialize import create_serializer
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
JSON_OBJECT = st.dictionaries(st.text(max_size=5), JSON, max_size=3)
MODEL = "vendor.model-v1:0"
TEXT = {"ModelId": MODEL, "S3Uri": "s3://bucket/key", "AccountId": "123456789012", "GuardrailVersion": "DRAFT"}
"""What fits the model's patterns, by a part of the shape's name; a plain word fits the others."""


@functools.cache
def service() -> Any:
    """botocore's model of bedrock-runtime."""
    return botocore.session.get_session().get_service_model("bedrock-runtime")


def converse_parameters(operation: str = "Converse") -> st.SearchStrategy[dict[str, Any]]:
    """Parameters that boto3 accepts for ``client.converse``."""
    return of_shape(service().operation_model(operation).input_shape).filter(_checkpoints_follow_tools)


def _checkpoints_follow_tools(parameters: dict[str, Any]) -> bool:
    kinds = ["cachePoint", *(next(iter(tool)) for tool in parameters.get("toolConfig", {}).get("tools", ()))]
    return ("cachePoint", "cachePoint") not in itertools.pairwise(kinds)


def serialized(parameters: dict[str, Any], operation: str = "Converse") -> dict[str, Any]:
    """What boto3 sends: ``url_path``, ``headers`` and ``body``."""
    return create_serializer("rest-json").serialize_to_request(parameters, service().operation_model(operation))


@functools.cache
def of_shape(shape: Any) -> st.SearchStrategy[Any]:
    """Values of a botocore shape, small ones."""
    if getattr(shape, "is_document_type", False):
        return JSON_OBJECT
    return st.deferred(lambda: _OF_TYPE[shape.type_name](shape))


def _structure(shape: Any) -> st.SearchStrategy[Any]:
    members = {name: of_shape(member) for name, member in shape.members.items()}
    if getattr(shape, "is_tagged_union", False):
        return st.one_of([st.fixed_dictionaries({name: value}) for name, value in members.items()])
    required = {name: value for name, value in members.items() if name in shape.required_members}
    optional = {name: value for name, value in members.items() if name not in shape.required_members}
    return st.fixed_dictionaries(required, optional=optional)


def _string(shape: Any) -> st.SearchStrategy[str]:
    if shape.enum:
        return st.sampled_from(shape.enum)
    if "pattern" in shape.metadata:
        return st.just(next((text for name, text in TEXT.items() if name in shape.name), "word"))
    return st.text(min_size=1, max_size=6)


def _number(shape: Any) -> st.SearchStrategy[Any]:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 1000)
    if shape.type_name == "float":
        return st.floats(low, high, allow_nan=False)
    return st.integers(low, high)


_OF_TYPE: dict[str, Any] = {
    "structure": _structure,
    "list": lambda shape: st.lists(of_shape(shape.member), min_size=shape.metadata.get("min", 0), max_size=3),
    "map": lambda shape: st.dictionaries(
        of_shape(shape.key), of_shape(shape.value), min_size=shape.metadata.get("min", 0), max_size=2
    ),
    "string": _string,
    "blob": lambda shape: st.binary(min_size=1, max_size=6),
    "integer": _number,
    "long": _number,
    "float": _number,
    "boolean": lambda shape: st.booleans(),
}
