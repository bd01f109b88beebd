from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.errors import NotFound
from slipstream.gateway import routes

ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2:3"


@pytest.mark.parametrize("prefix", ["", "/prod", "/my/base/path"])
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/chat/completions", "chat"),
        ("/v1/chat/completions/", "chat"),
        ("/v1/models", "models"),
        ("/v1/embeddings", "embeddings"),
        ("/healthz", "healthz"),
        ("/model/a.b/count-tokens", "count-tokens"),
    ],
)
def test_a_stage_or_base_path_is_skipped(prefix: str, path: str, name: str) -> None:
    assert routes.match(prefix + path).route.name == name


@pytest.mark.parametrize("operation", ["converse", "converse-stream", "invoke", "invoke-with-response-stream"])
@pytest.mark.parametrize("sent", [ARN, quote(ARN, safe=""), quote(ARN, safe="/"), quote(ARN, safe=":")])
def test_an_arn_is_found_encoded_or_not(operation: str, sent: str) -> None:
    match = routes.match(f"/prod/model/{sent}/{operation}")
    assert (match.route.name, match.identifier) == (operation, ARN)


def test_an_identifier_is_decoded_once_only() -> None:
    assert routes.match("/model/a%253Ab/converse").identifier == "a%3Ab"


def test_one_model_may_have_slashes_and_colons() -> None:
    assert routes.match(f"/v1/models/{quote(ARN)}").identifier == ARN


@given(st.text(min_size=1).filter(lambda text: text.strip("/") == text))
def test_every_identifier_comes_back_as_it_was_encoded(identifier: str) -> None:
    assert routes.match(f"/model/{quote(identifier, safe='')}/converse").identifier == identifier


@given(st.text())
def test_no_path_breaks_the_routing(path: str) -> None:
    with suppress(NotFound):
        routes.match("/" + path)


@given(st.text())
def test_a_refusal_shows_the_path_without_control_characters(path: str) -> None:
    with pytest.raises(NotFound) as caught:
        routes.match(f"/nowhere/{path}/at/all")
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("path", ["/", "/v1", "/model/a.b", "/model//converse", "/v2/chat"])
def test_what_is_no_route_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        routes.match(path)


@pytest.mark.parametrize("path", ["/chat/completions", "/models", "/embeddings"])
def test_a_base_url_without_v1_is_told_both_forms(path: str) -> None:
    with pytest.raises(NotFound, match=rf"a base URL that ends in /v1 \(…/v1{path}\), Bedrock's one that does not"):
        routes.match(path)


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/completions", "/v1/messages", "/responses"])
def test_other_apis_of_chat_models_are_told_where_chat_goes(path: str) -> None:
    with pytest.raises(NotFound, match="POST /v1/chat/completions"):
        routes.match(path)
