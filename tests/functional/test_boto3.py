"""boto3, unchanged, against the gateway through a real socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from slipstream import eventstream
from slipstream.chat.events import (
    Failed,
    Heartbeat,
    ReasoningDelta,
    Started,
    Stopped,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from slipstream.errors import (
    InvalidRequest,
    ModelFailed,
    ModelNotFound,
    PermissionDenied,
    StreamCut,
    Throttled,
    UpstreamInternal,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from slipstream.gateway.app import create_app
from slipstream.gateway.ports import RawReply
from slipstream.runtime.wsgi import wsgi_app
from slipstream.runtime.wsgi_server import Server
from tests.unit.gateway.scripted import HELLO, MODEL, ScriptedModels, ScriptedPassthrough, gateway

ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"
HI = [{"role": "user", "content": [{"text": "hi"}]}]
Serve = Callable[..., Any]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A function that starts a gateway and hands back a boto3 client for it."""
    servers: list[Server] = []
    clients: list[Any] = []

    def start(script: Any = HELLO, *, prefix: str = "", **parts: Any) -> Any:
        server = Server(wsgi_app(create_app(gateway(script, **parts))))
        servers.append(server)
        server.start()
        client = boto3.client(
            "bedrock-runtime",
            endpoint_url=f"http://127.0.0.1:{server.port}{prefix}",
            region_name="us-east-1",
            aws_access_key_id="id",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}),
        )
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.close()
    for server in servers:
        server.close()


@pytest.mark.parametrize("prefix", ["", "/prod"])
def test_converse_answers_as_bedrock_does(serve: Serve, prefix: str) -> None:
    reply = serve(prefix=prefix).converse(modelId=MODEL, messages=HI)
    assert reply["output"] == {"message": {"role": "assistant", "content": [{"text": "Hello"}]}}
    assert reply["usage"]["totalTokens"] == 9
    assert (reply["stopReason"], reply["metrics"]["latencyMs"]) == ("end_turn", 31)
    told = reply["ResponseMetadata"]
    assert told["RequestId"] == told["HTTPHeaders"]["x-request-id"]
    assert json.loads(told["HTTPHeaders"]["x-slipstream-report"])["model"] == MODEL


def test_a_stream_is_parsed_event_by_event_and_our_own_are_not_seen(serve: Serve) -> None:
    script = [Started(), Heartbeat(), ReasoningDelta("hm"), TextDelta("Hi", 1), ToolCallStarted(2, "id", "t"),
              ToolCallDelta(2, "{}"), Stopped("tool_use"), Usage(1, 2)]  # fmt: skip
    events = list(serve(script).converse_stream(modelId=MODEL, messages=HI)["stream"])
    assert [next(iter(event)) for event in events] == [
        "messageStart", "contentBlockDelta", "contentBlockStop", "contentBlockDelta", "contentBlockStop",
        "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata",
    ]  # fmt: skip
    assert set(events[-1]["metadata"]) == {"usage", "metrics"}


