import msgspec
import pytest

from slipstream.chat.request import (
    CachePoint,
    Image,
    Message,
    Options,
    Parameters,
    Reasoning,
    ResponseFormat,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from slipstream.errors import InvalidRequest, PermissionDenied
from slipstream.gateway.http import Principal
from slipstream.gateway.openai import chat
from tests.unit.gateway.openai.played import HELLO, PNG, PRINCIPAL, decode, turns

WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "Tells it", "parameters": {"type": "object"}, "strict": True},
}
DATA_URL = f"data:image/png;base64,{PNG}"


def call(call_id, name="weather", arguments="{}"):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls, **more):
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **more}


def answering(call_id, content="sunny"):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def user(content="Hello"):
    return {"role": "user", "content": content}


def part(url):
    return {"type": "image_url", "image_url": {"url": url}}


def test_a_small_request_has_nothing_but_what_was_asked():
    request = decode()
    assert request.model == "fast"
    assert request.messages == [Message("user", [Text("Hello")])]
    assert request.parameters == Parameters()
    assert (request.system, request.tools, request.notes, request.stream) == ([], [], [], False)


def test_tenant_and_allowed_models_come_from_the_key():
    request = decode()
    assert (request.tenant, request.allowed_models) == ("acme", ("fast", "anthropic.*"))


def test_a_key_without_the_scope_may_not_ask():
    with pytest.raises(PermissionDenied):
        chat.decode(msgspec.json.encode({"model": "m", "messages": HELLO}), {}, Principal("k", scopes=frozenset()))


def test_all_sampling_parameters_arrive():
    request = decode(max_tokens=10, temperature=0.5, top_p=0.9, stop="END", reasoning_effort="low")
    assert request.parameters == Parameters(
        max_tokens=10, temperature=0.5, top_p=0.9, stop=["END"], reasoning_effort="low"
    )


def test_null_is_the_same_as_not_given():
    names = [
        "temperature", "top_p", "stop", "max_tokens", "tools", "tool_choice", "response_format", "n", "seed", "user",
        "stream", "stream_options", "metadata", "functions", "logprobs", "service_tier", "audio", "slipstream",
    ]  # fmt: skip
    assert decode(**dict.fromkeys(names)) == decode()


def test_max_completion_tokens_is_max_tokens():
    assert decode(max_completion_tokens=7).parameters.max_tokens == 7
    assert decode(max_completion_tokens=7, max_tokens=7).parameters.max_tokens == 7


def test_usage_in_the_stream_is_asked_for_with_the_stream():
    assert decode(stream=True, stream_options={"include_usage": True, "include_obfuscation": False}).include_usage
    assert not decode(stream=True).include_usage


def test_instructions_are_kept_apart():
    request = turns(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            user(),
        ]
    )
    assert request.system == [Text("Be brief."), Text("Be kind.")]
    assert request.notes == []


def test_instructions_inside_the_conversation_move_to_its_front_and_the_reply_says_so():
    request = turns([user("a"), {"role": "system", "content": "s"}, user("b")])
    assert request.system == [Text("s")]
    assert request.messages == [Message("user", [Text("a"), Text("b")])]
    assert "moved to its front" in request.notes[0]


def test_instructions_alone_are_sent_as_the_users_message():
    request = turns([{"role": "system", "content": "Say hi"}])
    assert request.messages == [Message("user", [Text("Say hi")])]
    assert request.system == []
    assert request.notes


def test_neighbouring_turns_of_one_role_become_one():
    request = turns(
        [user("a"), user("b"), {"role": "assistant", "content": "c"}, {"role": "assistant", "content": "d"}]
    )
    assert request.messages == [
        Message("user", [Text("a"), Text("b")]),
        Message("assistant", [Text("c"), Text("d")]),
    ]


def test_images_come_as_data_urls():
    request = turns([user([{"type": "text", "text": "What?"}, part(DATA_URL), part(f"data:image/jpg;base64,{PNG}")])])
    assert request.messages[0].content == [Text("What?"), Image("png", PNG), Image("jpeg", PNG)]


