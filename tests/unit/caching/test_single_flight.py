"""Identical requests at once: one call of a model, whoever hangs up, fails or dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import Barrier, Event, Thread
from typing import Any

import pytest

from slipstream.caching.answers import CacheLimits
from slipstream.caching.entry import Answered
from slipstream.caching.flights import Flight
from slipstream.caching.hit import Hit
from slipstream.caching.store import SKEW_S, Head, Place, Seen, Wanted
from slipstream.chat import events as chat
from slipstream.chat.request import Options
from slipstream.disconnect import Disconnect
from slipstream.errors import ClientGone, SlipstreamError, Throttled
from slipstream.fakes.answer_store import MemoryAnswerStore
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.caching.kept import HELLO, OTHER, Caching, Clock, outcome

WAIT_S = 60.0


class Gated:
    """A model whose answer goes on only when a test lets it: ``gates`` are opened before the event of that number."""

    def __init__(self, gates: dict[int, Event], answer: Sequence[chat.Event] = HELLO) -> None:
        self.gates = gates
        self.answer = answer
        self.calls: list[ResolvedCall] = []
        self.called = Event()
        self.closed = 0
        self.error: SlipstreamError | None = None

    def stream(self, call: ResolvedCall, _waterfall: Waterfall, disconnect: Disconnect) -> Iterator[chat.Event]:
        self.calls.append(call)
        self.called.set()
        try:
            for number, event in enumerate(self.answer):
                if number in self.gates:
                    assert self.gates[number].wait(WAIT_S)
                    if disconnect.gone():
                        raise ClientGone("gone")
                if self.error is not None:
                    raise self.error
                yield event
        except GeneratorExit:
            self.closed += 1
            raise


class HangsUp(Disconnect):
    """A caller who is there until it is not."""

    def __init__(self) -> None:
        self.is_gone = False

    def gone(self) -> bool:
        return self.is_gone


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What ``work`` gives in ``count`` threads that begin at once; an error is a result too."""
    results: list[Any] = [None] * count
    barrier = Barrier(count)

    def run(number: int) -> None:
        barrier.wait(WAIT_S)
        try:
            results[number] = work(number)
        except Exception as error:
            results[number] = error

    threads = [Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    return results


def in_background(work: Callable[[], Any]) -> tuple[Thread, list[Any]]:
    """A thread that does ``work``, and where its result (or its error) will be."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            results.append(error)

    thread = Thread(target=run)
    thread.start()
    return thread, results


def test_of_two_hundred_requests_at_once_one_calls_the_model() -> None:
    bench = Caching()
    answers = together(200, lambda _: bench.ask())
    assert {events for events, _ in answers} == {HELLO}
    assert bench.calls == 1
    outcomes = [outcome(report) for _, report in answers]
    assert outcomes.count("miss") == 1
    assert set(outcomes) <= {"miss", "joined", "hit"}


def test_a_follower_streams_along_from_the_first_piece_on() -> None:
    gates = {2: Event()}
    bench = Caching(models=Gated(gates))
    first = bench.begin()
    follower = bench.begin()
    assert [next(follower.events), next(follower.events)] == list(HELLO[:2])
    gates[2].set()
    assert tuple(follower.events) == HELLO[2:]
    assert tuple(first.events) == HELLO
    assert bench.calls == 1


def test_a_follower_pays_nothing_and_says_so() -> None:
    bench = Caching(models=Gated({}))
    first, follower = bench.begin(), bench.begin()
    assert tuple(first.events) == tuple(follower.events) == HELLO
    told, paid = follower.report(), first.report()
    assert (told["cost_usd"], told["saved_usd"]) == (0.0, paid["cost_usd"])
    assert told["cache"]["outcome"] == "joined"


def test_when_the_first_caller_leaves_the_others_get_the_rest_and_it_is_kept() -> None:
    gates = {2: Event()}
    bench = Caching(models=Gated(gates))
    caller = HangsUp()
    first, follower = bench.begin(disconnect=caller), bench.begin()
    next(first.events)
    caller.is_gone = True
    first.close()
    first.settle()
    gates[2].set()
    assert tuple(follower.events) == HELLO
    follower.settle()
    assert outcome(bench.ask()[1]) == "hit"
    assert bench.calls == 1


def test_when_all_have_left_the_call_is_ended_and_the_next_request_makes_its_own() -> None:
    bench = Caching(models=Gated({}))
    first, follower = bench.begin(), bench.begin()
    for answer in (first, follower):
        next(answer.events)
        answer.close()
        answer.settle()
    assert bench.models.closed == 1
    assert outcome(bench.ask()[1]) == "miss"


def test_when_the_first_caller_leaves_before_the_first_token_another_one_leads() -> None:
    gates = {0: Event()}
    bench = Caching(models=Gated(gates))
    caller = HangsUp()
    leading, led = in_background(lambda: bench.ask(disconnect=caller))
    assert bench.models.called.wait(WAIT_S)
    following, followed = in_background(bench.ask)
    caller.is_gone = True
    gates[0].set()
    leading.join(WAIT_S)
    following.join(WAIT_S)
    assert isinstance(led[0], ClientGone)
    assert followed[0][0] == HELLO
    assert bench.calls == 2


def test_what_the_first_one_was_refused_for_the_others_are_refused_for_too() -> None:
    gates = {0: Event()}
    model = Gated(gates)
    model.error = Throttled("slow down", retry_after_s=2.0)
    bench = Caching(models=model)
    leading, led = in_background(bench.ask)
    assert model.called.wait(WAIT_S)
    following, followed = in_background(bench.ask)
    gates[0].set()
    leading.join(WAIT_S)
    following.join(WAIT_S)
    assert [type(results[0]) for results in (led, followed)] == [Throttled, Throttled]
    assert followed[0].retry_after_s == 2.0


def test_an_answer_that_breaks_in_mid_stream_breaks_for_all_and_is_not_kept() -> None:
    broken = (*HELLO[:2], chat.Failed(Throttled("slow down")))
    bench = Caching([broken, OTHER])
    first, follower = bench.begin(), bench.begin()
    assert tuple(first.events) == tuple(follower.events) == broken
    first.settle()
    follower.settle()
    assert bench.ask()[0] == OTHER


def test_requests_with_another_deadline_fly_alone() -> None:
    bench = Caching([HELLO, HELLO])
    first = bench.begin()
    second = bench.begin(options=Options(deadline_ms=500))
    assert tuple(first.events) == tuple(second.events) == HELLO
    assert bench.calls == 2


def test_what_has_ended_while_one_waited_for_it_is_not_taken() -> None:
    ended, holds = Flight(), Flight()
    hit = Hit(
        Head(entry_id="e", checksum="", created_s=0, expires_s=1, asked_s=0), Answered(events=(), model_id="m"), 0.0
    )
    ended.lands(hit=hit, serves=lambda: False)
    holds.lands(hit=hit, serves=lambda: True)
    assert (ended.follow(HangsUp()), holds.follow(HangsUp())) == (None, hit)


# -- across environments: two pipelines, one store


def test_another_environment_waits_for_the_first_ones_answer() -> None:
    store, clock = MemoryAnswerStore(), Clock()
    here = Caching(store=store, clock=clock)
    first = here.begin()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            list(first.events)
            first.settle()

    there = Caching([OTHER], store=store, clock=clock, sleep=sleep)
    events, report = there.ask()
    assert (events, outcome(report), there.calls) == (HELLO, "hit", 0)
    assert len(slept) == 3


def test_a_leader_that_dies_lets_the_others_go_on_when_its_lease_is_over() -> None:
    store, clock = MemoryAnswerStore(), Clock()
    Caching(store=store, clock=clock).begin()  # nobody ever reads it, or settles it
    there = Caching([OTHER], store=store, clock=clock, limits=CacheLimits(look_s=30.0, lease_s=5.0))
    began_s = clock.now_s
    events, report = there.ask()
    assert (events, outcome(report)) == (OTHER, "miss")
    assert 5.0 <= clock.now_s - began_s < 5.5


def test_an_answer_that_takes_longer_than_its_lease_is_not_waited_for_and_the_next_who_asks_leads() -> None:
    store, clock = MemoryAnswerStore(), Clock()
    limits = CacheLimits(look_s=30.0, lease_s=5.0)
    slow, here, there = (
        Caching([said], store=store, clock=clock, limits=limits) for said in (HELLO, OTHER, HELLO)
    )  # fmt: skip
    long = slow.begin()
    clock.now_s += 5.5
    began_s = clock.now_s
    leading = here.begin()
    assert clock.now_s == began_s  # at once: nobody can follow a stream in another environment
    leading_events = tuple(leading.events)
    leading.settle()
    assert outcome(there.ask()[1]) == "hit"
    assert (leading_events, tuple(long.events)) == (OTHER, HELLO)
    long.settle()
    assert (slow.calls, here.calls, there.calls) == (1, 1, 0)
    assert there.ask()[0] == HELLO


def test_a_leader_whose_answer_cannot_be_kept_lets_the_others_go_on_at_once() -> None:
    store, clock = MemoryAnswerStore(), Clock()
    cut = (chat.Started(), chat.TextDelta("Hel"), chat.Stopped("max_tokens"), chat.Usage(1, 1))
    first = Caching([cut], store=store, clock=clock).begin()

    def sleep(_: float) -> None:
        list(first.events)
        first.settle()

    there = Caching([OTHER], store=store, clock=clock, sleep=sleep)
    assert there.ask()[0] == OTHER


def test_a_lease_from_a_clock_that_is_far_ahead_is_not_waited_for() -> None:
    store, clock = MemoryAnswerStore(), Clock()
    Caching(store=store, clock=Clock(clock.now_s + 86_400)).begin()
    began_s = clock.now_s
    assert Caching([OTHER], store=store, clock=clock).ask()[0] == OTHER
    assert clock.now_s == began_s


def test_a_lease_from_a_clock_that_is_a_little_ahead_is_waited_for() -> None:
    store, clock = MemoryAnswerStore(), Clock()
    first = Caching(store=store, clock=Clock(clock.now_s + SKEW_S)).begin()

    def sleep(_: float) -> None:
        list(first.events)
        first.settle()

    there = Caching([OTHER], store=store, clock=clock, sleep=sleep)
    assert (there.ask()[0], there.calls) == (HELLO, 0)


def test_who_waits_for_another_environment_and_hangs_up_is_let_go() -> None:
    store, clock, caller = MemoryAnswerStore(), Clock(), HangsUp()
    Caching(store=store, clock=clock).begin()

    def sleep(_: float) -> None:
        caller.is_gone = True

    with pytest.raises(ClientGone):
        Caching(store=store, clock=clock, sleep=sleep).ask(disconnect=caller)


class Slow(MemoryAnswerStore):
    """Takes leases late: ``claim`` waits until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.may = Event()
        self.released = Event()

    def claim(self, place: Place, wanted: Wanted) -> Seen:
        assert self.may.wait(WAIT_S)
        return super().claim(place, wanted)

    def release(self, place: Place, holder: str) -> None:
        super().release(place, holder)
        self.released.set()


def test_a_late_look_up_is_not_waited_for_and_its_lease_is_given_back() -> None:
    store = Slow()
    cut = (chat.Started(), chat.Stopped("max_tokens"))
    bench = Caching([cut], store=store, limits=CacheLimits(look_s=0.001))
    answer = bench.begin()
    assert tuple(answer.events) == cut
    store.may.set()
    answer.settle()
    assert outcome(answer.report()) == "late"
    assert store.released.is_set()
    assert bench.metrics.rows[0][0]["cache_late"] == 1.0


def test_a_late_hit_is_dropped_and_counted() -> None:
    store = Slow()
    store.may.set()
    Caching(store=store).ask()
    store.may.clear()
    there = Caching([OTHER], store=store, limits=CacheLimits(look_s=0.001))
    answer = there.begin()
    store.may.set()
    assert tuple(answer.events) == OTHER
    answer.search._looking.pending.result(WAIT_S)  # type: ignore[union-attr]
    answer.settle()
    assert there.metrics.rows[0][0]["cache_late_hit"] == 1.0


def test_an_answer_that_a_store_does_not_keep_is_not_said_to_be_kept_and_its_lease_is_given_back() -> None:
    class Full(MemoryAnswerStore):
        def write(self, *_: Any) -> bool:
            return False

    bench = Caching(store=Full())
    answer = bench.begin()
    list(answer.events)
    answer.settle()
    assert answer.report()["cache"]["kept"] is False
    assert bench.store.read(answer.search.place, with_body=False).lease is None  # type: ignore[union-attr]
