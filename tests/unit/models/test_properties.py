"""What holds for any request whatever, tried with generated ones."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from slipstream.chat.request import (
    CachePoint,
    ChatRequest,
    Message,
    Options,
    Parameters,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from slipstream.errors import InvalidRequest
from slipstream.models.catalogue import load
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.reasoning import LADDER
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import ResolvedCall
from slipstream.models.self_healing import MENTIONS

from .conftest import healed

CHAT = [model.id for model in load().list() if model.kind == "chat"] + ["anthropic.claude-future-1-v1:0", "zai.glm-9"]
RESOLVER = Resolver(region="us-east-2")


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


parameters = st.builds(
    Parameters,
    max_tokens=maybe(st.integers(-2, 300_000)),
    temperature=maybe(st.floats(allow_nan=True) | st.floats(0, 1)),
    top_p=maybe(st.floats(allow_nan=True) | st.floats(0, 1)),
    top_k=maybe(st.integers(-5, 600)),
    stop=st.lists(st.text(min_size=1, max_size=3), max_size=6),
    reasoning_effort=maybe(st.sampled_from([*LADDER, "silly"])),
)
sane = st.builds(
    Parameters,
    max_tokens=maybe(st.integers(1, 2000)),
    temperature=maybe(st.floats(0, 1)),
    top_p=maybe(st.floats(0.01, 0.99)),
    top_k=maybe(st.integers(1, 100)),
    stop=st.lists(st.text(min_size=1, max_size=3), max_size=4),
    reasoning_effort=maybe(st.sampled_from(LADDER)),
)
options = st.builds(
    Options,
    use_case=maybe(st.sampled_from(["extraction", "classification", "summarization", "creative", "code", "chat"])),
    latency=maybe(st.sampled_from(["standard", "optimized"])),
)
tools = st.lists(st.just(Tool("f", "does it", {"type": "object"})), max_size=1)
choices = maybe(st.builds(ToolChoice, st.sampled_from(["auto", "any", "none", "tool"]), st.just("f")))
TIERS = maybe(st.sampled_from(["auto", "default", "flex", "priority", "reserved"]))


@st.composite
def requests(draw: st.DrawFn, chosen: st.SearchStrategy[Parameters] = parameters) -> ChatRequest:
    return ChatRequest(
        model=draw(st.sampled_from(CHAT)),
        messages=[Message("user", [Text("hello")])],
        parameters=draw(chosen),
        options=draw(options),
        tools=draw(tools),
        tool_choice=draw(choices),
        service_tier=draw(TIERS),
    )


def assert_keeps_the_rules(call: ResolvedCall) -> None:
    model = load().find(call.model_id)
    assert model is not None
    rules, sent = model.rules, call.sent
    for name, allowed in (("temperature", rules.temperature), ("top_p", rules.top_p), ("top_k", rules.top_k)):
        if name in sent:
            assert allowed is not None
            assert allowed.holds(sent[name])
    assert not (rules.temperature_or_top_p and "temperature" in sent and "top_p" in sent)
    assert rules.stop or "stop" not in sent
    if model.known and "max_tokens" in sent:
        assert 1 <= sent["max_tokens"] <= model.output_tokens
    if call.latency is not None:
        assert "us-east-2" in model.latency_optimized
    if call.service_tier is not None and model.known:
        assert call.service_tier in model.tiers
    thinking = call.reasoning_fields.get("thinking")
    if thinking:
        assert 1024 <= thinking["budget_tokens"] < sent["max_tokens"]
        assert not {"temperature", "top_p", "top_k"} & set(sent)
    forced = call.request.tool_choice is not None and call.request.tool_choice.kind in ("any", "tool")
    assert not (forced and thinking)


@given(requests())
@settings(max_examples=400)
def test_a_resolved_call_never_holds_what_the_models_rules_reject(request: ChatRequest) -> None:
    call: ResolvedCall | None = None
    named: str | None = None
    try:
        call = RESOLVER.resolve(request)
    except InvalidRequest as error:
        named = error.param
    if call is None:
        assert named
    else:
        assert_keeps_the_rules(call)


@given(requests(sane))
@settings(max_examples=200)
def test_what_was_asked_and_is_not_sent_is_told(request: ChatRequest) -> None:
    try:
        call = RESOLVER.resolve(request)
    except InvalidRequest:
        return
    for name in ("max_tokens", "temperature", "top_p", "top_k", "stop"):
        asked = getattr(request.parameters, name)
        if asked not in (None, []) and call.sent.get(name) != asked:
            assert any(name in note for note in call.notes)


@given(requests(sane))
@settings(max_examples=200)
def test_a_forced_tool_choice_goes_out_or_the_call_fails(request: ChatRequest) -> None:
    try:
        call = RESOLVER.resolve(request)
    except InvalidRequest:
        return
    if request.tool_choice is not None and request.tool_choice.kind in ("any", "tool"):
        assert call.request.tool_choice == request.tool_choice
        assert call.request.tools == request.tools


MESSAGES = [
    "{} is deprecated for this model.",
    "{}: Extra inputs are not permitted",
    "extraneous key [{}] is not permitted",
    "This model doesn't support the {} field.",
    "`temperature` and `top_p` cannot both be specified for this model.",
]
WORDS = [
    "temperature",
    "topP",
    "top_k",
    "stopSequences",
    "thinking",
    "reasoning_effort",
    "serviceTier",
    "latency",
    "cachePoint",
    "tool_choice",
    "nonsense",
]


@given(requests(sane), st.sampled_from(MESSAGES), st.sampled_from(WORDS))
@settings(max_examples=300)
def test_learning_is_idempotent_and_takes_away_one_parameter_at_most(
    request: ChatRequest, message: str, word: str
) -> None:
    resolver = Resolver(region="us-east-2")
    try:
        call = resolver.resolve(request)
    except InvalidRequest:
        return
    error = InvalidRequest(message.format(word))
    again = healed(resolver, call, error)
    if again is None:
        assert resolver.pending_rules() == []
        return
    assert_keeps_the_rules(again)
    assert healed(resolver, again, error) is None
    assert len(set(call.sent) - set(again.sent)) <= 1
    assert again.request.tools == call.request.tools
    assert again.request.tool_choice == call.request.tool_choice
    if resolver.pending_rules():  # of a value, or in this caller's words, nothing is remembered
        later = resolver.resolve(request)
        assert healed(resolver, later, error) is None


@given(st.text(max_size=200))
def test_no_message_whatever_makes_learning_fail(text: str) -> None:
    call = RESOLVER.resolve(ChatRequest(model="fast", messages=[Message("user", [Text("x")])]))
    again = healed(Resolver(), call, InvalidRequest(text))
    assert again is None or again.request is call.request


def test_every_learnable_parameter_has_a_pattern_that_finds_its_own_name() -> None:
    for name, pattern in MENTIONS:
        assert pattern.search(name) or pattern.search(name.rstrip("s")), name


LONG = "a handbook's sentence " * 300
blocks = st.sampled_from(
    [
        Text(LONG),
        Text("short"),
        CachePoint(),
        CachePoint("1h"),
        ToolUse("t", "f", {"a": LONG}),
        ToolResult("t", [Text(LONG)]),
    ]
)
turns = st.lists(st.lists(blocks, min_size=1, max_size=3), min_size=1, max_size=9).map(
    lambda contents: [Message("user" if i % 2 == 0 else "assistant", content) for i, content in enumerate(contents)]
)
systems = st.lists(st.sampled_from([Text(LONG), Text("brief"), CachePoint(), CachePoint("1h")]), max_size=3)
ORDER = {"tools": -2, "system": -1}


def own_points(request: ChatRequest) -> list[tuple[int, str]]:
    """The caller's points, as (position, ttl)."""
    out = [(-1, part.ttl or "5m") for part in request.system if isinstance(part, CachePoint)]
    for i, message in enumerate(request.messages):
        out += [(i, part.ttl or "5m") for part in message.content if isinstance(part, CachePoint)]
    return out