def test_line_breaks_inside_base64_are_taken_out():
    assert turns([user([part("data:image/webp;base64,iVBO\nRw0K\r\nGgo=")])]).messages[0].content == [
        Image("webp", PNG)
    ]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://example.org/a.png", "not fetched"),
        ("file:///etc/passwd", "not fetched"),
        ("", "not fetched"),
        ("data:image/svg+xml;base64,AAAA", "is not one of"),
        ("data:text/plain,hello", "text/plain"),
        ("data:image/png,AAAA", "must look like"),
        ("data:image/png;base64", "must look like"),
        ("data:image/png;base64,", "empty"),
        ("data:image/png;base64,A", "not base64"),
        ("data:image/png;base64,AA-_", "not base64"),
        ("data:image/png;base64,ÄÄÄÄ", "not base64"),
    ],
)
def test_other_images_are_refused_by_their_path(url, told):
    with pytest.raises(InvalidRequest, match=told) as refused:
        turns([user(), user([{"type": "text", "text": "a"}, part(url)])])
    assert refused.value.param == "messages[1].content[1].image_url.url"


def test_an_earlier_call_and_its_answer_become_neighbouring_turns():
    request = turns([user(), calling(call("a", arguments='{"city":"Bonn"}')), answering("a"), user("And tomorrow?")])
    assert request.messages[1:] == [
        Message("assistant", [ToolUse("a", "weather", {"city": "Bonn"})]),
        Message("user", [ToolResult("a", [Text("sunny")]), Text("And tomorrow?")]),
    ]


def test_the_answers_of_parallel_calls_share_one_turn():
    request = turns([user(), calling(call("a"), call("b")), answering("b", "2"), answering("a", "1")])
    assert request.messages[-1] == Message("user", [ToolResult("b", [Text("2")]), ToolResult("a", [Text("1")])])


def test_a_call_without_arguments_has_an_empty_object():
    assert turns([user(), calling(call("a", arguments="")), answering("a")]).messages[1].content == [
        ToolUse("a", "weather", {})
    ]


def test_a_blank_tool_answer_is_told_as_empty():
    request = turns([user(), calling(call("a")), answering("a", " ")])
    assert request.messages[-1].content == [ToolResult("a", [Text("(empty)")])]


def test_blank_text_is_left_out_beside_other_content():
    request = turns(
        [
            {"role": "system", "content": " "},
            user([{"type": "text", "text": "\n"}, {"type": "text", "text": "a"}]),
            {"role": "assistant", "content": ""},
            user("b"),
        ]
    )
    assert request.system == []
    assert request.messages == [Message("user", [Text("a"), Text("b")])]


def test_a_whole_message_from_an_sdk_can_be_sent_back():
    message = {
        "role": "assistant",
        "content": "It is sunny.",
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
        "tool_calls": None,
        "reasoning_content": "Hm",
        "reasoning_details": [
            {"type": "reasoning.text", "text": "Hm", "signature": "s", "index": 0},
            {"type": "reasoning.encrypted", "data": "AAAA", "index": 1},
        ],
    }
    assert turns([user(), message, user()]).messages[1].content == [
        Reasoning(text="Hm", signature="s"),
        Reasoning(redacted="AAAA"),
        Text("It is sunny."),
    ]


def test_an_earlier_refusal_is_text():
    request = turns(
        [
            user(),
            {"role": "assistant", "refusal": "No."},
            user(),
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "Never."}]},
        ]
    )
    assert [turn.content for turn in request.messages[1::2]] == [[Text("No.")], [Text("Never.")]]


def test_tools_arrive():
    request = decode(tools=[WEATHER], tool_choice="required", parallel_tool_calls=False)
    assert request.tools == [Tool("weather", "Tells it", {"type": "object"}, True)]
    assert request.tool_choice == ToolChoice("any")
    assert request.parallel_tool_calls is False


def test_a_tool_without_parameters_takes_none():
    [tool] = decode(tools=[{"type": "function", "function": {"name": "now", "description": ""}}]).tools
    assert tool == Tool("now", None, {"type": "object", "properties": {}})


@pytest.mark.parametrize(
    ("asked", "kind"), [("auto", ToolChoice("auto")), ("none", ToolChoice("none")), ("required", ToolChoice("any"))]
)
def test_tool_choices_translate(asked, kind):
    assert decode(tools=[WEATHER], tool_choice=asked).tool_choice == kind


