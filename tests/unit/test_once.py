"""What is made when it is first needed."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from slipstream.once import Once


def test_many_who_need_it_at_once_get_the_same() -> None:
    barrier, made, found = Barrier(12), list[object](), list[object]()

    def make() -> object:
        made.append(object())
        return made[-1]

    once = Once(make)

    def ask() -> None:
        barrier.wait(60)
        found.append(once())

    threads = [Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(made), len(found), len(set(map(id, found)))) == (1, 12, 1)


def test_what_could_not_be_made_is_tried_again() -> None:
    answers = iter((ValueError("not yet"), "made"))

    def make() -> str:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    once = Once(make)
    with pytest.raises(ValueError, match="not yet"):
        once()
    assert [once(), once()] == ["made", "made"]
