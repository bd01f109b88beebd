"""What boto3 sends to us is what we send to Bedrock: decoded from one wire, encoded into the other."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, assume, given, settings

from slipstream.aws.converse import encode
from slipstream.gateway.bedrock import converse
from slipstream.gateway.http import Principal
from slipstream.models.resolved import ResolvedCall
from tests.unit.gateway.bedrock.botocore_shapes import converse_parameters, serialized


def sent_upstream(body: bytes) -> Any:
    """The body that goes to Bedrock when nothing but the wire's own words count."""
    request = converse.decode("vendor.model", body, {}, Principal(key_id="k"), stream=False)
    asked = request.parameters
    sent = {name: getattr(asked, name) for name in ("max_tokens", "temperature", "top_p", "stop")}
    call = ResolvedCall(
        request=request,
        target_id="vendor.model",
        model_id="vendor.model",
        sent={name: value for name, value in sent.items() if value is not None},
        latency=request.options.latency,
        service_tier=request.service_tier,
    )
    return json.loads(encode(call))


def without_empty_words(body: dict[str, Any]) -> dict[str, Any]:
    """Drop what says nothing: a status of success, empty lists and settings, schemas without content."""
    body = {"messages": []} | body
    for message in body["messages"]:
        for block in message["content"]:
            result = block.get("toolResult", {})
            if result.get("status") == "success" and "type" not in result:
                del result["status"]
    for tool in body.get("toolConfig", {}).get("tools", ()):
        if "toolSpec" in tool:
            schema = tool["toolSpec"]["inputSchema"]
            schema["json"] = schema["json"] or {"type": "object", "properties": {}}
    if body.get("inferenceConfig", {}).get("stopSequences") == []:
        del body["inferenceConfig"]["stopSequences"]
    for name in ("inferenceConfig", "performanceConfig", "system"):
        if body.get(name) in ({}, []):
            del body[name]
    return body


def mentions_tools(body: dict[str, Any]) -> bool:
    blocks = [block for message in body.get("messages", ()) for block in message["content"]]
    return any("toolUse" in block or "toolResult" in block for block in blocks)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(converse_parameters())
def test_nothing_of_a_request_is_lost_or_changed(parameters: dict[str, Any]) -> None:
    body = serialized(parameters)["body"] or b"{}"
    asked = json.loads(body)
    assume("toolConfig" in asked or not mentions_tools(asked))  # earlier calls need their tools: upstream adds them
    assert sent_upstream(body) == without_empty_words(asked)