def test_one_tool_can_be_forced():
    forced = {"type": "function", "function": {"name": "weather"}}
    assert decode(tools=[WEATHER], tool_choice=forced).tool_choice == ToolChoice("tool", "weather")


def test_without_tools_there_is_no_choice_among_them():
    request = decode(tools=[], tool_choice="auto", parallel_tool_calls=True)
    assert (request.tool_choice, request.parallel_tool_calls) == (None, None)


def test_response_formats_arrive():
    schema = {"type": "object"}
    asked = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True, "description": "d"}}
    assert decode(response_format=asked).response_format == ResponseFormat("json_schema", schema, "n", "d", True)
    assert decode(response_format={"type": "json_object"}).response_format == ResponseFormat("json_object")
    assert decode(response_format={"type": "text"}).response_format is None


@pytest.mark.parametrize(
    ("openai", "bedrock"),
    [("auto", None), ("default", "default"), ("flex", "flex"), ("priority", "priority"), ("scale", "reserved")],
)
def test_service_tiers_translate(openai, bedrock):
    assert decode(service_tier=openai).service_tier == bedrock


def test_metadata_and_user_arrive():
    request = decode(metadata={"team": "a/b 1"}, user="u1")
    assert (request.metadata, request.user) == ({"team": "a/b 1"}, "u1")
    assert decode(safety_identifier="s1").user == "s1"


def test_seed_is_accepted_with_a_note():
    assert "seed" in decode(seed=7).notes[0]


def test_names_and_image_details_are_accepted_with_a_note():
    image = {"type": "image_url", "image_url": {"url": DATA_URL, "detail": "high"}}
    request = turns([{"role": "user", "name": "Ann", "content": [image, image]}])
    assert ["detail" in note or "name" in note for note in request.notes] == [True, True]


NEUTRAL = {
    "n": 1, "logprobs": False, "top_logprobs": 0, "logit_bias": {}, "presence_penalty": 0, "frequency_penalty": 0.0,
    "store": False, "verbosity": "medium", "modalities": ["text"], "prompt_cache_key": "k",
    "prompt_cache_retention": "in_memory", "prompt_cache_options": {"mode": "implicit"},
}  # fmt: skip


def test_neutral_values_change_nothing():
    assert decode(**NEUTRAL) == decode()


def test_cache_breakpoints_become_cache_points():
    def marked(**marker):
        return {"type": "text", "text": "a", **marker}

    request = turns(
        [
            {"role": "system", "content": [marked(prompt_cache_breakpoint={"mode": "explicit"})]},
            user([marked(cache_control={"type": "ephemeral", "ttl": "1h"}), marked()]),
            calling(call("a")),
            answering("a", [marked(prompt_cache_breakpoint={"mode": "explicit", "ttl": "30m"})]),
        ]
    )
    assert request.system == [Text("a"), CachePoint()]
    assert request.messages[0].content == [Text("a"), CachePoint("1h"), Text("a")]
    assert request.messages[2].content == [ToolResult("a", [Text("a")]), CachePoint("1h")]


def test_of_more_than_four_cache_breakpoints_the_latest_count():
    marked = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    request = turns([{"role": "system", "content": [marked, marked]}, user([marked, marked, marked, marked])])
    assert request.system == [Text("a"), Text("a")]
    assert request.messages[0].content.count(CachePoint()) == 4
    assert "2 cache breakpoints" in request.notes[0]


def test_explicit_prompt_caching_leaves_only_the_callers_points():
    assert decode(prompt_cache_options={"mode": "explicit"}).options.prompt_cache == "off"


def test_our_options_come_in_the_body_or_in_headers_and_the_body_wins():
    request = decode(
        {"x-slipstream-use-case": "code", "x-slipstream-latency": "standard", "accept": "*/*"},
        slipstream={"latency": "optimized", "deadline_ms": 5000},
    )
    assert request.options == Options(use_case="code", latency="optimized", deadline_ms=5000)


def test_the_last_of_two_equal_keys_counts():
    body = b'{"model":"a","model":"b","messages":[{"role":"user","content":"x"}]}'
    assert chat.decode(body, {}, PRINCIPAL).model == "b"


def test_odd_characters_pass_through():
    assert turns([user("a\x00b\u2028🙂\ufeff")]).messages[0].content == [Text("a\x00b\u2028🙂\ufeff")]
