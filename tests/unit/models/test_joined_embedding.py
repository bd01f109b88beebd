"""Two steps of a request that want the same vector at once make one call."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import ClientGone, Throttled
from slipstream.models import catalogue
from slipstream.models.embedding import EmbeddingCall, Embeddings, embedding_call
from slipstream.models.joined_embedding import JoinedEmbedder
from slipstream.models.targets import Targets
from slipstream.telemetry.waterfall import Waterfall

WAIT_S = 60.0
TITAN = Targets(catalogue.load(), {}, None, {}).find("amazon.titan-embed-text-v2:0")


class Gated:
    """An embedding model that answers when a test lets it; the first call fails where it is told to."""

    def __init__(self, *, fails: bool = False) -> None:
        self.called, self.may = Event(), Event()
        self.calls = list[EmbeddingCall]()
        self._fails = fails

    def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
        self.calls.append(call)
        first = len(self.calls) == 1
        self.called.set()
        assert self.may.wait(WAIT_S)
        if first and self._fails:
            raise Throttled("slow down")
        return Embeddings([[float(len(self.calls))]] * len(call.texts), 1)


def asking(*texts: str, dimensions: int = 512) -> EmbeddingCall:
    return embedding_call(TITAN, list(texts), dimensions, "search_query")


def both(model: Gated, one: EmbeddingCall, other: EmbeddingCall) -> list[Embeddings | None]:
    """What two callers get, the second of whom comes while the first one's call is under way."""
    joined, found = JoinedEmbedder(model), list[Embeddings | None]([None, None])
    waits = Event()

    class Second(Disconnect):
        def gone(self) -> bool:
            waits.set()
            return False

    def ask(at: int, call: EmbeddingCall, line: Disconnect) -> None:
        try:
            found[at] = joined.embed(call, Waterfall(), line)
        except Throttled:
            found[at] = None

    first = Thread(target=ask, args=(0, one, NEVER))
    first.start()
    assert model.called.wait(WAIT_S)
    second = Thread(target=ask, args=(1, other, Second()))
    second.start()
    same = (one.texts, one.dimensions) == (other.texts, other.dimensions) and len(one.texts) == 1
    assert not same or waits.wait(WAIT_S)
    model.may.set()
    for thread in (first, second):
        thread.join(WAIT_S)
    return found


def test_the_same_text_is_embedded_once() -> None:
    model = Gated()
    first, second = both(model, asking("How?"), asking("How?"))
    assert first == second is not None
    assert len(model.calls) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (asking("How?"), asking("Why?")),
        (asking("How?"), asking("How?", dimensions=256)),
        (asking("How?", "Why?"), asking("How?", "Why?")),
    ],
)
def test_other_calls_are_made_each_by_itself(one: EmbeddingCall, other: EmbeddingCall) -> None:
    model = Gated()
    both(model, one, other)
    assert len(model.calls) == 2


def test_who_joined_a_call_that_fails_makes_its_own() -> None:
    model = Gated(fails=True)
    first, second = both(model, asking("How?"), asking("How?"))
    assert (first is None, second is None) == (True, False)
    assert len(model.calls) == 2


def test_nothing_is_remembered() -> None:
    model = Gated()
    model.may.set()
    joined = JoinedEmbedder(model)
    for _ in range(2):
        joined.embed(asking("How?"), Waterfall())
    assert len(model.calls) == 2


def test_who_waits_notices_that_its_caller_has_gone() -> None:
    class Gone(Disconnect):
        def gone(self) -> bool:
            return True

    model = Gated()
    joined = JoinedEmbedder(model)
    first = Thread(target=lambda: joined.embed(asking("How?"), Waterfall()))
    first.start()
    assert model.called.wait(WAIT_S)
    with pytest.raises(ClientGone):
        joined.embed(asking("How?"), Waterfall(), Gone())
    model.may.set()
    first.join(WAIT_S)
