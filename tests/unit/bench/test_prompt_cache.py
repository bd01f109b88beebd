"""What is called the cached share and the first token of the prompt cache's benchmark."""

from __future__ import annotations

from typing import Any

import pytest

from bench.load import FRAME_TEXT, SSE_TEXT
from bench.prompt_cache import prefix, summary, timed
from local.bedrock import tokens

ROLE = b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
WORD = b'data: {"choices":[{"delta":{"content":"word"}}]}\n\n'


def asked(*, ttft_ms: float = 1.0, cached: int = 0, written: int = 0) -> dict[str, Any]:
    return {"ttft_ms": ttft_ms, "tokens": {"cached": cached, "cache_written": written}}


def test_where_only_half_of_the_prefix_was_written_the_second_call_reads_half_and_not_all() -> None:
    told = summary([(8_000, asked(written=4_000), asked(cached=4_000))])

    assert told["cached_share_of_prefix"] == 0.5


def test_the_pair_with_the_middle_gain_is_told() -> None:
    told = summary([(100, asked(ttft_ms=ms), asked(cached=100)) for ms in (9.0, 2.0, 3.0)])

    assert told["ttft_ratio"] == 3.0


@pytest.mark.parametrize(
    ("pieces", "token", "ttft_ms"),
    [
        ([ROLE, b": heartbeat\n\n", WORD, b"data: [DONE]\n\n"], SSE_TEXT, 3000.0),
        ([ROLE, WORD[:40], WORD[40:], b"data: [DONE]\n\n"], SSE_TEXT, 3000.0),
        ([b'{"role":"assistant"}', b'{"delta":{"text":"word"}}', b"{}"], FRAME_TEXT, 2000.0),
    ],
    ids=["after the role and a heartbeat", "in two pieces", "of a frame"],
)
def test_the_first_token_is_content_and_not_the_first_byte(pieces: list[bytes], token: Any, ttft_ms: float) -> None:
    came, now_s = iter([*pieces, b""]), [0.0]

    def read() -> bytes:
        now_s[0] += 1.0
        return next(came)

    assert timed(read, token, lambda: now_s[0]) == (ttft_ms, (len(pieces) + 1) * 1000.0, b"".join(pieces))


def test_an_answer_without_content_has_no_first_token() -> None:
    came = iter([ROLE, b""])

    with pytest.raises(ValueError, match="no content token"):
        timed(lambda: next(came), SSE_TEXT)


def test_a_prefix_is_as_long_as_it_is_called() -> None:
    assert abs(tokens.count(prefix(1, 8_000)) - 8_000) < 20