def test_a_tool_call_and_an_image_go_in_and_come_out(serve: Serve) -> None:
    models = ScriptedModels([Started(), ToolCallStarted(0, "id", "t"), ToolCallDelta(0, '{"a":1}'),
                             Stopped("tool_use")])  # fmt: skip
    schema = {"json": {"type": "object"}}
    reply = serve(models=models).converse(
        modelId=MODEL,
        messages=[{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": b"pixel"}}}]}],
        toolConfig={"tools": [{"toolSpec": {"name": "t", "inputSchema": schema}}], "toolChoice": {"any": {}}},
    )
    assert reply["output"]["message"]["content"] == [{"toolUse": {"toolUseId": "id", "name": "t", "input": {"a": 1}}}]
    assert models.calls[0].request.messages[0].content[0].data == "cGl4ZWw="


def test_our_options_travel_as_headers(serve: Serve) -> None:
    models = ScriptedModels(HELLO)
    client = serve(models=models)
    client.meta.events.register(
        "before-sign.bedrock-runtime.Converse",
        lambda request, **_: request.headers.add_header("x-slipstream-use-case", "extraction"),
    )
    client.converse(modelId=MODEL, messages=HI)
    assert models.calls[0].request.options.use_case == "extraction"


def test_an_arn_with_slashes_arrives_whole(serve: Serve) -> None:
    models = ScriptedModels(HELLO)
    client = serve(models=models)
    client.converse(modelId=ARN, messages=HI)
    list(client.converse_stream(modelId=ARN, messages=HI)["stream"])
    assert [call.request.model for call in models.calls] == [ARN, ARN]


@pytest.mark.parametrize(
    ("error", "name", "status"),
    [
        (Throttled("m", retry_after_s=3), "ThrottlingException", 429),
        (InvalidRequest("m"), "ValidationException", 400),
        (PermissionDenied("m"), "AccessDeniedException", 403),
        (ModelNotFound("m"), "ResourceNotFoundException", 404),
        (UpstreamTimeout("m"), "ModelTimeoutException", 408),
        (ModelFailed("m"), "ModelErrorException", 424),
        (UpstreamInternal("m"), "InternalServerException", 500),
        (UpstreamUnavailable("m"), "ServiceUnavailableException", 503),
    ],
)
@pytest.mark.parametrize("operation", ["converse", "converse_stream"])
def test_an_error_is_raised_as_bedrocks_own_exception(
    serve: Serve, error: Any, name: str, status: int, operation: str
) -> None:
    client = serve([error])
    with pytest.raises(getattr(client.exceptions, name)) as caught:
        getattr(client, operation)(modelId=MODEL, messages=HI)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert caught.value.response["Error"] == {"Message": "m", "Code": name}


def test_a_bad_request_names_the_field(serve: Serve) -> None:
    with pytest.raises(ClientError, match=r"inferenceConfig\.temperature"):
        serve().converse(modelId=MODEL, messages=HI, inferenceConfig={"temperature": 1.5})


@pytest.mark.parametrize(
    ("error", "name"),
    [(Throttled("m"), "throttlingException"), (StreamCut("m"), "modelStreamErrorException"),
     (UpstreamInternal("m"), "internalServerException"), (UpstreamUnavailable("m"), "serviceUnavailableException"),
     (InvalidRequest("m"), "validationException")],
)  # fmt: skip
def test_a_stream_that_breaks_raises_after_what_came(serve: Serve, error: Any, name: str) -> None:
    stream = serve([Started(), TextDelta("a"), Failed(error)]).converse_stream(modelId=MODEL, messages=HI)["stream"]
    seen: list[Any] = []
    with pytest.raises(EventStreamError) as caught:
        seen.extend(stream)
    stream.close()
    assert seen[-1]["contentBlockDelta"]["delta"] == {"text": "a"}
    assert caught.value.response["Error"] == {"Code": name, "Message": "m"}


def test_invoke_and_its_stream_pass_through(serve: Serve) -> None:
    whole = ScriptedPassthrough(RawReply(200, [("content-type", "application/json")], iter((b'{"a":', b"1}"))))
    reply = serve(passthrough=whole).invoke_model(modelId=ARN, body=b'{"q":1}', trace="ENABLED", serviceTier="flex")
    assert (reply["body"].read(), reply["contentType"]) == (b'{"a":1}', "application/json")
    model, operation, body, headers = whole.calls[0]
    assert (model, operation, body) == (f"us.{ARN}", "invoke", b'{"q":1}')
    assert (headers["x-amzn-bedrock-trace"], headers["x-amzn-bedrock-service-tier"]) == ("ENABLED", "flex")

    frame = eventstream.event("chunk", b'{"bytes":"aGk="}')
    streamed = ScriptedPassthrough(
        RawReply(200, [("content-type", "application/vnd.amazon.eventstream")], iter((frame[:9], frame[9:])))
    )
    events = serve(passthrough=streamed).invoke_model_with_response_stream(modelId=MODEL, body=b"{}")["body"]
    assert [event["chunk"]["bytes"] for event in events] == [b"hi"]


def test_an_invoke_stream_that_breaks_raises_after_what_came(serve: Serve) -> None:
    frame = eventstream.event("chunk", b'{"bytes":"aGk="}')

    def breaks() -> Iterator[bytes]:
        yield frame + frame[:9]
        raise StreamCut("the line broke")

    cut = ScriptedPassthrough(RawReply(200, [("content-type", "application/vnd.amazon.eventstream")], breaks()))
    stream = serve(passthrough=cut).invoke_model_with_response_stream(modelId=MODEL, body=b"{}")["body"]
    seen: list[Any] = []
    with pytest.raises(EventStreamError, match="the line broke"):
        seen.extend(stream)
    stream.close()
    assert [event["chunk"]["bytes"] for event in seen] == [b"hi"]


def test_tokens_are_counted_by_bedrock(serve: Serve) -> None:
    counted = ScriptedPassthrough(RawReply(200, [], iter((b'{"inputTokens":12}',))))
    asked = {"converse": {"messages": HI}}
    assert serve(passthrough=counted).count_tokens(modelId=MODEL, input=asked)["inputTokens"] == 12
    assert counted.calls[0][1] == "count-tokens"
