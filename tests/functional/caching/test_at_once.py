"""Two hundred identical requests at once: one call of the model, two hundred equal answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from bench.processes import running
from tests.functional.caching.conftest import environ_of
from tests.functional.caching.test_kept_answers import text_of
from tests.functional.faults.conftest import SERVE, Double, Host, Reply

REQUESTS, PROCESSES = 200, 20


def at_once(ask: Callable[[], Reply]) -> list[Reply]:
    barrier, replies = Barrier(REQUESTS), list[Reply]()

    def run() -> None:
        barrier.wait(60)
        replies.append(ask())

    threads = [Thread(target=run) for _ in range(REQUESTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return replies


@pytest.fixture
def many(double_port: int, table: str, folder: Path) -> Iterator[Host]:
    """Twenty processes behind one port, which know of each other by the table alone."""
    command: list[Any] = [*SERVE, "--processes", str(PROCESSES)]
    with running(command, environ=environ_of(double_port, table), folder=folder, name="many") as process:
        yield Host(process)


def test_one_process_that_serves_many_callers_calls_the_model_once(
    hosts: list[Host], table: str, double: Double
) -> None:
    del table
    replies = at_once(lambda: hosts[0].chat(temperature=0, stream=True))
    assert [reply.status for reply in replies] == [200] * REQUESTS
    assert len({text_of(reply) for reply in replies}) == 1
    assert text_of(replies[0])
    assert double.calls() == 1


def test_twenty_processes_call_the_model_once(many: Host, double: Double) -> None:
    replies = at_once(lambda: many.chat(temperature=0, stream=True))
    assert [reply.status for reply in replies] == [200] * REQUESTS
    assert len({text_of(reply) for reply in replies}) == 1
    assert double.calls() == 1
