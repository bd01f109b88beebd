from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream import eventstream
from slipstream.chat.events import Usage
from slipstream.errors import ClientGone, StreamCut, UpstreamUnavailable
from slipstream.gateway.app import create_app
from slipstream.gateway.bedrock.invoke import usage_of_tail
from slipstream.gateway.http import HttpResponse
from slipstream.gateway.ports import RawReply
from tests.unit.gateway.scripted import MODEL, UNLISTED, ScriptedPassthrough, drain, gateway, post

COUNTS = [("x-amzn-bedrock-input-token-count", "11"), ("x-amzn-bedrock-output-token-count", "5")]


def ask(reply: Any, operation: str = "invoke", model: str = MODEL, **more: Any) -> tuple[HttpResponse, Any]:
    built = gateway(passthrough=ScriptedPassthrough(reply))
    return create_app(built)(post(f"/model/{model}/{operation}", **more)), built


def reply(*body: bytes, status: int = 200, headers: list[tuple[str, str]] | None = None) -> RawReply:
    return RawReply(status, headers or [], iter(body))


def chunk(value: Any) -> bytes:
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(value).encode()).decode()}, separators=(",", ":"))
    return eventstream.event("chunk", payload.encode())


@given(st.binary(max_size=200), st.lists(st.binary(max_size=50), max_size=5))
def test_bytes_pass_unchanged_both_ways(sent: bytes, received: list[bytes]) -> None:
    response, built = ask(reply(*received), body=sent)
    assert drain(response) == b"".join(received)
    assert built.passthrough.calls[0][:3] == (f"us.{MODEL}", "invoke", sent)


def test_an_alias_becomes_its_model() -> None:
    _, built = ask(reply(), model="fast")
    assert built.passthrough.calls[0][0] == "us.vendor.quick-v1"


def test_a_name_that_is_neither_alias_nor_id_is_refused_with_the_nearest() -> None:
    response, built = ask(reply(), model="fats")
    assert (response.status, b"nearest: fast" in drain(response)) == (404, True)
    assert built.passthrough.calls == []


def test_only_bedrocks_own_headers_travel() -> None:
    sent = {"x-amzn-bedrock-trace": "ENABLED", "accept": "*/*", "authorization": "Bearer key", "cookie": "c"}
    back = [("content-type", "application/json"), ("x-amzn-bedrock-service-tier", "flex"), ("set-cookie", "c")]
    response, built = ask(reply(headers=back), headers=sent)
    assert built.passthrough.calls[0][3] == {
        "x-amzn-bedrock-trace": "ENABLED", "accept": "*/*", "content-type": "application/json",
    }  # fmt: skip
    told = dict(response.headers)
    assert told["x-amzn-bedrock-service-tier"] == "flex"
    assert "set-cookie" not in told


def test_an_error_of_bedrock_passes_with_its_status_type_and_text() -> None:
    back = [("x-amzn-errortype", "ThrottlingException"), ("retry-after", "3"), ("content-type", "application/json")]
    response, built = ask(reply(b'{"message":"slow down"}', status=429, headers=back))
    assert (response.status, drain(response)) == (429, b'{"message":"slow down"}')
    assert dict(response.headers)["x-amzn-errortype"] == "ThrottlingException"
    assert built.metrics.rows[0][2]["outcome"] == "http_429"


def test_tokens_are_metered_from_the_replys_headers() -> None:
    response, built = ask(reply(b"{}", headers=COUNTS))
    drain(response)
    metrics, dimensions, properties = built.metrics.rows[0]
    assert (metrics["input_tokens"], metrics["output_tokens"]) == (11, 5)
    assert (dimensions["model"], properties["outcome"]) == (MODEL, "ok")


def test_tokens_of_a_stream_are_metered_from_its_last_chunk() -> None:
    last = {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 9, "outputTokenCount": 4}}
    frames = chunk({"text": "a" * 9000}) + chunk(last)
    pieces = [frames[i : i + 700] for i in range(0, len(frames), 700)]
    response, built = ask(reply(*pieces), "invoke-with-response-stream")
    assert drain(response) == frames
    assert (built.metrics.rows[0][0]["input_tokens"], built.metrics.rows[0][0]["output_tokens"]) == (9, 4)


def test_tokens_are_those_of_the_last_chunk_where_the_tail_holds_several() -> None:
    first, last = ({"amazon-bedrock-invocationMetrics": {"inputTokenCount": n, "outputTokenCount": n}} for n in (1, 2))
    assert usage_of_tail(chunk(first) + chunk({"text": "a"}) + chunk(last)) == Usage(2, 2)


