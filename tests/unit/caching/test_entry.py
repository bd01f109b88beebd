"""How an answer is kept: what comes out is what went in, or it is told that it is not."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.caching.entry import Answered, Body, CorruptEntry, checksum_of, pack, unpack
from slipstream.chat.events import (
    Event,
    Heartbeat,
    OtherDelta,
    ReasoningDelta,
    Started,
    Stopped,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from tests.unit.caching.kept import HELLO

texts, blocks = st.text(max_size=20), st.integers(0, 5)
jsons: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
events = st.lists(
    st.one_of(
        st.builds(Started),
        st.builds(TextDelta, texts, blocks),
        st.builds(ReasoningDelta, texts, blocks, st.none() | texts, st.none() | texts),
        st.builds(ToolCallStarted, blocks, texts, texts),
        st.builds(ToolCallDelta, blocks, texts),
        st.builds(OtherDelta, blocks, texts, jsons, st.booleans()),
        st.builds(Stopped, texts, jsons),
        st.builds(Usage, st.integers(0, 10**6), st.integers(0, 10**6), trace=jsons, cache_details=jsons),
    ),
    max_size=30,
)


def answered(*what: Event) -> Answered:
    return Answered(events=what, model_id="m", cost_usd=0.1, total_ms=5.0, ttft_ms=None, rag={"supported": True})


@given(events)
def test_an_answer_comes_out_as_it_went_in(what: list[Event]) -> None:
    assert unpack(pack(answered(*what))) == answered(*what)


def test_an_answer_made_beforehand_says_so_and_older_entries_say_nothing() -> None:
    early = msgspec.structs.replace(answered(*HELLO), precomputed=True)
    assert unpack(pack(early)).precomputed is True
    packed = zlib.compress(msgspec.msgpack.encode([[], "m", None, 5.0, None, None]))
    assert unpack(Body(packed, checksum_of(packed))).precomputed is False


def test_heartbeats_and_the_services_own_time_stay_behind() -> None:
    kept = unpack(pack(answered(Started(), Heartbeat(), Usage(1, 2, upstream_latency_ms=31))))
    assert kept.events == (Started(), Usage(1, 2))


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    body = pack(answered(*HELLO))
    at = data.draw(st.integers(0, len(body.packed) - 1))
    flip = data.draw(st.integers(1, 255))
    spoilt = body.packed[:at] + bytes([body.packed[at] ^ flip]) + body.packed[at + 1 :]
    with pytest.raises(CorruptEntry, match="checksum"):
        unpack(Body(spoilt, body.checksum))


@pytest.mark.parametrize(
    "packed",
    [b"", b"no zlib", zlib.compress(b"\xc1"), zlib.compress(b"\x90"), pack(answered(*HELLO)).packed[:-3]],
)  # fmt: skip
def test_what_is_no_entry_is_told_though_its_checksum_fits(packed: bytes) -> None:
    with pytest.raises(CorruptEntry):
        unpack(Body(packed, checksum_of(packed)))


def test_a_body_that_unpacks_without_end_is_refused() -> None:
    bomb = zlib.compress(bytes(80 * 1024 * 1024), 9)
    with pytest.raises(CorruptEntry, match="too large"):
        unpack(Body(bomb, checksum_of(bomb)))


def test_text_takes_less_room_than_it_has() -> None:
    said = [TextDelta(f"The tower is {n} metres tall. ") for n in range(200)]
    assert len(pack(answered(*said)).packed) < sum(len(event.text) for event in said) / 3
