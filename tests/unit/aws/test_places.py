"""Which host a call goes to."""

from __future__ import annotations

from slipstream.aws.places import Places
from slipstream.models.resolved import Endpoint


def test_a_service_is_called_in_the_gateways_region_unless_another_is_named() -> None:
    places = Places("us-east-1", {})
    host = Endpoint().host
    assert places.of(host).origin.host == "bedrock-runtime.us-east-1.amazonaws.com"
    assert places.of(host, "eu-west-3").origin.host == "bedrock-runtime.eu-west-3.amazonaws.com"
    assert places.of(host).origin.host == "bedrock-runtime.us-east-1.amazonaws.com"


def test_an_endpoint_variable_holds_for_every_region_as_in_the_sdks() -> None:
    places = Places("us-east-1", {"bedrock-runtime": "http://127.0.0.1:9"})
    assert places.of(Endpoint().host, "eu-west-3").origin.port == 9