def test_tokens_that_nobody_tells_are_not_metered() -> None:
    response, built = ask(reply(b"{}"))
    drain(response)
    assert "input_tokens" not in built.metrics.rows[0][0]


@given(st.binary(max_size=300) | st.binary(max_size=40).map(lambda raw: b'"bytes":"' + base64.b64encode(raw) + b'"'))
def test_no_tail_breaks_the_metering(tail: bytes) -> None:
    assert usage_of_tail(tail) is None or isinstance(usage_of_tail(tail), Usage)


def test_a_call_that_finds_nobody_is_metered_and_told() -> None:
    response, built = ask(UpstreamUnavailable("bedrock cannot be reached"))
    assert response.status == 503
    assert built.metrics.rows[0][2]["outcome"] == "upstream_unavailable"


def test_a_body_that_breaks_off_is_passed_on_as_broken() -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    response, built = ask(RawReply(200, [], broken()))
    with pytest.raises(ConnectionError):
        drain(response)
    assert built.metrics.rows[0][2]["outcome"] == "cut"


@pytest.mark.parametrize("told", [reply(b"{}", status=404), UpstreamUnavailable("away")], ids=["refused", "away"])
def test_a_name_that_bedrock_has_not_accepted_makes_no_metric_of_its_own(told: Any) -> None:
    response, built = ask(told, model=UNLISTED)
    drain(response)
    assert [row[1] for row in built.metrics.rows] == [{"model": "unknown"}]


def test_a_known_model_that_fails_is_metered_under_its_name() -> None:
    response, built = ask(reply(b"{}", status=503), model="fast")
    drain(response)
    assert built.metrics.rows[0][1] == {"model": "vendor.quick-v1"}


CUT_AT = [0, 3, 20, 10_000]


def cut_after(sent: bytes, error: Exception) -> Iterator[bytes]:
    yield from (sent[i : i + 50] for i in range(0, len(sent), 50))
    raise error


@pytest.mark.parametrize("half_bytes", CUT_AT)
def test_a_stream_that_breaks_off_ends_with_an_exception_frame_behind_its_whole_frames(half_bytes: int) -> None:
    whole, half = chunk({"text": "a" * 300}), chunk({"text": "b"})[:-1][:half_bytes]
    body = cut_after(whole + half, StreamCut("the line broke"))
    response, built = ask(RawReply(200, [], body), "invoke-with-response-stream")
    first, last = eventstream.Decoder().feed(drain(response))
    assert eventstream.event("chunk", first.payload) == whole
    assert last.headers[":exception-type"] == "modelStreamErrorException"
    assert built.metrics.rows[0][2]["outcome"] == "stream_interrupted"


@pytest.mark.parametrize("rest", [b"\0", chunk({"text": "b"})[:-1], b"<html>no frame</html>"])
def test_a_stream_that_ends_in_what_is_no_frame_never_looks_whole(rest: bytes) -> None:
    response, built = ask(reply(chunk({"text": "a"}) + rest), "invoke-with-response-stream")
    *_, last = eventstream.Decoder().feed(drain(response))
    assert last.headers[":message-type"] == "exception"
    assert built.metrics.rows[0][2]["outcome"] in ("stream_interrupted", "bad_event_stream")


@pytest.mark.parametrize("piece_bytes", [1, 50, 5000])
def test_an_exception_inside_a_stream_passes_unchanged_and_is_the_outcome(piece_bytes: int) -> None:
    frames = chunk({"text": "a"}) + eventstream.exception("throttlingException", b'{"message":"later"}')
    pieces = [frames[i : i + piece_bytes] for i in range(0, len(frames), piece_bytes)]
    response, built = ask(reply(*pieces), "invoke-with-response-stream")
    assert drain(response) == frames
    assert built.metrics.rows[0][2]["outcome"] == "throttlingException"


def test_a_caller_who_leaves_is_sent_nothing_more() -> None:
    response, built = ask(RawReply(200, [], cut_after(b"", ClientGone("gone"))), "invoke-with-response-stream")
    with pytest.raises(ClientGone):
        drain(response)
    assert built.metrics.rows[0][2]["outcome"] == "client_closed_request"


def test_an_error_that_bedrock_answers_a_stream_with_passes_as_json() -> None:
    response, _ = ask(reply(b'{"message":"no"}', status=400), "invoke-with-response-stream")
    assert drain(response) == b'{"message":"no"}'


def test_a_misspelt_option_is_told_here_too() -> None:
    response, _ = ask(reply(), headers={"x-slipstream-usecase": "code"})
    assert (response.status, b"x-slipstream-usecase" in drain(response)) == (400, True)
