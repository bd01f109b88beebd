"""OpenAI's own client reads what this wire writes, over a real socket."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
import pytest

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
    ModelNotFound,
    PermissionDenied,
    SlipstreamError,
    StreamCut,
    Throttled,
    Unauthenticated,
    UpstreamUnavailable,
)
from slipstream.gateway.http import Principal
from slipstream.gateway.openai import chat, embeddings, errors, models_list
from tests.unit.gateway.openai.played import HELLO, Played
from tests.unit.gateway.openai.test_models_list import ALIASES, Shelf
from tests.unit.gateway.openai.test_request import WEATHER


class Wire(BaseHTTPRequestHandler):
    """Plays ``server.events`` to whoever asks well; every chunk goes out by itself."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            if self.server.error is not None:
                raise self.server.error
            if self.path == "/v1/embeddings":
                request = embeddings.decode(body, Principal("k"))
                self._whole(200, embeddings.encode(request, [[0.5, -1.0]] * len(request.texts), 3))
                return
            request = chat.decode(body, headers, Principal("k"))
            self.server.seen.append(request)
            answer = Played(self.server.events, include_usage=request.include_usage)
            if request.stream:
                self._stream(chat.stream(answer))
            else:
                self._whole(200, chat.complete(answer))
        except SlipstreamError as error:
            self._failed(error)

    def do_GET(self):
        try:
            name = self.path.removeprefix("/v1/models").removeprefix("/")
            body = (
                models_list.encode_one(Shelf(), ALIASES, "eu-west-1", name)
                if name
                else models_list.encode(Shelf(), ALIASES, "eu-west-1")
            )
            self._whole(200, body)
        except SlipstreamError as error:
            self._failed(error)

    def _failed(self, error):
        status, more, body = errors.encode(error)
        self._whole(status, body, more)

    def _whole(self, status, body, headers=(("content-type", "application/json"),)):
        self.server.statuses.append(status)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, items):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for item in items:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(item), item))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_args):
        """Stay silent."""


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Wire)
    server.events, server.error, server.seen, server.statuses = [], None, [], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="k", max_retries=0) as client:
        yield client


def ask(client, **fields):
    return client.chat.completions.create(model="fast", messages=HELLO, **fields)


