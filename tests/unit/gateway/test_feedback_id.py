"""What a reply hands out to be reported on, and what comes back."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.errors import InvalidRequest
from slipstream.gateway.feedback_id import LONGEST, FeedbackId, decode, encode

HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)
ENTRIES = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26)
IDS = st.builds(FeedbackId, asked=HASHES, answer=HASHES, entry=ENTRIES, family=HASHES | st.just(""))


@given(IDS)
def test_an_id_comes_back_as_it_was(found: FeedbackId) -> None:
    text = encode(found)
    assert decode(text) == found
    assert len(text) <= LONGEST
    assert not set(text) & set("+/= ")


@given(IDS)
def test_an_exact_hits_id_names_its_own_key_twice(found: FeedbackId) -> None:
    exact = msgspec.structs.replace(found, answer=found.asked)
    assert decode(encode(exact)) == exact
    assert not exact.semantic
    assert len(encode(exact)) < len(encode(found)) or not found.semantic


@given(st.text(max_size=600))
def test_any_other_text_is_refused_by_its_field(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"slipstream\.cache\.feedback") as raised:
        decode(text)
    assert raised.value.param == "id"


@given(IDS, st.data())
def test_an_id_that_was_cut_is_refused(found: FeedbackId, data: st.DataObject) -> None:
    text = encode(found)
    cut = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(InvalidRequest):
        decode(text[:cut])


def test_an_id_of_another_version_says_so() -> None:
    newer = msgspec.msgpack.encode([2, b"a" * 32, b"", b"", "01ARZ3NDEKTSV4RRFFQ69G5FAV"])
    with pytest.raises(InvalidRequest, match="version 2"):
        decode(urlsafe_b64encode(newer).decode().rstrip("="))


@pytest.mark.parametrize(
    "wire",
    [
        [1, b"short", b"", b"", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        [1, b"a" * 32, b"", b"short", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        [1, b"a" * 32, b"", b"", "#../../mark"],
        [1, b"a" * 32, b"", b""],
    ],
)
def test_what_is_no_key_and_no_entry_is_refused(wire: list[object]) -> None:
    with pytest.raises(InvalidRequest):
        decode(urlsafe_b64encode(msgspec.msgpack.encode(wire)).decode().rstrip("="))


def test_an_id_has_one_spelling() -> None:
    key, entry = b"a" * 32, "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    twice = msgspec.msgpack.encode([1, key, key, b"", entry])
    with pytest.raises(InvalidRequest):
        decode(urlsafe_b64encode(twice).decode().rstrip("="))


def test_what_is_longer_than_any_id_is_not_even_read() -> None:
    newer = msgspec.msgpack.encode([2, b"a" * LONGEST, b"", b"", "01ARZ3NDEKTSV4RRFFQ69G5FAV"])
    with pytest.raises(InvalidRequest, match="no id of an answer"):
        decode(urlsafe_b64encode(newer).decode().rstrip("="))
