"""A question's vector is worth a second: then the search goes on, and so does the service."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Semaphore
from typing import TypeVar

import pytest

from slipstream.beside import Beside, Pending
from slipstream.chat.retrieval_options import DEFAULTS
from slipstream.disconnect import NEVER, Disconnect
from slipstream.fakes.embedder import HashingEmbedder
from slipstream.models.embedding import EmbeddingCall, Embeddings
from slipstream.retrieval.described import DESCRIBED_FOR_S
from slipstream.retrieval.question import vector
from slipstream.retrieval.ranking import Found
from slipstream.retrieval.retrieve import Retriever
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.retrieval.loading import Desk, resolve

T = TypeVar("T")
SOON_S = 10.0
"""Until a test gives up; nothing waits that long where all is well."""


class Hanging(HashingEmbedder):
    """Hangs until ``ends``; then it is well again. ``lines`` has what each call was given to watch."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = Event()
        self.well = Event()
        self.served = Event()
        self.begun = Semaphore(0)
        self.lines: list[Disconnect] = []

    def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
        self.lines.append(disconnect)
        self.begun.release()
        if not self.well.is_set():
            self.ends.wait()
            return super().embed(call, waterfall, disconnect)
        self.served.set()
        return super().embed(call, waterfall, disconnect)


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.load({"heron.md": "# Heron\n\nThe heron fishes."})
    return made


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Hanging:
    """Its calls have begun before they are given up, however busy the machine, as long as a thread is free."""
    made = Hanging()

    class Begun(Beside):
        def start(self, work: Callable[[], T]) -> Pending[T]:
            pending = super().start(work)
            assert len(made.lines) >= vector.CALLS_AT_ONCE or made.begun.acquire(timeout=SOON_S)
            return pending

    monkeypatch.setattr(vector, "Beside", Begun)
    return made


def find(retriever: Retriever, question: str, line: Disconnect = NEVER) -> Found:
    return retriever.find("docs", question, (), DEFAULTS, Waterfall(), line)


def test_after_calls_that_hang_a_service_that_is_well_again_is_asked(desk: Desk, hanging: Hanging) -> None:
    retriever = Retriever(index=desk.index, embedder=hanging, target=resolve, embed_limit_s=0.001)
    late = [find(retriever, f"heron {n}").missing for n in range(8)]
    hanging.well.set()

    find(retriever, "a heron at last")

    assert late == [("dense",)] * 8
    assert hanging.served.wait(SOON_S)
    hanging.ends.set()


def test_a_call_is_told_when_to_end_and_that_nobody_waits_any_more(desk: Desk, hanging: Hanging) -> None:
    retriever = Retriever(
        index=desk.index, embedder=hanging, target=resolve, embed_limit_s=0.001, clock=lambda: 1000.0
    )  # fmt: skip
    soon = Disconnect()
    soon.ends_s = 1000.0001

    find(retriever, "heron")
    find(retriever, "a heron", soon)
    hanging.ends.set()

    assert [line.ends_s for line in hanging.lines] == [pytest.approx(1000.00125, abs=1e-6), 1000.0001]
    assert all(line.gone() for line in hanging.lines)
    assert not NEVER.gone()


def test_questions_at_once_do_not_wait_for_each_other_s_vectors(desk: Desk) -> None:
    together = Barrier(8)

    class Together(HashingEmbedder):
        def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
            together.wait(SOON_S)
            return super().embed(call, waterfall, disconnect)

    retriever = Retriever(index=desk.index, embedder=Together(), target=resolve, embed_limit_s=2 * SOON_S)
    with ThreadPoolExecutor(8) as askers:
        found = list(askers.map(lambda n: find(retriever, f"heron {n}"), range(8)))

    assert [one.missing for one in found] == [()] * 8


def test_an_index_is_described_anew_while_every_call_for_a_vector_hangs(
    desk: Desk, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, described = 0.0, Event()
    retriever = Retriever(
        index=desk.index, embedder=hanging, target=resolve, embed_limit_s=0.001, clock=lambda: now_s
    )  # fmt: skip
    for n in range(vector.CALLS_AT_ONCE):
        find(retriever, f"heron {n}")
    describe = desk.index.describe
    monkeypatch.setattr(desk.index, "describe", lambda *asked: (described.set(), describe(*asked))[1])

    now_s = DESCRIBED_FOR_S + 1
    find(retriever, "heron once more")

    assert described.wait(SOON_S)
    hanging.ends.set()
