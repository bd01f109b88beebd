"""Our event-stream codec against botocore's parser, for generated frames cut anywhere."""

from __future__ import annotations

import datetime
from itertools import pairwise
from typing import Any

import botocore.eventstream
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.eventstream import BadFrame, Decoder, Message, event, frame, header_block

VALUES = st.one_of(
    st.text(max_size=30), st.binary(max_size=30), st.booleans(), st.integers(min_value=-(2**63), max_value=2**63 - 1)
)
NAMES = st.text(min_size=1, max_size=20).filter(lambda name: len(name.encode()) < 256)
MESSAGES = st.lists(st.tuples(st.dictionaries(NAMES, VALUES, max_size=5), st.binary(max_size=300)), max_size=5)


def botocore_messages(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    buffer = botocore.eventstream.EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, message.payload) for message in buffer]


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(edges)]


@given(messages=MESSAGES, cuts=st.lists(st.integers(min_value=0, max_value=2000), max_size=12))
def test_frames_cut_anywhere_decode_as_botocore_decodes_them(
    messages: list[tuple[dict[str, Any], bytes]], cuts: list[int]
) -> None:
    data = b"".join(frame(header_block(headers), payload) for headers, payload in messages)
    decoder = Decoder()
    decoded = [message for piece in pieces(data, cuts) for message in decoder.feed(piece)]
    assert [(m.headers, m.payload) for m in decoded] == botocore_messages(data) == messages
    assert decoder.idle


@given(payload=st.binary(max_size=60), position=st.integers(min_value=0), flip=st.integers(min_value=1, max_value=255))
def test_a_damaged_byte_never_gives_a_message(payload: bytes, position: int, flip: int) -> None:
    sent = bytearray(event("contentBlockDelta", payload))
    sent[position % len(sent)] ^= flip
    with pytest.raises(BadFrame):
        Decoder().feed(bytes(sent) + b"\0" * 16)


@given(st.binary(min_size=12, max_size=200))
def test_garbage_is_refused_or_waited_for_but_never_crashes(data: bytes) -> None:
    decoder = Decoder()
    try:
        messages = decoder.feed(data)
    except BadFrame:
        return
    assert [(m.headers, m.payload) for m in messages] == botocore_messages(data)


def test_all_header_types_of_the_format_are_read() -> None:
    block = b"".join(
        [
            b"\x01a\x00", b"\x01b\x01", b"\x01c\x02\xf6", b"\x01d\x03\x01\x2c", b"\x01e\x04\x00\x01\x00\x00",
            b"\x01f\x05" + (2**40).to_bytes(8, "big"), b"\x01g\x06\x00\x02hi", b"\x01h\x07\x00\x02hi",
            b"\x01i\x08" + (1_000).to_bytes(8, "big"), b"\x01j\x09" + bytes(range(16)),
        ]
    )  # fmt: skip
    sent = frame(block, b"")
    ((theirs, _),) = botocore_messages(sent)
    (ours,) = Decoder().feed(sent)
    assert {name: value for name, value in ours.headers.items() if name != "i"} == {
        name: value for name, value in theirs.items() if name != "i"
    }
    assert ours.headers["i"] == 1_000
    assert theirs["i"] in (1_000, datetime.datetime.fromtimestamp(1, tz=datetime.UTC))


def test_a_header_that_stands_twice_is_refused() -> None:
    with pytest.raises(BadFrame, match="twice"):
        Decoder().feed(frame(b"\x01a\x00\x01a\x00", b""))


@pytest.mark.parametrize(
    "block", [b"\x05a", b"\x01a\x07\x00\x09hi", b"\x01a\x63", b"\x01a\x05\x00", b"\x01a\x07\x00\x01\xff"]
)
def test_malformed_headers_are_refused(block: bytes) -> None:
    with pytest.raises(BadFrame):
        Decoder().feed(frame(block, b""))


def test_booleans_and_integers_that_compare_equal_are_kept_apart() -> None:
    frames = frame(header_block({"a": True}), b"") + frame(header_block({"a": 1}), b"")
    assert [type(message.headers["a"]) for message in Decoder().feed(frames)] == [bool, int]


def test_messages_compare_by_value() -> None:
    assert Decoder().feed(frame(header_block({"a": "b"}), b"c")) == [Message({"a": "b"}, b"c")]
