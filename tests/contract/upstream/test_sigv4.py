"""Our signer against botocore's, for generated requests."""

from __future__ import annotations

import datetime
from unittest.mock import patch

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.aws.sigv4 import Bearer, Credentials, Signer, canonical_path, quote_segment

NOW = datetime.datetime(2026, 11, 23, 23, 59, 58, tzinfo=datetime.UTC)
MODEL_IDS = st.one_of(
    st.text(min_size=1, max_size=60),
    st.sampled_from(
        [
            "us.anthropic.claude-sonnet-5:0",
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2/c3",
            "already%3Aencoded%2Fid", "a..b", "..", ".", "a//b", "ünïcödé/модель", "a b+c~d",
        ]
    ),
)  # fmt: skip
WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
HEADERS = st.dictionaries(
    WORD.map("x-custom-".__add__), st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30), max_size=5
)
QUERY = st.lists(st.tuples(st.text(max_size=8).map(quote_segment), st.text(max_size=8).map(quote_segment)), max_size=4)
KEY = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+", min_size=1, max_size=40)


def botocore_headers(
    url: str, headers: dict[str, str], body: bytes, credentials: Credentials, *, method: str, service: str, region: str
) -> dict[str, str]:
    request = botocore.awsrequest.AWSRequest(method=method, url=url, data=body, headers=headers)
    theirs = botocore.credentials.Credentials(credentials.access_key, credentials.secret_key, credentials.token)
    with patch.object(botocore.auth, "get_current_datetime", lambda: NOW):
        botocore.auth.SigV4Auth(theirs, service, region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items() if name.lower() not in headers}


@given(
    model_id=MODEL_IDS, headers=HEADERS, query=QUERY, body=st.binary(max_size=200), secret=KEY,
    token=st.none() | KEY, method=st.sampled_from(["GET", "POST", "PUT"]),
    region=st.sampled_from(["us-east-1", "eu-west-3"]),
    service=st.sampled_from(["bedrock", "bedrock-mantle", "dynamodb"]),
    prefix=st.sampled_from(["", "/prod", "/openai/v1"]),
)  # fmt: skip
def test_a_signature_is_the_one_that_botocore_computes(
    model_id: str, headers: dict[str, str], query: list[tuple[str, str]], body: bytes, secret: str, token: str | None,
    method: str, region: str, service: str, prefix: str,
) -> None:  # fmt: skip
    credentials = Credentials("AKID", secret, token)
    path = f"{prefix}/model/{quote_segment(model_id)}/converse-stream"
    text = "&".join(f"{name}={value}" for name, value in query)
    headers = {"host": "bedrock-runtime.example.com:8443", **headers}
    url = f"https://bedrock-runtime.example.com:8443{path}" + (f"?{text}" if text else "")
    expected = botocore_headers(url, headers, body, credentials, method=method, service=service, region=region)
    signer = Signer(lambda: credentials, region, clock=NOW.timestamp)
    added = signer.sign(method, path, list(headers.items()), body, service=service, query=text)
    assert dict(added) == expected
    abroad = Signer(lambda: credentials, "ap-southeast-2", clock=NOW.timestamp)
    added = abroad.sign(method, path, list(headers.items()), body, service=service, region=region, query=text)
    assert dict(added) == expected


@given(
    st.lists(st.sampled_from(["a", "", ".", "..", "b:c", "%2F", "ü", "~"]), max_size=8).map(lambda p: "/" + "/".join(p))
)
def test_a_path_is_normalised_as_botocore_does(path: str) -> None:
    theirs = botocore.auth.SigV4Auth(None, "bedrock", "us-east-1")._normalize_url_path(path)
    assert canonical_path(path) == theirs


def test_headers_that_proxies_change_are_not_signed() -> None:
    signer = Signer(lambda: Credentials("AKID", "secret"), "us-east-1", clock=NOW.timestamp)
    plain = signer.sign("POST", "/", [("host", "x")], b"", service="bedrock")
    traced = signer.sign(
        "POST", "/", [("host", "x"), ("X-Amzn-Trace-Id", "1"), ("User-Agent", "y")], b"", service="bedrock"
    )
    assert plain == traced


def test_the_signing_key_follows_the_day_and_the_credentials() -> None:
    now = [NOW.timestamp()]
    current = [Credentials("AKID", "one")]
    signer = Signer(lambda: current[0], "us-east-1", clock=lambda: now[0])

    def sign() -> str:
        return dict(signer.sign("POST", "/", [("host", "x")], b"", service="bedrock"))["authorization"]

    first = sign()
    now[0] += 3600
    assert "/20261124/" in sign()
    now[0] -= 3600
    assert sign() == first
    current[0] = Credentials("AKID", "two")
    assert sign() != first


@pytest.mark.parametrize("differs", ["day", "region", "service", "secret"])
def test_a_signer_that_has_signed_for_another_scope_signs_as_one_that_never_did(differs: str) -> None:
    now_s, current = [NOW.timestamp()], [Credentials("AKID", "one")]

    def signer() -> Signer:
        return Signer(lambda: current[0], "us-east-1", clock=lambda: now_s[0])

    def signature(by: Signer, *, region: str = "us-east-1", service: str = "bedrock") -> str:
        return dict(by.sign("POST", "/", [("host", "x")], b"", service=service, region=region))["authorization"]

    used = signer()
    signature(used)
    scope: dict[str, str] = {}
    if differs == "day":
        now_s[0] += 86_400
    elif differs == "secret":
        current[0] = Credentials("AKID", "two")
    else:
        scope = {differs: "eu-west-3"}
    assert signature(used, **scope) == signature(signer(), **scope)


def test_a_bedrock_key_goes_out_as_a_bearer_token() -> None:
    assert Bearer("abc").sign("POST", "/", [], b"", service="bedrock") == [("authorization", "Bearer abc")]