@given(
    st.lists(st.tuples(systems, turns, st.integers(0, 4000)), min_size=1, max_size=4),
    st.sampled_from(
        [
            "anthropic.claude-haiku-4-5-20251001-v1:0",
            "us.anthropic.claude-sonnet-4-20250514-v1:0",
            "amazon.nova-pro-v1:0",
        ]
    ),
    tools,
)
@settings(max_examples=200, deadline=None)
def test_cache_points_keep_bedrocks_limits_and_stand_at_ends_of_what_exists(
    history: list[tuple[Any, list[Message], int]], model: str, given_tools: list[Tool]
) -> None:
    now = [0.0]
    planner = PromptPlanner(lambda: now[0])
    for system, messages, gap_s in history * 2:
        now[0] += gap_s
        request = ChatRequest(model=model, messages=messages, system=system, tools=given_tools)
        planned = planner.plan(RESOLVER.resolve(request))
        marks, own = planned.cache_points, own_points(request)
        positions = [ORDER.get(mark.after, mark.index) for mark in marks]
        assert planned.request.messages == messages
        assert positions == sorted(set(positions))
        assert all(position < len(messages) for position in positions)
        assert all(messages[mark.index].role == "user" for mark in marks if mark.after == "message")
        assert not marks or len(marks) + len(own) <= 4
        ours = [(position, mark.ttl or "5m") for position, mark in zip(positions, marks, strict=True)]
        for position, ttl in ours:
            assert not any(ttl == "5m" and later > position and other == "1h" for later, other in [*own, *ours])
            assert not any(ttl == "1h" and earlier <= position and other == "5m" for earlier, other in own)
        for position in positions:
            parts: Any = {-2: [None], -1: system}.get(position) or messages[position].content
            assert not isinstance(parts[-1], CachePoint)
