"""``cache: race``: the model is called at once, and whichever is there first answers."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from slipstream.caching.watched import Watched
from slipstream.chat import events as chat
from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import ClientGone, Throttled, UpstreamUnavailable
from slipstream.fakes.answer_store import MemoryAnswerStore
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.caching.kept import HELLO, OTHER, Caching, outcome, wanting

WAIT_S = 60.0
RACE = wanting("race")


class Waiting:
    """A model that says nothing until its caller is gone, as a connection that watches the caller's line does."""

    def __init__(self) -> None:
        self.called, self.ended = Event(), Event()
        self.calls: list[ResolvedCall] = []

    def stream(self, call: ResolvedCall, _waterfall: Waterfall, disconnect: Disconnect) -> Iterator[chat.Event]:
        self.calls.append(call)
        self.called.set()
        poll = select.poll()
        line = disconnect.fileno()
        assert line is not None
        poll.register(line, select.POLLIN)
        assert poll.poll(WAIT_S * 1000)
        assert disconnect.gone()
        self.ended.set()
        raise ClientGone("gone")
        yield


class SlowStore(MemoryAnswerStore):
    """Answers when a test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.may = Event()
        self.may.set()

    def claim(self, *args: Any) -> Any:
        assert self.may.wait(WAIT_S)
        return super().claim(*args)


def test_a_kept_answer_that_is_there_first_ends_the_models_call() -> None:
    store = SlowStore()
    Caching(store=store).ask()
    store.may.clear()
    model = Waiting()
    bench = Caching(models=model, store=store)
    bench.cache.beside.start(lambda: model.called.wait(WAIT_S) and store.may.set())
    events, report = bench.ask(options=RACE)
    assert (events, outcome(report)) == (HELLO, "hit")
    assert model.ended.wait(WAIT_S)
    assert bench.metrics.rows[0][0]["cache_raced"] == 1.0


def test_the_reply_says_that_the_input_was_paid_for() -> None:
    store = MemoryAnswerStore()
    _, miss = Caching(store=store).ask()
    _, hit = Caching(models=Waiting(), store=store).ask(options=RACE)
    assert 0 < hit["cost_usd"] < miss["cost_usd"]
    assert hit["cost_usd"] + hit["saved_usd"] == pytest.approx(miss["cost_usd"])
    assert "input tokens are paid" in hit["cache"]["raced"]


def test_a_model_that_is_there_first_answers_and_the_late_hit_is_dropped_and_counted() -> None:
    store = SlowStore()
    Caching(store=store).ask()
    store.may.clear()
    bench = Caching([OTHER], store=store)
    answer = bench.begin(options=RACE)
    assert tuple(answer.events) == OTHER
    store.may.set()
    answer.search._looking.pending.result(WAIT_S)  # type: ignore[union-attr]
    answer.settle()
    assert outcome(answer.report()) == "late"
    assert bench.metrics.rows[0][0]["cache_late_hit"] == 1.0
    assert {"cache", "bedrock_wait", "first_token"} <= set(answer.report()["spans_ms"])


def test_what_won_against_nothing_is_kept() -> None:
    bench = Caching()
    assert outcome(bench.ask(options=RACE)[1]) in ("miss", "late")
    assert outcome(bench.ask()[1]) == "hit"


def test_a_table_that_is_down_loses_and_is_told() -> None:
    class Down(MemoryAnswerStore):
        def claim(self, *_: Any) -> Any:
            raise UpstreamUnavailable("down")

    assert outcome(Caching(store=Down()).ask(options=RACE)[1]) in ("unavailable", "late")


def test_an_error_of_the_model_is_raised_where_nothing_was_kept() -> None:
    bench = Caching([Throttled("slow down"), HELLO])
    with pytest.raises(Throttled):
        bench.ask(options=RACE)
    assert bench.ask(options=RACE)[0] == HELLO


class Deaf(Waiting):
    """One that has its first event in the very moment in which it is given up."""

    def stream(self, call: ResolvedCall, waterfall: Waterfall, disconnect: Disconnect) -> Iterator[chat.Event]:
        with pytest.raises(ClientGone):
            next(super().stream(call, waterfall, disconnect))
        self.ended.clear()
        try:
            yield chat.Started()
        finally:
            self.ended.set()


def test_a_call_that_comes_to_its_first_event_in_the_same_moment_is_ended_too() -> None:
    store = MemoryAnswerStore()
    Caching(store=store).ask()
    model = Deaf()
    events, report = Caching(models=model, store=store).ask(options=RACE)
    assert (events, outcome(report)) == (HELLO, "hit")
    assert model.ended.is_set()


class Line(Disconnect):
    """A caller's socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def fileno(self) -> int | None:
        return self._sock.fileno()

    def gone(self) -> bool:
        return not self._sock.recv(1, socket.MSG_PEEK)


def readable(watched: Watched) -> bool:
    poll = select.poll()
    line = watched.fileno()
    assert line is not None
    poll.register(line, select.POLLIN)
    return bool(poll.poll(0))


def test_both_the_callers_line_and_giving_up_are_noticed_and_no_descriptor_is_left() -> None:
    here, there = socket.socketpair()
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    with here, there:
        for wakes in (lambda watched: watched.give_up(), lambda _: there.shutdown(socket.SHUT_RDWR)):
            watched = Watched(Line(here))
            watched.may_be_given_up()
            assert not readable(watched)
            wakes(watched)
            assert readable(watched)
            assert watched.gone()
            watched.close()
            watched.close()
        assert len(list(descriptors.iterdir())) == before
    assert Watched(NEVER).fileno() is None
