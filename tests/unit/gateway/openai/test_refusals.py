import json

import msgspec
import pytest

from slipstream.errors import InvalidRequest
from slipstream.gateway.openai import answers, chat, search
from slipstream.gateway.openai.answers import AnswersBody
from slipstream.gateway.openai.body import ChatBody
from slipstream.gateway.openai.embeddings import EmbeddingBody
from slipstream.gateway.openai.rejection import CHOICES
from slipstream.gateway.openai.search import SearchBody
from tests.unit.gateway.openai.played import HELLO, PRINCIPAL, decode
from tests.unit.gateway.openai.test_request import WEATHER, answering, call, calling, user

DEEP = {"a": None}
for _ in range(150):
    DEEP = {"a": DEEP}


def refusal(**fields):
    with pytest.raises(InvalidRequest) as refused:
        decode(**fields)
    return refused.value


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"{", "too early"),
        (b'{"model": "a", "messages": [', "byte 28"),
        (b"hello", "byte 0"),
        (b'{"model": NaN}', "byte 10"),
        (b'{"model":"\xff"}', "not UTF-8 (byte 10)"),
        (b'{"model":"\\ud800"}', "byte"),
        (b'{"model":"a\nb"}', "byte"),
        (b'{"model":"a","messages":[]} x', "trailing"),
        (b"\xef\xbb\xbf{}", "byte 0"),
        (b'{"audio":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(body, told):
    with pytest.raises(InvalidRequest) as refused:
        chat.decode(body, {}, PRINCIPAL)
    assert refused.value.code == "invalid_json"
    assert told in refused.value.message


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"a"'])
def test_a_body_that_is_no_object_is_told(body):
    with pytest.raises(InvalidRequest, match="expected an object"):
        chat.decode(body, {}, PRINCIPAL)


def test_an_unknown_parameter_is_named():
    error = refusal(foo=1)
    assert (error.message, error.param, error.code) == ("Unknown parameter: 'foo'.", "foo", "unknown_parameter")


def test_an_unknown_option_of_ours_is_named():
    assert refusal(slipstream={"usecase": "code"}).param == "slipstream.usecase"


def test_a_missing_parameter_is_named():
    with pytest.raises(InvalidRequest) as refused:
        chat.decode(b'{"messages":[]}', {}, PRINCIPAL)
    assert (refused.value.param, refused.value.code) == ("model", "missing_required_parameter")


def test_a_wrong_type_is_told_with_what_was_expected():
    error = refusal(messages=[{"role": "user", "content": [{"type": "text", "text": 3}]}])
    assert error.param == "messages[0].content[0].text"
    assert error.message.endswith("expected a string, but got an integer instead.")


def test_a_wrong_choice_is_told_with_the_right_ones():
    error = refusal(messages=[{"role": "robot", "content": "a"}])
    assert error.param == "messages[0].role"
    assert error.message == (
        "Invalid value for 'messages[0].role': 'robot'. "
        "Supported values are: 'system', 'developer', 'user', 'assistant', 'tool'."
    )


@pytest.mark.parametrize(("field", "value", "path"), [("rerank", "best", "rerank"), ("off", ["all"], "off[0]")])
@pytest.mark.parametrize(
    ("route", "body", "below"),
    [
        (search, {"index": "docs", "query": "a"}, "retrieval"),
        (answers, {"index": "docs", "question": "a"}, "retrieval"),
        (chat, {"model": "rag:docs", "messages": [user()]}, "slipstream.retrieval"),
    ],
)
def test_choices_of_a_search_are_told_on_every_route(route, body, below, field, value, path):
    options = {"retrieval": {field: value}}
    whole = json.dumps(body | (options if below == "retrieval" else {"slipstream": options})).encode()
    with pytest.raises(InvalidRequest) as refused:
        route.decode(whole, *([{}] if route is chat else []), PRINCIPAL)
    assert refused.value.param == f"{below}.{path}"
    assert "Supported values are: '" in refused.value.message


def test_a_huge_wrong_value_is_not_repeated_whole():
    assert len(refusal(reasoning_effort="x" * 100_000).message) < 300
    assert len(refusal(**{"x" * 100_000: 1}).param) < 100


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": " "}, "model"),
        ({"model": 3}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [None]}, "messages[0]"),
        ({"messages": [{"content": "a"}]}, "messages[0].role"),
        ({"messages": [user("")]}, "messages[0].content"),
        ({"messages": [user(None)]}, "messages[0].content"),
        ({"messages": [user(), user([])]}, "messages[1].content"),
        ({"messages": [{"role": "system", "content": ""}]}, "messages"),
        ({"messages": [{"role": "assistant", "content": "a"}, user()]}, "messages"),
        ({"messages": [user([{"type": "input_audio", "input_audio": {}}])]}, "messages[0].content[0].type"),
        ({"messages": [user([{"type": "file", "file": {}}])]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "function", "name": "f", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "a", "foo": 1}]}, "messages[0].foo"),
        ({"messages": [user(), answering("a")]}, "messages[1].tool_call_id"),
        ({"messages": [user(), calling(call("a")), answering("b")]}, "messages[2].tool_call_id"),
        ({"messages": [user(), calling(call("a")), answering("a"), answering("a")]}, "messages[3].tool_call_id"),
        ({"messages": [user(), calling(call("a")), user()]}, "messages[1].tool_calls[0]"),
        ({"messages": [user(), calling(call("a"), call("b")), answering("a")]}, "messages[1].tool_calls[1]"),
        ({"messages": [user(), calling(call("a"), call("a"))]}, "messages[1].tool_calls[1].id"),
        ({"messages": [user(), calling(call("a b"))]}, "messages[1].tool_calls[0].id"),
        ({"messages": [user(), calling(call("a", name=""))]}, "messages[1].tool_calls[0].function.name"),
        ({"messages": [user(), calling(call("a", arguments="{"))]}, "messages[1].tool_calls[0].function.arguments"),
        ({"messages": [user(), calling(call("a", arguments="[]"))]}, "messages[1].tool_calls[0].function.arguments"),
        (
            {"messages": [user(), calling(call("a", arguments='{"a":' * 150 + "1" + "}" * 150))]},
            "messages[1].tool_calls[0].function.arguments",
        ),
        (
            {"messages": [user(), calling(call("a", arguments='{"a":' * 9999 + "1" + "}" * 9999))]},
            "messages[1].tool_calls[0].function.arguments",
        ),
        ({"messages": [user(), calling({**call("a"), "type": "custom"})]}, "messages[1].tool_calls[0].type"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 2**31}, "max_tokens"),
        ({"max_tokens": 10**40}, "max_tokens"),
        ({"max_tokens": "10"}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 1, "max_completion_tokens": 2}, "max_completion_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a", ""]}, "stop[1]"),
        ({"stop": ["a", 1]}, "stop[1]"),
        ({"stop": ["a"] * 2501}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"foo": True}}, "stream_options.foo"),
        ({"reasoning_effort": "extreme"}, "reasoning_effort"),
        ({"service_tier": "gold"}, "service_tier"),
        ({"tools": [{"type": "custom", "custom": {"name": "a"}}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "ä"}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "a" * 65}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": []}}]},
            "tools[0].function.parameters",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": DEEP}}]},
            "tools[0].function.parameters",
        ),
        ({"tools": [WEATHER, WEATHER]}, "tools[1].function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}}, "tool_choice.type"),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice.function.name",
        ),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}},
            "response_format.json_schema.schema",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "", "schema": {}}}},
            "response_format.json_schema.name",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": DEEP}}},
            "response_format.json_schema.schema",
        ),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"": "a"}}, "metadata."),
        ({"metadata": {"a": "é"}}, "metadata.a"),
        ({"metadata": {"a": "x" * 257}}, "metadata.a"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
        ({"slipstream": {"deadline_ms": 0}}, "slipstream.deadline_ms"),
        ({"slipstream": {"deadline_ms": 10**30}}, "slipstream.deadline_ms"),
        ({"slipstream": {"use_case": "poetry"}}, "slipstream.use_case"),
        ({"slipstream": []}, "slipstream"),
        ({"prompt_cache_options": {"mode": "never"}}, "prompt_cache_options.mode"),
    ],
)
def test_what_cannot_be_served_is_named(fields, param):
    assert refusal(**fields).param == param


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2), ("logprobs", True), ("top_logprobs", 3), ("logit_bias", {"50256": -100}), ("presence_penalty", 0.5),
        ("frequency_penalty", -1), ("store", True), ("verbosity", "low"), ("modalities", ["text", "audio"]),
        ("audio", {"voice": "x"}), ("prediction", {"type": "content", "content": "a"}), ("functions", []),
        ("function_call", "auto"), ("web_search_options", {}), ("moderation", {"model": "m"}),
    ],
)  # fmt: skip
def test_what_bedrock_cannot_do_is_refused_by_name_with_the_reason(name, value):
    error = refusal(**{name: value})
    assert (error.param, error.code) == (name, "unsupported_parameter")
    assert len(error.message) > len(f"Unsupported parameter: '{name}': .")


