"""The model port: against a server that breaks as we tell it, and against the local Bedrock server."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from time import perf_counter

import pytest

from slipstream.aws import bedrock
from slipstream.aws.connection import Patience
from slipstream.aws.transport import Transport
from slipstream.chat.events import Event, Failed, Heartbeat, Started, Stopped, TextDelta, ToolCallDelta, Usage
from slipstream.chat.request import ChatRequest, Message, Parameters, Text, Tool, ToolChoice
from slipstream.disconnect import Disconnect
from slipstream.errors import (
    ClientGone,
    InvalidRequest,
    ModelFailed,
    ModelNotFound,
    PermissionDenied,
    PromptTooLong,
    SlipstreamError,
    StreamCut,
    Throttled,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from slipstream.fakes.metrics import MemoryMetrics
from slipstream.gateway.pipeline import Pipeline
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall
from tests.contract.upstream.calls import (
    HELLO,
    MODEL,
    RESPONSES,
    STARTED,
    STOPPED,
    USED,
    call,
    fault,
    models,
)
from tests.contract.upstream.tiny_server import Caller, Peer, TinyServer

WHOLE = STARTED + HELLO + STOPPED + USED


def answers(data: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        peer.chunk(data)
        peer.end_chunks()

    return script


def refuses(status: int, name: str, message: str, headers: str = "") -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.request()
        body = json.dumps({"message": message}).encode()
        peer.answer(body, status=status, headers=f"x-amzn-ErrorType: {name}:http://x\r\nconnection: close\r\n{headers}")

    return script


def events_of(
    transport: Transport, server: TinyServer, asked: ResolvedCall | None = None, waterfall: Waterfall | None = None
) -> list[Event]:
    return list(models(transport, server.url).stream(asked or call(), waterfall or Waterfall()))


def test_an_answer_becomes_events_and_padding_is_ignored(transport: Transport, server: TinyServer) -> None:
    server.expects(answers(WHOLE))
    waterfall = Waterfall()
    assert events_of(transport, server, waterfall=waterfall) == [
        Started(),
        TextDelta("hello"),
        Stopped("end_turn"),
        Usage(3, 1, 10, upstream_latency_ms=7, service_tier="default"),
    ]
    assert list(waterfall.ms()) == ["connect", "bedrock_wait", "first_token"]


def test_a_token_is_an_event_before_the_next_one_is_sent(transport: Transport, server: TinyServer) -> None:
    seen = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        peer.chunk(STARTED)
        peer.chunk(HELLO)
        assert seen.wait(5)
        peer.chunk(STOPPED + USED)
        peer.end_chunks()

    server.expects(script)
    stream = models(transport, server.url).stream(call(), Waterfall())
    assert [next(stream), next(stream)] == [Started(), TextDelta("hello")]
    seen.set()
    assert [type(event) for event in stream] == [Stopped, Usage]


@pytest.mark.parametrize(
    ("status", "name", "message", "expected"),
    [
        (400, "ValidationException", "temperature is not supported", InvalidRequest),
        (400, "ValidationException", "Input is too long for requested model.", PromptTooLong),
        (400, "ValidationException", "The provided model identifier is invalid.", ModelNotFound),
        (403, "AccessDeniedException", "no access", PermissionDenied),
        (403, "UnrecognizedClientException", "bad token", UpstreamError),
        (404, "ResourceNotFoundException", "no such model", ModelNotFound),
        (408, "ModelTimeoutException", "slow", UpstreamTimeout),
        (424, "ModelErrorException", "broken", ModelFailed),
        (429, "ThrottlingException", "later", Throttled),
        (503, "ServiceUnavailableException", "down", UpstreamUnavailable),
    ],
)
def test_a_refusal_is_the_error_it_stands_for(
    transport: Transport, server: TinyServer, status: int, name: str, message: str, expected: type[SlipstreamError]
) -> None:
    server.expects(*[refuses(status, name, message)] * 2)
    with pytest.raises(expected) as caught:
        events_of(transport, server)
    assert type(caught.value) is expected
    again = expected in (Throttled, UpstreamUnavailable)
    assert server.connections == (2 if again else 1)
    if expected is not UpstreamError:
        assert caught.value.message == message


def test_a_throttled_call_is_tried_once_more(transport: Transport, server: TinyServer) -> None:
    server.expects(refuses(429, "ThrottlingException", "later"), answers(WHOLE))
    waterfall = Waterfall()
    assert TextDelta("hello") in events_of(transport, server, waterfall=waterfall)
    assert waterfall.facts["retried"] == "rate_limit_exceeded"


def test_a_service_that_hangs_up_on_whole_requests_gets_two_of_them_at_most(
    transport: Transport, server: TinyServer
) -> None:
    asked: list[bytes] = []

    def answers_then_hangs_up(peer: Peer) -> None:
        answers(WHOLE)(peer)
        asked.append(peer.request())

    def hangs_up(peer: Peer) -> None:
        asked.append(peer.request())

    server.expects(answers_then_hangs_up, hangs_up, hangs_up)
    events_of(transport, server)
    waterfall = Waterfall()
    with pytest.raises(UpstreamUnavailable):
        events_of(transport, server, waterfall=waterfall)
    server.close_scripts()
    assert len(asked) == 2
    assert waterfall.facts["retried"] == "connection_closed"


def test_a_healed_call_has_no_further_retry_where_the_first_took_it(transport: Transport, server: TinyServer) -> None:
    throttled = refuses(429, "ThrottlingException", "later")
    rejected = refuses(400, "ValidationException", "temperature is deprecated for this model.")
    server.expects(throttled, rejected, throttled, answers(WHOLE))
    resolver = Resolver()
    pipeline = Pipeline(
        resolver=resolver,
        planner=PromptPlanner(),
        models=models(transport, server.url),
        metrics=MemoryMetrics(),
        region="us-east-1",
    )
    request = ChatRequest(model=MODEL, messages=[Message("user", [Text("hi")])], parameters=Parameters(temperature=0.5))
    with pytest.raises(Throttled):
        pipeline.answer(request, Waterfall())
    assert server.connections == 3


def test_a_long_retry_after_is_passed_on_instead_of_waited_for(transport: Transport, server: TinyServer) -> None:
    server.expects(refuses(429, "ThrottlingException", "later", "retry-after: 30\r\n"))
    with pytest.raises(Throttled) as caught:
        events_of(transport, server)
    assert caught.value.retry_after_s == 30
    assert server.connections == 1


def test_a_short_retry_after_is_waited_for(
    transport: Transport, server: TinyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited_s: list[float] = []

    def pause(seconds: float, *_: object) -> bool:
        waited_s.append(seconds)
        return True

    monkeypatch.setattr(bedrock.retry, "pause", pause)
    server.expects(refuses(429, "ThrottlingException", "later", "retry-after: 1\r\n"), answers(WHOLE))
    assert TextDelta("hello") in events_of(transport, server)
    assert len(waited_s) == 1
    assert waited_s[0] >= 1


def test_an_exception_in_the_stream_before_the_first_event_is_tried_once_more(
    transport: Transport, server: TinyServer
) -> None:
    server.expects(answers(fault("throttlingException", "later")), answers(WHOLE))
    assert Stopped("end_turn") in events_of(transport, server)


def test_an_exception_after_the_first_event_ends_the_answer_as_failed(transport: Transport, server: TinyServer) -> None:
    server.expects(answers(STARTED + HELLO + fault("throttlingException", "later")))
    *before, last = events_of(transport, server)
    assert before == [Started(), TextDelta("hello")]
    assert isinstance(last, Failed)
    assert isinstance(last.error, Throttled)
    assert server.connections == 1


@pytest.mark.parametrize("ending", ["cut", "clean", "garbage", "half a frame"])
def test_an_answer_that_breaks_off_never_looks_complete(transport: Transport, server: TinyServer, ending: str) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        peer.chunk(STARTED + HELLO)
        if ending == "garbage":
            peer.chunk(b"no event stream at all, but long enough")
        if ending == "half a frame":
            peer.chunk(STOPPED[:20])
        if ending != "cut":
            peer.end_chunks()

    server.expects(script)
    *before, last = events_of(transport, server)
    assert before == [Started(), TextDelta("hello")]
    assert isinstance(last, Failed)
    assert isinstance(last.error, StreamCut)


def test_a_stream_that_ends_in_half_a_frame_is_cut_even_after_the_stop(
    transport: Transport, server: TinyServer
) -> None:
    server.expects(answers(STARTED + HELLO + STOPPED + USED[:20]))
    *_, stopped, last = events_of(transport, server)
    assert stopped == Stopped("end_turn")
    assert isinstance(last, Failed)
    assert isinstance(last.error, StreamCut)


def test_a_connection_lost_after_the_stop_leaves_the_answer_complete(transport: Transport, server: TinyServer) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        peer.chunk(WHOLE)

    server.expects(script)
    assert [type(event) for event in events_of(transport, server)] == [Started, TextDelta, Stopped, Usage]


def test_silence_gives_heartbeats_before_and_within_the_answer(transport: Transport, server: TinyServer) -> None:
    quiet = [threading.Event(), threading.Event()]

    def script(peer: Peer) -> None:
        peer.request()
        assert quiet[0].wait(5)
        peer.begin_chunks()
        peer.chunk(STARTED)
        assert quiet[1].wait(5)
        peer.chunk(HELLO + STOPPED + USED)
        peer.end_chunks()

    server.expects(script)
    stream = models(transport, server.url, heartbeat_s=0.02).stream(call(), Waterfall())
    assert next(stream) == Heartbeat()
    quiet[0].set()
    assert next(event for event in stream if type(event) is not Heartbeat) == Started()
    assert next(stream) == Heartbeat()
    quiet[1].set()
    assert Stopped("end_turn") in list(stream)


def test_a_call_that_fails_after_a_heartbeat_is_tried_once_more(transport: Transport, server: TinyServer) -> None:
    quiet = threading.Event()

    def fails_late(peer: Peer) -> None:
        assert quiet.wait(5)
        refuses(429, "ThrottlingException", "later")(peer)

    server.expects(fails_late, answers(WHOLE))
    stream = models(transport, server.url, heartbeat_s=0.02).stream(call(), Waterfall())
    assert next(stream) == Heartbeat()
    quiet.set()
    assert [event for event in stream if type(event) is not Heartbeat][:2] == [Started(), TextDelta("hello")]
    assert server.connections == 2


def test_a_stream_that_fails_after_a_heartbeat_and_before_its_first_event_is_tried_once_more(
    transport: Transport, server: TinyServer
) -> None:
    quiet = threading.Event()

    def fails_late(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        assert quiet.wait(5)
        peer.chunk(fault("throttlingException", "later"))

    server.expects(fails_late, answers(WHOLE))
    stream = models(transport, server.url, heartbeat_s=0.02).stream(call(), Waterfall())
    assert next(stream) == Heartbeat()
    quiet.set()
    assert Stopped("end_turn") in list(stream)


def test_bytes_that_mean_nothing_to_a_caller_are_silence(
    transport: Transport, server: TinyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        for _ in range(100):
            peer.chunk(b": still here\n\n" * 10_000)
        peer.end_chunks()

    server.expects(script)
    seconds = itertools.count()
    monkeypatch.setattr(bedrock, "perf_counter", lambda: float(next(seconds)))
    stream = models(transport, server.url, heartbeat_s=15.0).stream(call(endpoint=RESPONSES), Waterfall())
    assert [next(stream), next(stream)] == [Heartbeat(), Heartbeat()]
    stream.close()  # type: ignore[attr-defined]


def test_a_caller_who_leaves_in_mid_stream_ends_the_upstream_call(
    transport: Transport, server: TinyServer, caller: Caller
) -> None:
    closed: list[bool] = []

    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        peer.chunk(STARTED + HELLO)
        closed.append(peer.sees_close(1.0))

    server.expects(script)
    stream = models(transport, server.url).stream(call(), Waterfall(), caller)
    assert next(stream) == Started()
    caller.callers.close()
    with pytest.raises(ClientGone):
        list(stream)
    server.close_scripts()
    assert closed == [True]


def test_closing_the_iterator_ends_the_upstream_call(transport: Transport, server: TinyServer) -> None:
    closed: list[bool] = []

    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        peer.chunk(STARTED + HELLO)
        closed.append(peer.sees_close(1.0))

    server.expects(script)
    stream = models(transport, server.url).stream(call(), Waterfall())
    assert next(stream) == Started()
    stream.close()  # type: ignore[attr-defined]
    server.close_scripts()
    assert closed == [True]


def test_a_deadline_before_the_first_event_is_a_timeout(transport: Transport, server: TinyServer) -> None:
    over = threading.Event()
    server.expects(lambda peer: over.wait(5) and None)
    with pytest.raises(UpstreamTimeout, match="deadline") as raised:
        events_of(transport, server, call(deadline_ms=50))
    over.set()
    assert server.connections == 1
    assert not raised.value.retryable, "who repeats the call waits for the same end again"


def test_a_deadline_after_the_first_event_ends_the_answer_as_failed(transport: Transport, server: TinyServer) -> None:
    over = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        peer.chunk(STARTED)
        over.wait(5)

    server.expects(script)
    first, last = events_of(transport, server, call(deadline_ms=300))
    over.set()
    assert first == Started()
    assert isinstance(last, Failed)
    assert isinstance(last.error, UpstreamTimeout)


def test_a_stalled_answer_ends_as_failed_before_the_hosts_time_limit(transport: Transport, server: TinyServer) -> None:
    over = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.begin_chunks()
        peer.chunk(STARTED)
        over.wait(5)

    server.expects(script)
    ends = Disconnect()
    ends.ends_s = perf_counter() + 0.4
    *_, last = models(transport, server.url).stream(call(deadline_ms=60_000), Waterfall(), ends)
    ended_s = perf_counter()
    over.set()
    assert isinstance(last, Failed)
    assert (last.error.code, last.error.http_status) == ("upstream_timeout", 504)
    assert "time limit" in last.error.message
    assert ended_s < ends.ends_s


@pytest.mark.parametrize(("left_s", "spared_s"), [(900, 1.0), (10, 0.5), (-1, 0.0)])
def test_of_the_hosts_time_a_second_is_spared_and_of_a_short_one_a_twentieth(left_s: float, spared_s: float) -> None:
    ends = Disconnect()
    ends.ends_s = perf_counter() + left_s
    patience = Patience(300, disconnect=ends)
    assert patience.deadline_s == pytest.approx(ends.ends_s - spared_s, abs=0.05)


def test_a_callers_own_deadline_that_is_sooner_holds() -> None:
    ends = Disconnect()
    ends.ends_s = perf_counter() + 100
    assert Patience(300, disconnect=ends, deadline_s=1.0).deadline_s == 1.0


def test_what_is_passed_through_keeps_every_byte_and_status(transport: Transport, server: TinyServer) -> None:
    seen: list[bytes] = []

    def script(peer: Peer) -> None:
        seen.append(peer.request())
        peer.answer(b'{"message": "no"}', status=429, headers="x-amzn-ErrorType: ThrottlingException\r\n")

    server.expects(script)
    headers = {"content-type": "application/json", "x-amzn-bedrock-trace": "ENABLED", "authorization": "Bearer mine"}
    reply = models(transport, server.url).passthrough("a:b/c", "invoke", b"{}", headers, Waterfall())
    assert (reply.status, b"".join(reply.body)) == (429, b'{"message": "no"}')
    assert ("x-amzn-errortype", "ThrottlingException") in reply.headers
    assert seen[0].startswith(b"POST /model/a%3Ab%2Fc/invoke HTTP/1.1\r\n")
    assert b"x-amzn-bedrock-trace: ENABLED" in seen[0]
    assert b"Bearer mine" not in seen[0]


def sse(*events: dict[str, object]) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def test_a_responses_answer_becomes_the_same_events(transport: Transport, server: TinyServer) -> None:
    seen: list[bytes] = []
    usage = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 3,
             "output_tokens_details": {"reasoning_tokens": 2}}  # fmt: skip
    data = sse(
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.output_text.delta", "output_index": 0, "delta": "hé"},
        {"type": "response.completed", "response": {"usage": usage, "service_tier": "default"}},
    )

    def script(peer: Peer) -> None:
        seen.append(peer.request())
        peer.begin_chunks()
        for at in range(0, len(data), 7):
            peer.chunk(data[at : at + 7])
        peer.end_chunks()

    server.expects(script)
    assert events_of(transport, server, call(endpoint=RESPONSES)) == [
        Started(), TextDelta("hé"), Stopped("end_turn"), Usage(6, 3, 4, reasoning_tokens=2, service_tier="default"),
    ]  # fmt: skip
    assert seen[0].startswith(b"POST /openai/v1/responses HTTP/1.1\r\n")
    assert b"/us-east-1/bedrock-mantle/aws4_request" in seen[0]


def test_a_responses_stream_without_its_end_never_looks_complete(transport: Transport, server: TinyServer) -> None:
    server.expects(answers(sse({"type": "response.created"}, {"type": "response.output_text.delta", "delta": "x"})))
    assert isinstance(events_of(transport, server, call(endpoint=RESPONSES))[-1], Failed)


def test_the_local_server_answers_a_signed_call(transport: Transport, bedrock_url: str) -> None:
    asked = call("The sky is blue. What colour is the sky?", sent={"max_tokens": 50})
    events = list(models(transport, bedrock_url).stream(asked, Waterfall()))
    assert events[0] == Started()
    assert any(isinstance(event, TextDelta) and event.text for event in events)
    assert [type(event) for event in events[-2:]] == [Stopped, Usage]


def test_the_local_server_calls_a_tool_that_must_be_called(transport: Transport, bedrock_url: str) -> None:
    asked = call("weather in Paris")
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    request = asked.request.__class__(
        model=MODEL, messages=asked.request.messages, tools=[Tool("weather", "Weather of a city", schema)],
        tool_choice=ToolChoice("tool", "weather"),
    )  # fmt: skip
    events = list(models(transport, bedrock_url).stream(call(request=request), Waterfall()))
    arguments = "".join(event.arguments for event in events if isinstance(event, ToolCallDelta))
    assert "city" in json.loads(arguments)
    assert events[-2] == Stopped("tool_use")


def test_the_local_server_refuses_an_unknown_model(transport: Transport, bedrock_url: str) -> None:
    with pytest.raises((ModelNotFound, InvalidRequest)):
        list(models(transport, bedrock_url).stream(call(target_id="no.such-model:0"), Waterfall()))
