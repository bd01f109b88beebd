"""A function that dies in the middle of its answer: nobody is ever served half of it, and nobody waits for long."""

from __future__ import annotations

from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from threading import Thread

from bench.processes import running
from tests.functional.caching.conftest import environ_of
from tests.functional.caching.test_kept_answers import kept, text_of
from tests.functional.faults.conftest import FOREVER_MS, SERVE, Double, Host, Reply, eventually


def test_a_writer_that_is_killed_in_mid_stream_leaves_nothing_and_the_next_one_goes_on_after_its_lease(
    double_port: int, table: str, folder: Path, double: Double
) -> None:
    environ = environ_of(double_port, table, SLIPSTREAM_CACHE_LEASE_S="1")
    double.arm("stall", after=3, delay_ms=FOREVER_MS)
    with (
        running(SERVE, environ=environ, folder=folder, name="dies") as dies,
        running(SERVE, environ=environ, folder=folder, name="lives") as lives,
    ):

        def ask() -> Reply | None:
            with suppress(OSError, HTTPException):
                return Host(dies).chat(temperature=0, stream=True)
            return None

        asking = Thread(target=ask)
        asking.start()
        eventually(lambda: double.calls() == 1)
        dies.process.kill()
        asking.join(60)
        assert kept(table) == []

        reply = Host(lives).chat(temperature=0, stream=True)
        assert reply.body.endswith(b"[DONE]\n\n")
        assert double.calls() == 2
        Host(lives).metrics_of(reply)
        assert len(kept(table)) == 1
        again = Host(lives).chat(temperature=0, stream=True)
        assert again.headers["x-slipstream-cache"] == "hit"
        assert text_of(again) == text_of(reply)
