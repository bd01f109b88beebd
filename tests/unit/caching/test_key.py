"""The key: equal requests hit, whatever way they are written; nothing else does."""

from __future__ import annotations

import random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from slipstream.caching.key import LONGEST_QUESTION, Sources, canonical, family_of, key_of, namespaced, question_of
from slipstream.chat.request import (
    CachePoint,
    ChatRequest,
    Message,
    Options,
    OtherPart,
    Parameters,
    ResponseFormat,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from slipstream.models import catalogue
from slipstream.models.resolve import Resolver

RESOLVER = Resolver(catalogue.load(), {"fast": "amazon.nova-lite-v1:0"})
texts = st.text(max_size=12)
names = st.text("abc_", min_size=1, max_size=6)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, json_values, max_size=4)
parts = st.one_of(
    st.builds(Text, texts),
    st.builds(ToolUse, texts, names, objects),
    st.builds(ToolResult, texts, st.lists(st.builds(Text, texts), max_size=2), st.booleans()),
    st.builds(OtherPart, names, objects),
)
tools = st.builds(Tool, names, texts | st.none(), objects, st.booleans() | st.none())
requests = st.builds(
    ChatRequest,
    model=st.sampled_from(["fast", "us.amazon.nova-pro-v1:0", "us.anthropic.claude-sonnet-4-6"]),
    messages=st.lists(
        st.builds(Message, st.sampled_from(["user", "assistant"]), st.lists(parts, max_size=3)), max_size=3
    ),
    system=st.lists(st.builds(Text, texts), max_size=2),
    tools=st.lists(tools, max_size=2),
    parameters=st.builds(
        Parameters,
        max_tokens=st.none() | st.integers(1, 100),
        temperature=st.none() | st.sampled_from([0.0, 0.5, 1.0]),
        stop=st.lists(st.text("xyz", min_size=1, max_size=3), max_size=3),
    ),
    response_format=st.none() | st.builds(ResponseFormat, st.just("json_schema"), objects, names),
    converse_extras=st.dictionaries(st.sampled_from(["guardrailConfig", "promptVariables"]), objects, max_size=2),
)  # fmt: skip


def key(request: ChatRequest, namespace: str = "tenant:t", sources: Sources | None = None) -> str:
    return key_of(RESOLVER.resolve(request), namespace, sources)


def shuffled(value: Any, order: random.Random) -> Any:
    """The same JSON with the keys of every object in another order, and whole numbers written the other way."""
    if isinstance(value, dict):
        items = [(name, shuffled(one, order)) for name, one in value.items()]
        order.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        return [shuffled(one, order) for one in value]
    if type(value) is int and abs(value) < 2**53:
        return float(value)
    return value


def rewritten(request: ChatRequest, order: random.Random) -> ChatRequest:
    """The same request written another way."""

    def part(one: Any) -> Any:
        if type(one) is ToolUse:
            return msgspec.structs.replace(one, input=shuffled(one.input, order))
        if type(one) is OtherPart:
            return msgspec.structs.replace(one, value=shuffled(one.value, order))
        return one

    wanted, stop = request.response_format, list(request.parameters.stop)
    order.shuffle(stop)
    if wanted is not None and RESOLVER.resolve(request).request.response_format is not None:
        wanted = msgspec.structs.replace(wanted, schema=shuffled(wanted.schema, order), strict=False)
    return msgspec.structs.replace(
        request,
        model="amazon.nova-lite-v1:0" if request.model == "fast" else request.model,
        messages=[
            Message(m.role, [*(part(p) for p in m.content), *([CachePoint()] if m.content else [])])
            for m in request.messages
        ],
        system=[*request.system, *([CachePoint()] if request.system else [])],
        tools=[
            Tool(t.name, t.description or "", shuffled(t.schema, order), bool(t.strict), cache_point=CachePoint())
            for t in request.tools
        ],
        tool_choice=ToolChoice("auto") if request.tools else None,
        parallel_tool_calls=True if request.tools else None,
        parameters=msgspec.structs.replace(request.parameters, stop=stop),
        response_format=wanted,
        converse_extras=shuffled(request.converse_extras, order),
        stream=True,
        include_usage=True,
        user="u",
        metadata={"a": "b"},
        service_tier="default",
        options=Options(deadline_ms=500, latency="standard", cache="exact"),
        notes=["seed has no effect"],
    )


@given(requests, st.integers())
def test_the_same_request_written_another_way_has_the_same_key(request: ChatRequest, seed: int) -> None:
    assert key(request) == key(rewritten(request, random.Random(seed)))


def meaning(request: ChatRequest) -> bytes:
    """A request as this test understands it, without the code under test: its JSON with sorted keys."""
    call = RESOLVER.resolve(request)
    fitted = call.request
    kept = [
        call.target_id, {**call.sent, "stop": sorted(set(call.sent.get("stop", [])))}, fitted.messages, fitted.system,
        [[t.name, t.description or "", t.schema or {"type": "object", "properties": {}}, bool(t.strict)]
         for t in fitted.tools],
        fitted.response_format, fitted.converse_extras,
    ]  # fmt: skip
    return msgspec.json.encode(canonical(msgspec.to_builtins(kept)), order="sorted")


