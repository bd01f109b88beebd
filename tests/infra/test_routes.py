import json
import re
from collections.abc import Callable

import pytest

from stacks.constructs.gateway_responses import GATEWAY_ERRORS
from tests.infra.template import STREAMING, Template, text

Get = Callable[..., Template]
STREAMED = ("/v1/{proxy+}", "/model/{proxy+}", "/healthz")
BUFFERED = ("/v1/keys", "/v1/keys/{id}", "/v1/precompute", "/v1/precompute/{run}")


@pytest.mark.parametrize("path", STREAMED)
def test_every_streamed_route_uses_the_streaming_invocation_path_for_up_to_15_minutes(template: Get, path: str) -> None:
    integration = template().routes()["ANY", path]["Integration"]
    assert integration["ResponseTransferMode"] == "STREAM"
    assert STREAMING in text(integration["Uri"])
    assert "2021-11-15" in text(integration["Uri"])
    assert integration["TimeoutInMillis"] == 900_000


@pytest.mark.parametrize("path", BUFFERED)
def test_administration_is_buffered(template: Get, path: str) -> None:
    integration = template().routes()["ANY", path]["Integration"]
    assert integration.get("ResponseTransferMode", "BUFFERED") == "BUFFERED"
    assert STREAMING not in text(integration["Uri"])


def test_no_function_serves_both_transfer_modes(template: Get) -> None:
    modes: dict[str, set[bool]] = {}
    for method in template().routes().values():
        uri = text(method["Integration"]["Uri"])
        (alias,) = re.findall(r'"Ref": "(\w+Live\w*)"', uri)
        modes.setdefault(alias, set()).add(STREAMING in uri)
    assert sorted(map(sorted, modes.values())) == [[False], [False], [True]]


def test_a_key_is_asked_for_everywhere_but_in_preflights_and_health_checks(template: Get) -> None:
    open_routes = {route for route, method in template().routes().items() if method["AuthorizationType"] == "NONE"}
    preflights = {("OPTIONS", path) for path in (*STREAMED[:2], *BUFFERED)}
    assert open_routes == {("ANY", "/healthz"), *preflights}
    assert {method["AuthorizationType"] for method in template().routes().values()} == {"NONE", "CUSTOM"}


def test_preflights_go_to_the_chat_function_which_knows_the_origins(template: Get) -> None:
    routes = template().routes()
    chat = routes["ANY", "/v1/{proxy+}"]["Integration"]["Uri"]
    assert all(method["Integration"]["Uri"] == chat for (verb, _), method in routes.items() if verb == "OPTIONS")


def test_the_api_is_regional_so_that_a_silent_stream_is_not_cut_after_30_seconds(template: Get) -> None:
    assert template().one("AWS::ApiGateway::RestApi")["EndpointConfiguration"]["Types"] == ["REGIONAL"]


@pytest.mark.parametrize(
    ("variant", "ttl_s", "source"),
    [("prod", 300, "method.request.header.Authorization"), ("snapshot", 0, None)],
)
def test_the_authorizers_cache_time_is_the_setting_unless_it_has_no_identity_source(
    template: Get, variant: str, ttl_s: int, source: str | None
) -> None:
    authorizer = template(variant).one("AWS::ApiGateway::Authorizer")
    assert authorizer["Type"] == "REQUEST"
    assert authorizer["AuthorizerResultTtlInSeconds"] == ttl_s
    assert (authorizer.get("IdentitySource") or None) == source


@pytest.mark.parametrize(("variant", "remembered_s"), [("prod", "0"), ("snapshot", "60")])
def test_the_authorizer_function_remembers_keys_only_where_api_gateway_cannot(
    template: Get, variant: str, remembered_s: str
) -> None:
    function = template(variant).function("handlers.authorizer.handler")
    assert function["Environment"]["Variables"]["SLIPSTREAM_REMEMBER_KEYS_S"] == remembered_s


