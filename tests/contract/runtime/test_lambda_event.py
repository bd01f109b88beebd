"""REST proxy events as API Gateway sends them."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.errors import PermissionDenied
from slipstream.runtime.lambda_event import decode

SEGMENTS = st.lists(st.text(min_size=1, max_size=12).filter(lambda s: s not in {".", ".."}), min_size=1, max_size=4)
ARN = "arn:aws:bedrock:us-east-1:1:inference-profile/x"
NAMES = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ-", min_size=1, max_size=12)


def event(**changes: Any) -> bytes:
    value: dict[str, Any] = {
        "resource": "/v1/{proxy+}",
        "path": "/v1/models",
        "httpMethod": "GET",
        "headers": {"Host": "x"},
        "multiValueHeaders": {"Host": ["x"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": "models"},
        "stageVariables": None,
        "requestContext": {
            "requestId": "r",
            "stage": "prod",
            "path": "/prod/v1/models",
            "identity": {"sourceIp": "::1"},
        },
        "body": None,
        "isBase64Encoded": False,
    }
    return json.dumps(value | changes).encode()


@given(segments=SEGMENTS, base=st.sampled_from(["", "/slip", "/team/slip", "/v1", "/v1/models"]))
def test_a_domains_base_path_is_stripped_and_the_rest_stays_encoded(segments: list[str], base: str) -> None:
    rest = "/".join(quote(segment, safe="") for segment in segments)
    request = decode(event(path=f"{base}/v1/{rest}", pathParameters={"proxy": "/".join(segments)}))
    assert request.path == f"/v1/{rest}"


@pytest.mark.parametrize("model", [ARN, ARN.replace(":", "%3A").replace("/", "%2F")])
def test_a_model_id_keeps_its_slashes_as_they_came(model: str) -> None:
    decoded = {"proxy": f"{ARN}/converse"}
    request = decode(event(resource="/model/{proxy+}", path=f"/slip/model/{model}/converse", pathParameters=decoded))
    assert request.path == f"/model/{model}/converse"


def test_a_route_without_parameters_loses_its_base_path_too() -> None:
    assert decode(event(resource="/healthz", path="/slip/healthz", pathParameters=None)).path == "/healthz"


def test_a_trailing_slash_stays() -> None:
    assert decode(event(path="/slip/v1/models/")).path == "/v1/models/"


@given(st.dictionaries(NAMES, st.lists(st.text(max_size=8), min_size=1, max_size=3), max_size=5))
def test_header_names_are_lower_case_and_no_value_is_lost(headers: dict[str, list[str]]) -> None:
    request = decode(event(multiValueHeaders=headers))
    assert set(request.headers) == {name.lower() for name in headers}
    for name, values in headers.items():
        assert all(value in request.headers[name.lower()] for value in values)


def test_repeated_cookies_are_joined_as_cookies_are() -> None:
    request = decode(event(multiValueHeaders={"Cookie": ["a=1", "b=2"], "Accept": ["x", "y"]}))
    assert dict(request.headers) == {"cookie": "a=1; b=2", "accept": "x, y"}


@given(st.binary(max_size=200))
def test_a_base64_body_comes_out_as_it_went_in(body: bytes) -> None:
    assert decode(event(body=b64encode(body).decode(), isBase64Encoded=True)).body == body


@given(st.text(max_size=200))
def test_a_text_body_is_utf8(body: str) -> None:
    assert decode(event(body=body)).body == body.encode()


def test_a_body_that_only_claims_to_be_base64_is_an_error() -> None:
    with pytest.raises(ValueError, match="base64"):
        decode(event(body="no base64!", isBase64Encoded=True))


def test_the_last_value_of_a_query_parameter_counts() -> None:
    assert decode(event(multiValueQueryStringParameters={"a": ["1", "2"]})).query == {"a": "2"}


def test_the_authorizers_context_becomes_the_principal() -> None:
    context = {
        "key_id": "k",
        "tenant": "acme",
        "scopes": "invoke admin",
        "models": "fast anthropic.*",
        "principalId": "k",
    }
    principal = decode(event(requestContext={"requestId": "r", "authorizer": context})).principal
    assert (principal.key_id, principal.tenant) == ("k", "acme")
    assert principal.scopes == {"invoke", "admin"}
    assert principal.models == ("fast", "anthropic.*")


@pytest.mark.parametrize("context", [None, {}, {"principalId": "someone"}])
def test_without_our_authorizers_context_nobody_may_invoke(context: Any) -> None:
    principal = decode(event(requestContext={"requestId": "r", "authorizer": context})).principal
    with pytest.raises(PermissionDenied):
        principal.require("invoke")


@pytest.mark.parametrize("odd", [b"", b"null", b"{}", b"[1]", b'{"path": 3}', b"\xff"])
def test_what_is_no_rest_event_is_refused(odd: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(odd)