@given(requests, requests)
def test_requests_that_mean_different_things_have_different_keys(one: ChatRequest, other: ChatRequest) -> None:
    assert (key(one) == key(other)) == (meaning(one) == meaning(other))


@given(requests, texts)
def test_a_character_more_in_the_content_is_another_request(request: ChatRequest, text: str) -> None:
    grown = msgspec.structs.replace(request, messages=[*request.messages, Message("user", [Text(text)])])
    longer = msgspec.structs.replace(request, messages=[*request.messages, Message("user", [Text(f"{text} ")])])
    assert len({key(request), key(grown), key(longer)}) == 3


@given(json_values)
def test_canonical_json_means_the_same_and_is_its_own_canonical_form(value: Any) -> None:
    assert canonical(value) == value
    assert repr(canonical(canonical(value))) == repr(canonical(value))


HI = ChatRequest(model="fast", messages=[Message("user", [Text("Hi")])])
SOURCES = Sources(index="docs", generation="docs-000001", made_of=[{"schema": 2}], options={})


def test_a_tenant_and_a_shared_namespace_of_one_name_are_two() -> None:
    assert key(HI, namespaced("group", None)) != key(HI, namespaced("acme", "group"))
    assert key(HI, namespaced("acme", "group")) == key(HI, namespaced("beta", "group"))


def test_what_an_index_is_made_of_is_part_of_the_key() -> None:
    changed = [
        None, SOURCES, msgspec.structs.replace(SOURCES, index="more"),
        msgspec.structs.replace(SOURCES, generation="docs-000002"),
        msgspec.structs.replace(SOURCES, made_of=[{"schema": 3}]),
        msgspec.structs.replace(SOURCES, options={"passages": 3}),
    ]  # fmt: skip
    assert len({key(HI, sources=sources) for sources in changed}) == len(changed)


def test_a_default_that_is_written_out_changes_nothing() -> None:
    sent = RESOLVER.resolve(HI).sent
    written = msgspec.structs.replace(HI, parameters=Parameters(max_tokens=sent["max_tokens"]))
    assert key(HI) == key(written)


def test_two_texts_are_not_one_text() -> None:
    two = msgspec.structs.replace(HI, messages=[Message("user", [Text("H"), Text("i")])])
    assert key(HI) != key(two)


def family(request: ChatRequest, namespace: str = "tenant:acme", space: str = "titan/512") -> str:
    return family_of(RESOLVER.resolve(request), namespace, None, space)


def asking(*content: Any, **more: Any) -> ChatRequest:
    return ChatRequest(**({"model": "fast", "messages": [Message("user", list(content))]} | more))


IMAGE = OtherPart("document", {"name": "report"})


@given(texts, texts)
def test_requests_that_differ_in_the_last_text_alone_are_of_one_family(one: str, other: str) -> None:
    assert family(asking(Text(one), IMAGE)) == family(asking(Text(other), IMAGE))


@given(requests, requests)
def test_requests_of_one_key_are_of_one_family(one: ChatRequest, other: ChatRequest) -> None:
    if not (one.messages and other.messages):
        return
    same = key_of(RESOLVER.resolve(one), "tenant:acme") == key_of(RESOLVER.resolve(other), "tenant:acme")
    assert family(one) == family(other) or not same


def test_whatever_else_differs_makes_another_family() -> None:
    said = [Message("user", [Text("Hi")]), Message("assistant", [Text("Hello")]), Message("user", [Text("And now?")])]
    told = [said[0], Message("assistant", [Text("Hullo")]), said[2]]
    tool = Tool("look_up", "Looks up.", {"type": "object"})
    found = [
        family(asking(Text("Hi"))),
        family(asking(Text("Hi")), namespace="tenant:beta"),
        family(asking(Text("Hi")), space="titan/1024"),
        family(asking(Text("Hi"), model="us.amazon.nova-pro-v1:0")),
        family(asking(Text("Hi"), system=[Text("Be brief.")])),
        family(asking(Text("Hi"), parameters=Parameters(temperature=0.5))),
        family(asking(Text("Hi"), parameters=Parameters(max_tokens=5))),
        family(asking(Text("Hi"), tools=[tool])),
        family(asking(Text("Hi"), response_format=ResponseFormat("json_object"))),
        family(asking(Text("Hi"), IMAGE)),
        family(asking(IMAGE, Text("Hi"))),
        family(asking(messages=said)),
        family(asking(messages=told)),
    ]
    assert len(set(found)) == len(found)


def test_a_question_is_one_text_of_the_users_last_turn() -> None:
    assert question_of(asking(Text("How tall is it?"), IMAGE, CachePoint())) == "How tall is it?"
    nothing = [
        asking(Text(" ")),
        asking(IMAGE),
        asking(Text("A long report."), Text("What does it say?")),
        asking(Text("x" * (LONGEST_QUESTION + 1))),
        asking(messages=[Message("user", [Text("Hi")]), Message("assistant", [Text("So")])]),
        asking(messages=[]),
    ]
    assert [question_of(request) for request in nothing] == [None] * len(nothing)
