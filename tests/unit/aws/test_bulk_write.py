"""Documents go out in requests that the engine takes, and what it has no time for is told as worth another."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.aws import bulk_write
from slipstream.aws.bulk_write import Line
from slipstream.errors import IndexNotFound, IndexReadOnly, Throttled
from slipstream.retrieval.ports import Failed, IndexSpec
from tests.contract.search.engines import document

DONE = {"index": {"status": 201}}
BUSY = {"index": {"status": 429, "error": {"type": "rejected_execution_exception", "reason": "queue is full"}}}
BAD = {"index": {"status": 400, "error": {"type": "mapper_parsing_exception", "reason": "no"}}}
BLOCKED = {"index": {"status": 403, "error": {"type": "cluster_block_exception", "reason": "disk usage exceeded"}}}
GONE = {"index": {"status": 404, "error": {"type": "index_not_found_exception", "reason": "no such index"}}}


class Engine:
    """Gives its answers one after another: an error to raise, or one result for each line that came."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.requests: list[bytes] = []

    def __call__(self, data: bytes) -> Any:
        self.requests.append(data)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"items": answer}

    def write(self, *lines: Line) -> list[Failed]:
        return bulk_write.write(self, "docs", lines)


def line(name: str, size: int = 1) -> Line:
    return Line(name, name[:1].encode() * size)


def test_a_request_holds_no_more_than_its_bytes() -> None:
    third = bulk_write.MAX_REQUEST_BYTES // 3 + 1
    engine = Engine([DONE, DONE], [DONE, DONE], [DONE])

    assert engine.write(*[line(name, third) for name in "abcde"]) == []

    assert [len(request) // third for request in engine.requests] == [2, 2, 1]


def test_a_document_larger_than_a_request_goes_alone_up_to_what_the_engine_takes() -> None:
    engine = Engine([DONE], [DONE], [DONE])

    failed = engine.write(
        line("a"),
        line("big", bulk_write.MAX_DOCUMENT_BYTES),
        line("huge", bulk_write.MAX_DOCUMENT_BYTES + 1),
        line("b"),
    )

    assert [(each.document_id, each.retryable) for each in failed] == [("huge", False)]
    assert "split it" in failed[0].reason
    assert len(engine.requests) == 3


def test_what_is_turned_away_is_worth_another_attempt_and_is_not_sent_again_here() -> None:
    engine = Engine([DONE, BUSY, DONE])

    assert engine.write(line("a"), line("b"), line("c")) == [Failed("b", "queue is full", retryable=True)]

    assert engine.requests == [b"abc"]


def test_a_request_that_is_turned_away_whole_leaves_the_next_one_its_chance() -> None:
    half = bulk_write.MAX_REQUEST_BYTES // 2 + 1
    engine = Engine(Throttled("busy"), [DONE])

    failed = engine.write(line("a", half), line("b", half))

    assert failed == [Failed("a", "busy", retryable=True)]
    assert len(engine.requests) == 2


def test_a_refusal_concerns_its_document_alone() -> None:
    assert Engine([DONE, BAD]).write(line("a"), line("b")) == [Failed("b", "no", retryable=False)]


@pytest.mark.parametrize(("answer", "error"), [(BLOCKED, IndexReadOnly), (GONE, IndexNotFound)])
def test_what_concerns_the_index_ends_the_writing(answer: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="docs"):
        Engine([answer]).write(line("a"))


def test_a_document_that_is_there_already_is_no_failure_where_only_absent_ones_were_asked_for() -> None:
    there = {"create": {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "exists"}}}

    assert Engine([there]).write(line("a")) == []


COMPONENTS = st.lists(st.floats(-1, 1), min_size=4, max_size=4).map(tuple)


@given(st.lists(st.tuples(st.text(max_size=50), COMPONENTS), max_size=4), st.sampled_from(["none", "byte", "fp16"]))
def test_no_vectors_make_a_document_larger_than_was_told_before_it_had_them(
    passages: list[tuple[str, tuple[float, ...]]], quantization: str
) -> None:
    spec = IndexSpec(dimensions=4, quantization=quantization)
    texts, vectors = [text for text, _ in passages], [vector for _, vector in passages]

    told = bulk_write.most_bytes(document("a", *texts), spec, "docs-000001")

    written = bulk_write.line(document("a", *texts, vectors=vectors), spec, "docs-000001", if_absent=False)
    assert len(written.data) <= told


def test_what_is_told_of_a_document_s_size_is_no_more_than_a_sixteenth_too_much() -> None:
    numbers = Random(1)
    vectors = []
    for _ in range(20):
        components = [numbers.gauss(0, 1) for _ in range(512)]
        length = math.hypot(*components)
        vectors.append(tuple(component / length for component in components))
    whole = document("a", *["A sentence of a passage. " * 20] * 20, vectors=vectors)

    told = bulk_write.most_bytes(whole, IndexSpec(), "docs-000001")

    assert told < 17 / 16 * len(bulk_write.line(whole, IndexSpec(), "docs-000001", if_absent=False).data)


def test_a_document_is_too_large_just_where_its_line_may_be_longer_than_the_engine_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = document("a", "one", "two")
    size = bulk_write.most_bytes(made, IndexSpec(), "docs-000001")

    monkeypatch.setattr(bulk_write, "MAX_DOCUMENT_BYTES", size)
    assert bulk_write.too_large(made, IndexSpec(), "docs-000001") is None
    monkeypatch.setattr(bulk_write, "MAX_DOCUMENT_BYTES", size - 1)
    assert "2 passages with vectors of 512 dimensions" in str(bulk_write.too_large(made, IndexSpec(), "docs-000001"))


def test_every_line_of_a_request_ends() -> None:
    made = bulk_write.line(document("a\nb", "te\nxt"), IndexSpec(), "docs-000001", if_absent=False)

    action, source, rest = made.data.split(b"\n")
    assert msgspec.json.decode(action) == {"index": {"_index": "docs-000001", "_id": "a\nb"}}
    assert msgspec.json.decode(source)["id"] == "a\nb"
    assert rest == b""