def test_api_gateways_own_errors_have_a_body_for_both_wires(template: Get) -> None:
    responses = template().all("AWS::ApiGateway::GatewayResponse").values()
    words = '"as API Gateway says it"'
    for response in responses:
        filled = response["ResponseTemplates"]["application/json"].replace("$context.error.messageString", words)
        body = json.loads(filled)
        assert body["message"] == body["error"]["message"]
        assert set(body["error"]) == {"message", "type", "code", "param", "retryable"}
        assert (
            response["ResponseParameters"]["gatewayresponse.header.x-amzn-ErrorType"].strip("'").endswith("Exception")
        )


@pytest.mark.parametrize(
    ("kind", "status", "error_type"),
    [
        ("UNAUTHORIZED", "401", "UnrecognizedClientException"),
        ("ACCESS_DENIED", "403", "AccessDeniedException"),
        ("MISSING_AUTHENTICATION_TOKEN", "404", "ResourceNotFoundException"),
        ("THROTTLED", "429", "ThrottlingException"),
        ("REQUEST_TOO_LARGE", "413", "ValidationException"),
        ("WAF_FILTERED", "403", "AccessDeniedException"),
        ("AUTHORIZER_FAILURE", "503", "ServiceUnavailableException"),
        ("INTEGRATION_FAILURE", "502", "InternalServerException"),
        ("INTEGRATION_TIMEOUT", "504", "ModelTimeoutException"),
        ("DEFAULT_4XX", None, "ValidationException"),
        ("DEFAULT_5XX", None, "InternalServerException"),
    ],
)
def test_each_gateway_error_has_its_status_and_botocores_name(
    template: Get, kind: str, status: str | None, error_type: str
) -> None:
    (found,) = (r for r in template().all("AWS::ApiGateway::GatewayResponse").values() if r["ResponseType"] == kind)
    assert found.get("StatusCode") == status
    assert found["ResponseParameters"]["gatewayresponse.header.x-amzn-ErrorType"] == f"'{error_type}'"


def test_a_path_that_the_api_does_not_have_is_told_both_forms_of_the_base_url() -> None:
    (told,) = (error.message for error in GATEWAY_ERRORS if error.status == 404)
    assert "https://HOST/STAGE/v1" in (told or "")
    assert (told or "").endswith("https://HOST/STAGE")


@pytest.mark.parametrize(("variant", "origin"), [("prod", None), ("bare", "'*'"), ("fronted", "'*'")])
def test_browsers_may_read_gateway_errors_where_cors_is_on(template: Get, variant: str, origin: str | None) -> None:
    for response in template(variant).all("AWS::ApiGateway::GatewayResponse").values():
        assert response["ResponseParameters"].get("gatewayresponse.header.Access-Control-Allow-Origin") == origin


def test_the_access_log_times_streams_and_holds_no_query_or_body(template: Get) -> None:
    line = text(template().one("AWS::ApiGateway::Stage")["AccessLogSetting"]["Format"])
    for variable in (
        "integration.responseTransferMode",
        "integration.timeToAllHeaders",
        "integration.timeToFirstContent",
    ):
        assert f"$context.{variable}" in line
    for secret in ("querystring", "body", "request.header", "identity.apiKey"):
        assert secret.lower() not in line.lower()
    assert template().one("AWS::ApiGateway::Stage")["MethodSettings"][0]["DataTraceEnabled"] is False


def test_the_stage_is_throttled_as_set(template: Get) -> None:
    (settings,) = template().one("AWS::ApiGateway::Stage")["MethodSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (100, 200)


def test_runs_are_asked_for_at_a_function_of_their_own_where_there_are_any(template: Get) -> None:
    routes = template().routes()
    assert routes["ANY", "/v1/precompute"]["Integration"]["Uri"] != routes["ANY", "/v1/keys"]["Integration"]["Uri"]
    assert not [path for _, path in template("bare").routes() if "precompute" in path]