def test_a_streamed_text_arrives(client, server):
    server.events = [Heartbeat(), Started(), TextDelta("Hel"), TextDelta("lo ✓"), Stopped("end_turn")]
    chunks = list(ask(client, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello ✓"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].slipstream == {"model": "m", "whole": True}


def test_token_counts_arrive_in_the_stream(client, server):
    server.events = [Started(), TextDelta("a"), Stopped("end_turn"), Usage(1, 2, 3, 4, 1)]
    last = list(ask(client, stream=True, stream_options={"include_usage": True}))[-1]
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (8, 2)
    assert last.usage.prompt_tokens_details.cached_tokens == 3
    assert last.usage.completion_tokens_details.reasoning_tokens == 1


def test_the_sdk_adds_up_streamed_tool_calls(client, server):
    server.events = [
        Started(),
        ToolCallStarted(0, "a", "weather"),
        ToolCallDelta(0, '{"city":'),
        ToolCallDelta(0, '"Bonn"}'),
        ToolCallStarted(1, "b", "weather"),
        Stopped("tool_use"),
        Usage(1, 1),
    ]
    with client.chat.completions.stream(model="fast", messages=HELLO, tools=[WEATHER]) as stream:
        choice = stream.get_final_completion().choices[0]
    calls = [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls]
    assert calls == [("a", "weather", '{"city":"Bonn"}'), ("b", "weather", "{}")]
    assert choice.finish_reason == "tool_calls"


def test_a_message_of_the_sdk_can_be_sent_back_as_it_is(client, server):
    server.events = [
        Started(),
        ReasoningDelta("Hm", 0),
        ReasoningDelta(signature="s", block=0),
        TextDelta("Let me look", 1),
        ToolCallStarted(2, "a", "weather"),
        Stopped("tool_use"),
    ]
    message = ask(client, tools=[WEATHER]).choices[0].message
    answer = {"role": "tool", "tool_call_id": "a", "content": "sunny"}
    client.chat.completions.create(model="fast", messages=[*HELLO, message, answer], tools=[WEATHER])
    assert [type(part).__name__ for part in server.seen[-1].messages[1].content] == ["Reasoning", "Text", "ToolUse"]


def test_an_answer_in_one_piece_arrives(client, server):
    server.events = [Started(), TextDelta("Hello"), Stopped("max_tokens"), Usage(1, 2)]
    completion = ask(client, extra_body={"slipstream": {"use_case": "chat"}})
    assert completion.choices[0].message.content == "Hello"
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.total_tokens == 3
    assert server.seen[0].options.use_case == "chat"


def test_a_stream_that_breaks_off_raises(client, server):
    server.events = [Started(), TextDelta("Hel"), Failed(StreamCut("the model was cut off"))]
    chunks = iter(ask(client, stream=True))
    assert next(chunks).choices[0].delta.content == "Hel"
    with pytest.raises(openai.APIError, match="cut off") as raised:
        next(chunks)
    assert raised.value.code == "stream_interrupted"
    assert raised.value.body["retryable"] is True


def test_an_answer_in_one_piece_that_breaks_off_has_an_error_status(client, server):
    server.events = [Started(), TextDelta("Hel"), Failed(UpstreamUnavailable("try later"))]
    with pytest.raises(openai.InternalServerError) as raised:
        ask(client)
    assert raised.value.status_code == 503


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unauthenticated("no"), openai.AuthenticationError),
        (PermissionDenied("no"), openai.PermissionDeniedError),
        (InvalidRequest("no", param="n"), openai.BadRequestError),
        (ModelNotFound("no", param="model"), openai.NotFoundError),
        (Throttled("no", retry_after_s=1), openai.RateLimitError),
    ],
)
def test_errors_raise_the_sdks_own_exceptions(client, server, error, kind):
    server.error = error
    with pytest.raises(kind) as raised:
        ask(client)
    assert (raised.value.code, raised.value.param, raised.value.type) == (error.code, error.param, error.openai_type)


def test_the_sdk_repeats_only_what_is_worth_repeating(server):
    with openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="k", max_retries=1) as client:
        server.error = Throttled("later", retry_after_s=0.001)
        with pytest.raises(openai.RateLimitError):
            ask(client)
        server.error = SlipstreamError("broken for good")
        with pytest.raises(openai.InternalServerError):
            ask(client)
    assert server.statuses == [429, 429, 500]


def test_a_bad_parameter_is_named_through_the_sdk(client):
    with pytest.raises(openai.BadRequestError) as raised:
        ask(client, n=2)
    assert raised.value.param == "n"


def test_embeddings_arrive_as_floats_and_through_base64(client):
    plain = client.embeddings.create(model="titan", input=["a", "b"], encoding_format="float")
    packed = client.embeddings.create(model="titan", input="a")
    assert [entry.embedding for entry in plain.data] == [[0.5, -1.0]] * 2
    assert packed.data[0].embedding == [0.5, -1.0]
    assert packed.usage.total_tokens == 3


def test_models_can_be_listed_and_looked_up(client):
    assert [model.id for model in client.models.list()] == ["fast", "anthropic.claude-x", "amazon.nova-y"]
    assert client.models.retrieve("amazon.nova-y").owned_by == "amazon"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nothing")


def test_what_goes_over_the_line_is_json_in_events(server):
    server.events = [Started(), TextDelta("a"), Stopped("end_turn")]
    events = b"".join(chat.stream(Played(server.events))).decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(json.loads(event.removeprefix("data: ")) for event in events[:-2])