def test_an_hour_is_the_longest_that_a_cached_prefix_can_be_asked_for():
    marked = {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}
    assert refusal(messages=[user([marked])]).param == "messages[0].content[0].prompt_cache_breakpoint.ttl"


def choices_in(kind, path=""):
    """Every path in a typed body that takes only certain values, from the types themselves."""
    match kind:
        case msgspec.inspect.StructType():
            for field in kind.fields:
                yield from choices_in(field.type, f"{path}.{field.encode_name}".lstrip("."))
        case msgspec.inspect.UnionType():
            if tagged := {t.tag_field: None for t in kind.types if getattr(t, "tag_field", None)}:
                tags = tuple(t.tag for t in kind.types if getattr(t, "tag_field", None))
                yield f"{path}.{next(iter(tagged))}", tags
            for option in kind.types:
                yield from choices_in(option, path)
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            yield from choices_in(kind.item_type, path + "[]")
        case msgspec.inspect.LiteralType():
            yield path, kind.values


def test_every_field_with_a_choice_has_its_values_told():
    found = {}
    for body in (ChatBody, EmbeddingBody, SearchBody, AnswersBody):
        for path, values in choices_in(msgspec.inspect.type_info(body)):
            found.setdefault(path, set()).update(values)
    found["messages[].content[].type"] -= {"refusal"}
    assert {path: set(values) for path, values in CHOICES.items()} == found


def test_a_request_is_not_changed_by_decoding_it_twice():
    body = msgspec.json.encode({"model": "m", "messages": HELLO * 3, "tools": [WEATHER]})
    assert chat.decode(body, {}, PRINCIPAL) == chat.decode(body, {}, PRINCIPAL)
