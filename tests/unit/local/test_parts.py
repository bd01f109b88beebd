"""Parts are real processes here: Python one-liners."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.leftovers import end_leftovers, recorded
from local.parts import Part, PartFailed, ending, free_port
from local.places import ROOT, Places
from local.supervisor import Stopping, Supervisor

FOREVER = "import signal; print('up', flush=True); signal.pause()"
MakePart = Callable[..., Part]


@pytest.fixture
def part(tmp_path: Path) -> Iterator[MakePart]:
    made: list[Part] = []

    def make(code: str, name: str = "part") -> Part:
        made.append(Part(name, [sys.executable, "-c", code], os.environ, tmp_path / f"{name}.log"))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-p", str(pid), "-o", "stat="], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def wait_until_dead(pid: int) -> bool:
    return any(not alive(pid) for _ in range(300))


def first_line(log: Path) -> str:
    for _ in range(10_000):
        if (text := log.read_text()).endswith("\n"):
            return text.splitlines()[0]
    raise AssertionError(f"{log} stayed empty")


def test_a_part_that_ends_by_itself_is_told_with_its_last_lines_and_exit_code(part: MakePart, tmp_path: Path) -> None:
    supervisor = Supervisor(Places(tmp_path))
    supervisor.serve(part("print('why it fails'); raise SystemExit(7)"))

    with pytest.raises(PartFailed, match=r"exit code 7(.|\n)*why it fails") as failed:
        supervisor.watch()

    assert failed.value.code == 7


def test_a_task_that_fails_stops_the_wait_for_it(part: MakePart, tmp_path: Path) -> None:
    supervisor = Supervisor(Places(tmp_path))
    task = supervisor.begin(part("raise SystemExit('no such stack')"))

    with pytest.raises(PartFailed, match="no such stack"):
        supervisor.finish(task)


def test_a_service_that_dies_ends_the_wait_for_a_task(part: MakePart, tmp_path: Path) -> None:
    supervisor = Supervisor(Places(tmp_path))
    task = supervisor.begin(part(FOREVER, "deploy"))
    supervisor.serve(part("raise SystemExit('the emulator is gone')", "emulator"))

    with pytest.raises(PartFailed, match="the emulator is gone"):
        supervisor.finish(task)
    supervisor.stop()


def test_stopping_ends_a_part_together_with_its_children(part: MakePart, tmp_path: Path) -> None:
    spawn = f"subprocess.Popen([sys.executable, '-c', {FOREVER!r}])"
    parent = part(f"import subprocess, sys; c = {spawn}; print(c.pid, flush=True); c.wait()")
    parent.start()
    child_pid = int(first_line(parent.log))

    parent.stop()

    assert wait_until_dead(child_pid)
    assert not alive(parent.pid)


def test_a_part_that_ignores_being_asked_is_made_to_end(part: MakePart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.parts.STOP_GRACE_S", 0.1)
    stubborn = part(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    )
    stubborn.start()
    first_line(stubborn.log)

    stubborn.stop()

    assert stubborn.process is not None
    assert stubborn.process.returncode == -signal.SIGKILL


def test_a_port_that_nobody_opens_is_reported_when_the_part_ends_first(part: MakePart) -> None:
    silent = part("raise SystemExit('address in use')")
    silent.start()

    with pytest.raises(PartFailed, match="address in use"):
        silent.wait_for_port(free_port(), timeout_s=30)


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(PartFailed, match=f"port {taken.getsockname()[1]} is taken"):
            free_port(taken.getsockname()[1])


def test_a_signal_is_named_in_words() -> None:
    assert ending(-signal.SIGKILL) == "signal SIGKILL"


def test_what_a_killed_launcher_left_behind_is_found_and_ended(part: MakePart, tmp_path: Path) -> None:
    places = Places(tmp_path)
    supervisor = Supervisor(places)
    supervisor.serve(part(f"'{ROOT}'; {FOREVER}", "emulator"))
    supervisor.serve(part(f"'{ROOT}'; {FOREVER}", "edge"))
    pids = recorded(places)
    for service in supervisor.services:
        first_line(service.log)

    ended = end_leftovers(places)

    assert ended == ["emulator", "edge"]
    assert all(wait_until_dead(pid) for pid in pids.values())


def test_a_recorded_id_that_belongs_to_another_program_now_is_left_alone(tmp_path: Path) -> None:
    places = Places(tmp_path)
    with subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) as stranger:
        places.processes.write_text(f'{{"launcher": 1, "parts": {{"edge": {stranger.pid}}}}}')

        assert end_leftovers(places) == []
        assert stranger.poll() is None
        stranger.kill()


def test_an_attached_supervisor_stops_when_its_starter_is_gone(tmp_path: Path) -> None:
    supervisor = Supervisor(Places(tmp_path), attached_to=os.getppid() + 1)

    with pytest.raises(Stopping):
        supervisor.watch()


def test_broken_notes_of_an_earlier_launcher_count_as_none(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.processes.write_text("{not json")

    assert recorded(places) == {}
