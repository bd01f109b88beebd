"""Odd and bad requests on Bedrock's wire, the same for the same seed.

    for case in cases(seed=1, count=10_000):
        status, reply = send(case.path, case.body, case.headers)
        assert complaint(case, status, reply) is None

Each case starts from a valid Converse or ConverseStream request and is changed in one way. ``must`` says what has to
become of it; a refusal is a JSON object whose ``message`` names the field.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from bench.odd.case import ODD_TEXTS, PIXEL, Case, Path, at, damaged, encode, misjudged, places, spelled, told, twice

FREE = frozenset(
    ("json", "input", "additionalModelRequestFields", "guardrailConfig", "promptVariables", "outputConfig",
     "s3Location", "citations", "guardContent", "error")
)  # fmt: skip
"""Below these, what we hand on to Bedrock unread: a changed value may still be valid."""

SEEDS: tuple[dict[str, Any], ...] = (
    {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]},
    {
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "5m"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": "What is this?"},
                    {"image": {"format": "png", "source": {"bytes": PIXEL}}},
                    {"document": {"name": "notes", "format": "txt", "source": {"bytes": "aGVsbG8="}}},
                ],
            }
        ],
        "inferenceConfig": {"maxTokens": 64, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
        "requestMetadata": {"team": "search"},
    },
    {
        "messages": [
            {"role": "user", "content": [{"text": "Weather in Bonn?"}]},
            {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Bonn"}}}],
            },
            {
                "role": "user",
                "content": [{"toolResult": {"toolUseId": "t1", "status": "success", "content": [{"text": "sunny"}]}}],
            },
        ],
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "weather",
                        "description": "Tells it",
                        "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}},
                    }
                },
                {"cachePoint": {"type": "default"}},
            ],
            "toolChoice": {"auto": {}},
        },
        "additionalModelRequestFields": {"top_k": 20},
        "serviceTier": {"type": "default"},
        "performanceConfig": {"latency": "standard"},
    },
    {
        "messages": [
            {"role": "user", "content": [{"text": "Which is larger?"}]},
            {
                "role": "assistant",
                "content": [{"reasoningContent": {"reasoningText": {"text": "I compare."}}}, {"text": "The first."}],
            },
            {"role": "user", "content": [{"text": "Why? As JSON."}]},
        ],
        "outputConfig": {
            "effort": "low",
            "textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"name": "why", "schema": '{"type":"object"}'}},
            },
        },
    },
)
REQUIRED = frozenset(
    ("role", "content", "format", "source", "name", "toolUseId", "input", "type", "tools", "inputSchema", "json")
)
REFUSED: dict[str, tuple[Any, ...]] = {
    "inferenceConfig.maxTokens": (0, -1, 1.5, "64", 10**30),
    "inferenceConfig.temperature": (-0.1, 1.1, "0", 1e300),
    "inferenceConfig.topP": (-1, 2, [0.5]),
    "inferenceConfig.stopSequences": ([""], "END", [1], {}),
    "requestMetadata": ({}, {"a": 1}, ["a"], {str(n): "v" for n in range(17)}),
    "serviceTier.type": ("fast", "", 1),
    "performanceConfig.latency": ("quick", "", 0),
    "toolConfig.tools": ([], {}, [{}], [{"cachePoint": {"type": "default"}}], [{"toolSpec": {"name": "n"}}]),
    "toolConfig.toolChoice": ({}, {"auto": {}, "any": {}}, {"none": {}}, "auto"),
    "additionalModelResponseFieldPaths": ("/a", [1], [""], ["/a"] * 11),
    "additionalModelRequestFields": ([], "top_k", 1),
    "system": ("Be brief.", [{"text": ""}], [{}], [{"image": {}}]),
    "messages": ({}, "Hello", [[]], [{}], [{"role": "robot", "content": []}], [{"role": "user", "content": "Hello"}]),
}


def cases(seed: int, count: int, model: str = "fast") -> Iterator[Case]:
    """Yield ``count`` cases for ``model`` (an alias or id that the gateway serves), the same for the same ``seed``."""
    draw = random.Random(seed)
    for _ in range(count):
        operation = draw.choice(("converse", "converse-stream"))
        valid = copy.deepcopy(draw.choice(SEEDS))
        case = draw.choice(CHANGES)(draw, valid)
        path = case.path or f"/model/{{model}}/{operation}"
        yield Case(case.what, case.body, case.must, case.param, path.replace("{model}", model), case.headers)


def complaint(case: Case, status: int, reply: bytes, *, end_to_end: bool = True) -> str | None:
    """What is wrong with the answer to ``case``, or None.

    The refusal's message has to contain ``param``; ``end_to_end`` as in ``misjudged``.
    """
    wrong = misjudged(case, status, reply, end_to_end=end_to_end)
    if wrong is not None or status < 400:
        return wrong
    message = json.loads(reply)["message"]
    if not message:
        return f"nothing told: {told(case, status, reply)}"
    if case.must == "be refused" and case.param is not None and case.param not in message:
        return f"does not name {case.param}: {told(case, status, reply)}"
    return None


def _wrong_type(draw: random.Random, body: dict[str, Any]) -> Case:
    typed = [place for place in places(body, FREE) if place[0][-1] not in {"json", "input"}]
    path, value = draw.choice(typed)
    wrong: tuple[Any, ...] = ({"odd": 1}, 1234.5, True, [])
    if isinstance(value, (int, float)):
        wrong = ("3", [], {"odd": 1}, True)
    elif isinstance(value, dict):
        wrong = (7, "text", [1], True)
    elif isinstance(value, list):
        wrong = (7, "text", True)
    at(body, path[:-1])[path[-1]] = draw.choice(wrong)
    shown = path[:-1] if path[-2:-1] == ("requestMetadata",) else path
    return Case(f"wrong type at {spelled(path)}", encode(body), "be refused", spelled(shown))


def _missing(draw: random.Random, body: dict[str, Any]) -> Case:
    gone = [path for path, _ in places(body, FREE) if path[-1] in REQUIRED and path[:-1] != ()]
    path = draw.choice(gone)
    del at(body, path[:-1])[path[-1]]
    optional = path[-1] == "format" and path[-2] == "document"
    return Case(f"missing {spelled(path)}", encode(body), "pass" if optional else "be refused", spelled(path))


def _extra(draw: random.Random, body: dict[str, Any]) -> Case:
    closed = FREE | {"requestMetadata"}
    objects = [path for path, value in places(body, FREE) if isinstance(value, dict) and path[-1] not in closed]
    path: Path = draw.choice([(), *objects])
    name = draw.choice(("foo", "Text", "maxToken", "tool_use", "__class__", "x" * 500, "🙂"))
    at(body, path)[name] = draw.choice((None, 1, "a", [], {}))
    return Case(f"extra key in {spelled(path)}", encode(body), "be refused", name)


def _out_of_range(draw: random.Random, body: dict[str, Any]) -> Case:
    name = draw.choice(list(REFUSED))
    outer, _, inner = name.partition(".")
    value = draw.choice(REFUSED[name])
    if inner:
        whole = dict(body.get(outer) or {"tools": [{"toolSpec": {"name": "n", "inputSchema": {"json": {}}}}]})
        body[outer] = {inner: value} if outer != "toolConfig" else whole | {inner: value}
    else:
        body[outer] = value
    return Case(f"{name} = {str(value)[:40]}", encode(body), "be refused", name)


def _two_members(draw: random.Random, body: dict[str, Any]) -> Case:
    block = body["messages"][0]["content"][0]
    block.update(draw.choice(({"cachePoint": {"type": "default"}}, {"image": {"format": "png", "source": {}}})))
    return Case("two members of a union", encode(body), "be refused", "messages[0].content[0]")


def _odd_text(draw: random.Random, body: dict[str, Any]) -> Case:
    body["messages"].append({"role": "user", "content": [{"text": draw.choice(ODD_TEXTS[2:]) + " and then?"}]})
    return Case("odd text", encode(body), "pass")


def _odd_anywhere(draw: random.Random, body: dict[str, Any]) -> Case:
    path = draw.choice([path for path, value in places(body, FREE) if isinstance(value, str)])
    at(body, path[:-1])[path[-1]] = draw.choice(ODD_TEXTS)
    return Case(f"odd text at {spelled(path)}", encode(body), "pass or be refused")


def _swapped(draw: random.Random, body: dict[str, Any]) -> Case:
    path, _ = draw.choice(list(places(body, FREE)))
    _, other = draw.choice(list(places(copy.deepcopy(draw.choice(SEEDS)), FREE)))
    at(body, path[:-1])[path[-1]] = other
    return Case(f"something else at {spelled(path)}", encode(body), "pass or be refused")


def _null(draw: random.Random, body: dict[str, Any]) -> Case:
    name = draw.choice([name for name in body if name != "messages"] or ["system"])
    body[name] = None
    return Case(f"{name} = null", encode(body), "pass" if name != "toolConfig" else "pass or be refused")


def _many(draw: random.Random, body: dict[str, Any]) -> Case:
    size = draw.choice((100, 1000))
    turns = [{"role": draw.choice(("user", "assistant")), "content": [{"text": f"turn {n}"}]} for n in range(size)]
    return Case(f"{size} turns", encode(body | {"messages": body["messages"] + turns}), "pass")


def _deep(draw: random.Random, body: dict[str, Any]) -> Case:
    levels = draw.choice((101, 300, 3000, 50_000))
    nested = b'{"a":' * levels + b"1" + b"}" * levels
    body.pop("additionalModelRequestFields", None)
    deep = encode(body)[:-1] + b',"additionalModelRequestFields":%b}' % nested
    return Case(f"{levels} levels", deep, "be refused", "nested")


def _damaged(draw: random.Random, body: dict[str, Any]) -> Case:
    return damaged(draw, body, least_bytes=1)  # no body at all is {} on this wire


def _no_json(draw: random.Random, body: dict[str, Any]) -> Case:
    whole = encode(body)
    wrong = (
        b" ", b"null", b"[]", b"1", b"true", b'"a"', b"\xef\xbb\xbf" + whole, whole + b"x", b"{'a': 1}", b"<a/>",
        whole.decode().encode("utf-16"), b"[" * 100_000, b"modelId=fast", whole[:-1] + b',"inferenceConfig":NaN}',
        whole[:-1] + b',"inferenceConfig":{"topP":1e999}}', whole[:-1] + b',"inferenceConfig":{"maxTokens":'
        + b"9" * 5000 + b"}}",
    )  # fmt: skip
    return Case("no JSON, or not for us", draw.choice(wrong), "be refused")


def _handed_on(draw: random.Random, body: dict[str, Any]) -> Case:
    """What only some models' dialects have words for: Bedrock, or the gateway, may take it or not."""
    json_schema = {"schema": draw.choice(("", "{", "[]", "{}", '{"type":7}', "[" * 5000, "\x00")), "name": "n"}
    name, value = draw.choice(
        (
            ("outputConfig", {"effort": draw.choice(("low", "max", "none", "", "x" * 5000, 3, None, [], {}))}),
            ("outputConfig", {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": json_schema}}}),
            ("outputConfig", {"textFormat": draw.choice((None, 1, [], {}, {"type": "yaml"}))}),
            ("outputConfig", draw.choice(({}, {"foo": 1}, {"🙂": {}}))),
            ("guardrailConfig", {"guardrailIdentifier": "g", "guardrailVersion": "1"}),
            ("promptVariables", {"a": {"text": "b"}}),
            ("additionalModelResponseFieldPaths", ["/a"]),
            ("additionalModelRequestFields", {"model": "other", "input": [], "reasoning": 7, "text": [], "top_p": "x"}),
            ("toolConfig", {"tools": [{"systemTool": {"name": draw.choice(("nova_grounding", "x"))}}]}),
        )
    )
    return Case(f"{name} = {str(value)[:40]}", encode(body | {name: value}), "pass or be refused")


def _path(draw: random.Random, body: dict[str, Any]) -> Case:
    odd = (
        "/model//converse", "/model/%00/converse", "/model/%/converse", "/model/%zz/converse", "/model/%ff%fe/converse",
        "/model/../../etc/passwd/converse", f"/model/{'a' * 5000}/converse", "/model/no such/converse",
        "/model/no.such-model-v1:0%0d%0ax: y/converse-stream", "/model/{model}/convers", "/model/{model}/Converse",
        "/model/{model}", "/model/{model}/converse/converse", "/model/nosuch/converse",
        f"/model/{quote('🙂')}/converse",
    )  # fmt: skip
    return Case("odd path", encode(body), "pass or be refused", path=draw.choice(odd))


def _good_path(draw: random.Random, body: dict[str, Any]) -> Case:
    path = draw.choice(
        ("/prod/model/{model}/converse", "/a/b/model/{model}/converse-stream", "/model/{model}/converse/")
    )
    return Case("base path", encode(body), "pass", path=path)


def _header(draw: random.Random, body: dict[str, Any]) -> Case:
    name, value, param = draw.choice(
        (
            ("x-slipstream-usecase", "code", "x-slipstream-usecase"),
            ("x-slipstream-use-case", "poetry", "x-slipstream-use-case"),
            ("x-slipstream-deadline-ms", "soon", "x-slipstream-deadline-ms"),
            ("x-slipstream-deadline-ms", "0", "x-slipstream-deadline-ms"),
            ("content-type", "multipart/form-data", "content-type"),
            ("content-encoding", "gzip", "content-encoding"),
        )
    )
    return Case(f"{name}: {value}", encode(body), "be refused", param, headers={name: value})


CHANGES: tuple[Callable[[random.Random, dict[str, Any]], Case], ...] = (
    _wrong_type, _wrong_type, _wrong_type, _missing, _missing, _extra, _extra, _out_of_range, _out_of_range,
    _two_members, _odd_text, _odd_anywhere, _swapped, _swapped, _null, _many, _deep, _damaged, _damaged, _no_json,
    twice, _path, _good_path, _header, _handed_on, _handed_on,
)  # fmt: skip
