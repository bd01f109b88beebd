"""A few threads beside the request's own."""

from __future__ import annotations

from threading import Event

from slipstream.beside import Beside

SOON_S = 10.0


def test_what_has_not_begun_is_taken_back_and_makes_room() -> None:
    ends, done = Event(), []
    beside = Beside(1)
    begun = Event()

    def hang() -> None:
        begun.set()
        ends.wait(SOON_S)

    hanging = beside.start(hang)
    assert begun.wait(SOON_S)
    waiting = beside.start(lambda: done.append("never"))

    assert beside.take_back(waiting)
    assert not beside.take_back(waiting)
    assert not beside.take_back(hanging)
    ends.set()
    beside.start(lambda: done.append("next")).result(SOON_S)
    assert done == ["next"]
