"""What the edge takes from API Gateway's documentation: routing order, policies, gateway responses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from local.edge.authorizer import Authorizer, AuthorizerSettings, identity, verdict_of
from local.edge.event import is_binary
from local.edge.responses import GatewayError, GatewayResponses
from local.edge.routes import Method, Routes

ARN = "arn:aws:execute-api:us-east-1:1:api/stage/GET/v1/models"
ROUTES = Routes(
    [
        ("ANY", Method("1", "/v1/{proxy+}", "greedy")),
        ("GET", Method("2", "/v1/keys", "keys")),
        ("ANY", Method("3", "/v1/keys/{id}", "key")),
        ("OPTIONS", Method("4", "/v1/{proxy+}", "preflight")),
    ]
)


@pytest.mark.parametrize(
    ("verb", "path", "expected"),
    [
        ("GET", "/v1/keys", ("keys", {})),
        ("GET", "/v1/keys/a%2Fb", ("key", {"id": "a/b"})),
        ("POST", "/v1/chat/completions", ("greedy", {"proxy": "chat/completions"})),
        ("OPTIONS", "/v1/chat/completions", ("preflight", {"proxy": "chat/completions"})),
        ("GET", "/v1/keys/a/b", ("greedy", {"proxy": "keys/a/b"})),
    ],
)
def test_a_literal_beats_a_parameter_and_a_parameter_a_greedy_one(verb: str, path: str, expected: Any) -> None:
    found = ROUTES.match(verb, path)
    assert found is not None
    assert (found[0].integration_uri, found[1]) == expected


@pytest.mark.parametrize(("verb", "path"), [("DELETE", "/v1/keys"), ("GET", "/"), ("GET", "/v2/x"), ("GET", "/v1")])
def test_a_route_that_was_not_deployed_is_none(verb: str, path: str) -> None:
    assert ROUTES.match(verb, path) is None


def answer(*statements: tuple[str, str]) -> dict[str, Any]:
    rows = [{"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource} for effect, resource in statements]
    return {"principalId": "p", "policyDocument": {"Statement": rows}, "context": {"n": 1, "yes": True, "x": None}}


@pytest.mark.parametrize(
    "statements",
    [(("Allow", "*"), ("Deny", "arn:*/GET/*")), (("Allow", "arn:aws:execute-api:us-east-1:1:api/stage/POST/*"),), ()],
)
def test_a_policy_allows_only_what_it_names_and_deny_wins(statements: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(GatewayError) as refused:
        verdict_of(answer(*statements)).check(ARN)
    assert refused.value.kind == "ACCESS_DENIED"


def test_context_reaches_the_function_as_strings() -> None:
    verdict = verdict_of(answer(("Allow", "arn:aws:execute-api:us-east-1:1:api/stage/*/*")))
    verdict.check(ARN)
    assert verdict.context == {"n": "1", "yes": "true", "principalId": "p"}


@pytest.mark.parametrize("odd", [None, {}, [], {"policyDocument": "x"}])
def test_an_authorizer_that_answers_nonsense_is_a_configuration_error(odd: Any) -> None:
    with pytest.raises(GatewayError, match="AUTHORIZER_CONFIGURATION_ERROR"):
        verdict_of(odd)


def authorizer(calls: list[str], clock: list[float], *, ttl_s: int = 300, error: str | None = None) -> Authorizer:
    def invoke(ref: str, event: dict[str, Any]) -> tuple[Any, str | None]:
        calls.append(event["methodArn"])
        return answer(("Allow", "*")), error

    settings = AuthorizerSettings("a", "arn:f", ("method.request.header.Authorization",), ttl_s)
    return Authorizer(settings, invoke, lambda: clock[0])


KEYED = {"headers": {"authorization": "Bearer k"}, "body": None}


def test_a_verdict_is_kept_for_its_time_and_no_longer() -> None:
    calls: list[str] = []
    clock = [0.0]

    async def scenario() -> None:
        under_test = authorizer(calls, clock)
        await asyncio.gather(*(under_test.authorize(KEYED, ARN) for _ in range(5)))
        clock[0] = 299.0
        await under_test.authorize(KEYED, ARN)
        assert len(calls) == 1
        clock[0] = 301.0
        await under_test.authorize(KEYED, ARN)
        assert len(calls) == 2

    asyncio.run(scenario())


def test_a_failure_is_not_kept() -> None:
    calls: list[str] = []

    async def scenario() -> None:
        under_test = authorizer(calls, [0.0], error="Unauthorized")
        for _ in range(2):
            with pytest.raises(GatewayError, match="UNAUTHORIZED"):
                await under_test.authorize(KEYED, ARN)

    asyncio.run(scenario())
    assert len(calls) == 2


@pytest.mark.parametrize("ttl_s", [0, 300])
@pytest.mark.parametrize("broken", [OSError("refused"), {"policyDocument": {"Statement": ["no object"]}}])
def test_an_authorizer_that_cannot_be_asked_or_read_is_asked_anew_by_the_next_request(broken: Any, ttl_s: int) -> None:
    told: list[Any] = [broken, answer(("Allow", "*"))]

    def invoke(_ref: str, _event: dict[str, Any]) -> tuple[Any, str | None]:
        if isinstance(said := told.pop(0), Exception):
            raise said
        return said, None

    async def scenario() -> None:
        sources = ("method.request.header.Authorization",)
        under_test = Authorizer(AuthorizerSettings("a", "arn:f", sources, ttl_s), invoke)
        with pytest.raises(GatewayError, match="AUTHORIZER_FAILURE"):
            await under_test.authorize(KEYED, ARN)
        await under_test.authorize(KEYED, ARN)

    asyncio.run(scenario())


def test_an_authorizer_that_fails_otherwise_is_not_the_callers_fault() -> None:
    with pytest.raises(GatewayError, match="AUTHORIZER_FAILURE"):
        asyncio.run(authorizer([], [0.0], error="boom").authorize(KEYED, ARN))


def test_without_caching_every_request_asks() -> None:
    calls: list[str] = []

    async def scenario() -> None:
        under_test = authorizer(calls, [0.0], ttl_s=0)
        for event in (KEYED, {"headers": {}}):
            await under_test.authorize(event, ARN)

    asyncio.run(scenario())
    assert len(calls) == 2


def test_identity_sources_are_read_from_headers_and_query() -> None:
    event = {"headers": {"AUTHORIZATION": "a"}, "queryStringParameters": {"q": "b"}}
    sources = ("method.request.header.Authorization", "method.request.querystring.q")
    assert identity(sources, event) == ("a", "b")
    assert identity((*sources, "method.request.querystring.missing"), event) is None


def test_a_configured_response_fills_its_template_and_sets_its_headers() -> None:
    item = {
        "responseType": "UNAUTHORIZED",
        "statusCode": "401",
        "defaultResponse": False,
        "responseTemplates": {
            "application/json": '{"m":$context.error.messageString,"t":"$context.error.responseType"}'
        },
        "responseParameters": {"gatewayresponse.header.x-amzn-ErrorType": "'Unrecognized'"},
    }
    error = GatewayError("UNAUTHORIZED", 'no "key"')
    status, headers, body = GatewayResponses([item]).render(error, "r")
    assert (status, headers["x-amzn-ErrorType"]) == (401, "Unrecognized")
    assert body == b'{"m":"no \\"key\\"","t":"UNAUTHORIZED"}'


def test_a_type_left_as_it_is_takes_the_default_for_its_class_and_keeps_its_status() -> None:
    items = [
        {"responseType": "REQUEST_TOO_LARGE", "statusCode": "413", "defaultResponse": True},
        {"responseType": "DEFAULT_4XX", "responseTemplates": {"application/json": '{"ours":true}'}},
    ]
    assert GatewayResponses(items).render(GatewayError("REQUEST_TOO_LARGE", "x"), "r")[::2] == (413, b'{"ours":true}')


@pytest.mark.parametrize(
    ("kind", "declared", "expected"),
    [
        ("image/png", ("image/*",), True),
        ("application/json; a=b", ("*/*",), True),
        ("text/plain", ("image/png",), False),
    ],
)
def test_a_body_is_binary_only_where_the_api_declares_it(kind: str, declared: tuple[str, ...], expected: bool) -> None:
    assert is_binary(kind, declared) is expected
