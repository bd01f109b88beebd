"""The parts that need no socket: tokens, frames, sentences, schema fillings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from local.bedrock import extract, tokens
from local.bedrock.prompt import TextOut
from local.bedrock.schema_fit import Filler
from local.bedrock.speak import cut
from slipstream import eventstream
from slipstream.retrieval.prompt import passages_block
from slipstream.retrieval.search import Hit


@given(st.text())
def test_the_pieces_of_a_text_join_to_the_text(text: str) -> None:
    assert "".join(tokens.pieces(text)) == text
    assert tokens.count(text) == len(tokens.pieces(text))


def test_english_prose_comes_to_about_four_letters_a_token() -> None:
    prose = "Prompt caching keeps the computed state of a long and stable prefix, so that later requests need not wait."
    assert 3 < len(prose) / tokens.count(prose) < 6


@given(st.sampled_from(["messageStart", "contentBlockDelta"]), st.binary(max_size=2000))
def test_botocores_parser_reads_every_message(kind: str, payload: bytes) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.event(kind, payload))
    (message,) = list(buffer)
    assert message.headers[":event-type"] == kind
    assert message.payload == payload


@given(st.lists(st.text(max_size=5)), st.lists(st.text(min_size=1, max_size=3), max_size=3), st.integers(1, 20))
def test_a_cut_text_is_a_prefix_without_stop_sequences(pieces: list[str], stop: list[str], limit: int) -> None:
    answer = cut(pieces, tuple(stop), limit)
    (block,) = answer.blocks
    assert isinstance(block, TextOut)
    text = "".join(block.pieces)
    assert "".join(pieces).startswith(text)
    assert len(block.pieces) <= limit
    assert not any(s in text for s in stop)


def test_sentences_come_in_the_order_of_the_text() -> None:
    context = "Otters swim well. Lamps give light. Otters eat fish. Trains run on rails."
    assert extract.answer(context, "What do otters do?") == "Otters swim well. Otters eat fish."


def test_a_passage_under_headings_is_quoted_with_its_number() -> None:
    hit = Hit("otters.md", "v1", 0, "Otters", ("Animals", "Food"), "Otters eat fish.", 0, 16, 1.0)
    other = Hit("lamps.md", "v1", 0, "Lamps", (), "Lamps give light.", 0, 17, 1.0)
    turn = f"{passages_block([hit, other])}\n\nWhat do otters eat?"
    assert extract.answer("", turn) == "Otters eat fish [1]."


@given(st.text(max_size=400), st.text(max_size=80))
def test_any_text_gets_an_answer(context: str, turn: str) -> None:
    assert extract.answer(context, turn)


SCHEMAS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.sampled_from(
        [
            {"type": "string", "minLength": 2, "maxLength": 9},
            {"type": "integer", "minimum": 3, "maximum": 900},
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "boolean"},
            {"enum": ["red", "green"]},
            {"type": ["string", "null"]},
            {"const": 7},
        ]
    ),
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items, "minItems": 2, "maxItems": 3}, inner),
        st.dictionaries(st.sampled_from(["city", "count", "when"]), inner, min_size=1).map(
            lambda properties: {"type": "object", "properties": properties, "required": list(properties)}
        ),
    ),
    max_leaves=6,
)


@given(SCHEMAS, st.text(max_size=200))
def test_a_filling_fits_its_schema(schema: dict[str, Any], text: str) -> None:
    value = json.loads(json.dumps(Filler(schema, text).fill()))
    assert fits(value, schema), (value, schema)


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """A check of its own, for the keywords that the strategy uses."""
    if "const" in schema:
        return bool(value == schema["const"])
    if "enum" in schema:
        return value in schema["enum"]
    kind = schema["type"]
    if kind == "object":
        return set(value) == set(schema["required"]) and all(fits(value[k], schema["properties"][k]) for k in value)
    if kind == "array":
        return 2 <= len(value) <= 3 and all(fits(item, schema["items"]) for item in value)
    if kind == "integer":
        return isinstance(value, int) and schema["minimum"] <= value <= schema["maximum"]
    if kind == "number":
        return bool(value > schema["exclusiveMinimum"])
    if kind == "boolean":
        return isinstance(value, bool)
    return isinstance(value, str) and schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**6)


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        ({"type": "string", "format": "date"}, "It was on 2025-03-04, a Tuesday.", "2025-03-04"),
        ({"type": "string", "format": "email"}, "Write to ada@example.org today.", "ada@example.org"),
        ({"type": "number"}, "It costs 12.5 dollars.", 12.5),
        ({"enum": ["positive", "negative"]}, "A rather negative review.", "negative"),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, "I saw 3 birds.", 3),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "I saw 3 birds.", 3),
    ],
)
def test_a_filling_takes_from_the_text_what_fits(schema: dict[str, Any], text: str, expected: object) -> None:
    assert Filler(schema, text).fill() == expected


def test_a_question_for_detail_gets_a_longer_answer() -> None:
    document = " ".join(f"Gate {number} opens at nine." for number in range(40))

    short, long = (extract.answer(document, question) for question in ("Which gate?", "Which gate, in detail?"))

    assert len(extract.sentences(short)) == extract.BEST_SENTENCES
    assert len(extract.sentences(long)) == extract.DETAILED_SENTENCES
