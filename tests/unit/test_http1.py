"""Chunked bodies: the quick way through a chunk that comes by itself reads what the careful way reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.http1 import BodyByChunks, NotHttp

payloads = st.binary(min_size=1, max_size=300)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@given(st.lists(payloads, max_size=6))
def test_chunks_that_come_one_by_one_give_their_bytes_each(pieces: list[bytes]) -> None:
    body = BodyByChunks()

    assert [body.feed(chunk(piece)) for piece in pieces] == pieces
    assert body.feed(b"0\r\n\r\n") == b""
    assert body.done


@given(st.lists(payloads, min_size=1, max_size=6), st.integers(min_value=1, max_value=40))
def test_how_the_bytes_are_cut_changes_nothing(pieces: list[bytes], step: int) -> None:
    raw = b"".join(map(chunk, pieces)) + b"0\r\n\r\n"
    body = BodyByChunks()

    read = b"".join(body.feed(raw[at : at + step]) for at in range(0, len(raw), step))

    assert read == b"".join(pieces)
    assert body.done


def test_a_chunk_whose_bytes_look_like_its_own_end_is_read_by_its_length() -> None:
    body = BodyByChunks()

    assert body.feed(b"6\r\nab\r\n\r\n\r\n") == b"ab\r\n\r\n"


def test_a_size_that_is_no_number_is_refused() -> None:
    with pytest.raises(NotHttp):
        BodyByChunks().feed(b"zz\r\nab\r\n")
