"""Odd and bad Chat Completions requests, the same for the same seed.

    for case in cases(seed=1, count=10_000):
        status, reply = send(case.body)
        assert complaint(case, status, reply) is None

Each case starts from a valid request and is changed in one way. ``must`` says what has to become of it.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from bench.odd.case import ODD_TEXTS, PIXEL, Case, Path, at, damaged, encode, misjudged, places, spelled, told, twice

FREE = frozenset(("parameters", "schema", "metadata", "slipstream"))
"""Below these, a changed value may still be valid."""

SEEDS: tuple[dict[str, Any], ...] = (
    {"model": "fast", "messages": [{"role": "user", "content": "Hello"}]},
    {
        "model": "fast",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                ],
            },
        ],
        "max_tokens": 64,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "u-1",
        "metadata": {"team": "search"},
    },
    {
        "model": "fast",
        "messages": [
            {"role": "user", "content": "Weather in Bonn?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city":"Bonn"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "description": "Tells it", "parameters": {"type": "object"}},
            }
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
    },
    {
        "model": "fast",
        "messages": [{"role": "user", "content": "A colour as JSON"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "colour", "schema": {"type": "object"}}},
        "max_completion_tokens": 32,
        "service_tier": "default",
        "seed": 7,
        "n": 1,
        "logprobs": False,
        "slipstream": {"use_case": "extraction"},
    },
    {
        "model": "fast",
        "messages": [
            {"role": "user", "content": "Which is larger?"},
            {
                "role": "assistant",
                "content": "The first.",
                "reasoning_content": "I compare.",
                "reasoning_details": [{"type": "reasoning.text", "text": "I compare."}],
            },
            {"role": "user", "content": "Why?"},
        ],
        "reasoning_effort": "low",
        "max_completion_tokens": 2048,
        "stream": True,
    },
)

REQUIRED = frozenset(
    (
        "model",
        "messages",
        "role",
        "text",
        "url",
        "image_url",
        "id",
        "function",
        "arguments",
        "tool_call_id",
        "json_schema",
    )
)

REFUSED: dict[str, tuple[Any, ...]] = {
    "n": (2, 0, -1, 10**20), "logprobs": (True,), "top_logprobs": (5,), "logit_bias": ({"1": 1},),
    "presence_penalty": (2, -2, 1e-9), "frequency_penalty": (0.1,), "store": (True,), "functions": ([], [{"name": 1}]),
    "function_call": ("none", {"name": "f"}), "prediction": ({},), "modalities": (["audio"],), "audio": ({},),
    "max_tokens": (0, -1, 2**31, 10**30), "temperature": (-1, 2.5, 1e300), "top_p": (-0.1, 7), "stop": ("", [""], [[]]),
    "reasoning_effort": ("", "HIGH"), "service_tier": ("", "best"), "tool_choice": ("any", []), "tools": ({}, [{}]),
    "response_format": ({}, {"type": "yaml"}), "metadata": ({"a": 1}, {"a": "\x00"}), "slipstream": ({"cach": "off"},),
    "messages": ([], {}, [[]]), "model": ("", " ", []), "stream": (1, "true"), "stream_options": (True,),
}  # fmt: skip


def cases(seed: int, count: int, model: str = "fast") -> Iterator[Case]:
    """Yield ``count`` cases for ``model`` (an alias or id that the gateway serves), the same for the same ``seed``."""
    draw = random.Random(seed)
    for _ in range(count):
        valid = copy.deepcopy(draw.choice(SEEDS)) | {"model": model}
        yield draw.choice(CHANGES)(draw, valid)


def complaint(case: Case, status: int, reply: bytes, *, end_to_end: bool = True) -> str | None:
    """What is wrong with the answer to ``case``, or None.

    ``param`` is how the refusal's own has to begin; ``end_to_end`` as in ``misjudged``.
    """
    wrong = misjudged(case, status, reply, end_to_end=end_to_end)
    if wrong is not None or status < 400:
        return wrong
    error = json.loads(reply)["error"]
    if not error["message"] or error["type"] is None:
        return f"nothing told: {told(case, status, reply)}"
    if case.must == "be refused" and case.param is not None and not (error["param"] or "").startswith(case.param):
        return f"expected param {case.param}: {told(case, status, reply)}"
    return None


def _wrong_type(draw: random.Random, body: dict[str, Any]) -> Case:
    path, value = draw.choice([place for place in places(body, FREE) if place[1] is not None])
    wrong: tuple[Any, ...] = ({"odd": 1}, 1234.5, True)
    if isinstance(value, bool):
        wrong = ("yes", 3, [], {"odd": 1})
    elif isinstance(value, (int, float)):
        wrong = ("3", [], {"odd": 1}, True)
    elif isinstance(value, dict):
        wrong = (7, "text", [1], True)
    elif isinstance(value, list):
        wrong = (7, {"odd": 1}, True)
    at(body, path[:-1])[path[-1]] = draw.choice(wrong)
    return Case(f"wrong type at {spelled(path)}", encode(body), "be refused", spelled(path))


def _missing(draw: random.Random, body: dict[str, Any]) -> Case:
    # A block of reasoning may lack its text.
    found = [path for path, _ in places(body, FREE) if path[-1] in REQUIRED and "reasoning_details" not in path]
    path = draw.choice(found)
    del at(body, path[:-1])[path[-1]]
    return Case(f"missing {spelled(path)}", encode(body), "be refused", spelled(path[:-1]))


def _extra(draw: random.Random, body: dict[str, Any]) -> Case:
    objects = [
        path for path, value in places(body, FREE) if isinstance(value, dict) and path[-1] not in FREE - {"slipstream"}
    ]
    path: Path = draw.choice([(), *objects])
    name = draw.choice(("foo", "Model", "max_token", "__class__", "x" * 500, "🙂"))
    at(body, path)[name] = draw.choice((None, 1, "a", [], {}))
    return Case(f"extra key in {spelled(path)}", encode(body), "be refused", spelled((*path, name[:20])))


def _out_of_range(draw: random.Random, body: dict[str, Any]) -> Case:
    name = draw.choice(list(REFUSED))
    body[name] = draw.choice(REFUSED[name])
    return Case(f"{name} = {str(body[name])[:40]}", encode(body), "be refused", name)


def _odd_text(draw: random.Random, body: dict[str, Any]) -> Case:
    body["messages"].append({"role": "user", "content": draw.choice(ODD_TEXTS[2:]) + " and then?"})
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
    name = draw.choice([name for name in body if name not in {"model", "messages"}] or ["user"])
    body[name] = None
    lost = name == "stream" and "stream_options" in body
    return Case(f"{name} = null", encode(body), "be refused" if lost else "pass", "stream_options" if lost else None)


def _many(draw: random.Random, body: dict[str, Any]) -> Case:
    size = draw.choice((100, 1000))
    body["messages"] += [{"role": draw.choice(("user", "assistant")), "content": f"turn {n}"} for n in range(size)]
    return Case(f"{size} turns", encode(body), "pass")


def _deep(draw: random.Random, body: dict[str, Any]) -> Case:
    levels = draw.choice((101, 300, 3000, 50_000))
    nested = b'{"a":' * levels + b"1" + b"}" * levels
    tool = b'{"type":"function","function":{"name":"f","parameters":%b}}' % nested
    body.pop("tools", None)
    body.pop("tool_choice", None)
    return Case(f"{levels} levels", encode(body)[:-1] + b',"tools":[%b]}' % tool, "be refused")


def _no_json(draw: random.Random, body: dict[str, Any]) -> Case:
    whole = encode(body)
    wrong = (
        b"", b" ", b"null", b"[]", b"1", b"true", b'"a"', b"\xef\xbb\xbf" + whole, whole + b"x", b"{'a': 1}", b"<a/>",
        whole.decode().encode("utf-16"), b"[" * 100_000, b"model=fast", whole[:-1] + b',"top_p":NaN}',
        whole[:-1] + b',"top_p":Infinity}', whole[:-1] + b',"top_p":1e999}',
        whole[:-1] + b',"seed":' + b"9" * 5000 + b"}",
    )  # fmt: skip
    return Case("no JSON, or not for us", draw.choice(wrong), "be refused")


CHANGES: tuple[Callable[[random.Random, dict[str, Any]], Case], ...] = (
    _wrong_type, _wrong_type, _wrong_type, _missing, _missing, _extra, _extra, _out_of_range, _out_of_range, _odd_text,
    _odd_anywhere, _swapped, _swapped, _null, _many, _deep, damaged, damaged, _no_json, twice,
)  # fmt: skip
