"""A stack that has ended by itself: whoever comes next is told why."""

from __future__ import annotations

import pytest

from local.places import Places
from local.session import NotStarted, start, why_ended
from tests.unit.cli.conftest import Shell

LOG = "starting the edge\nerror: edge ended with exit code 7; its last lines:\n    no such port\n"


@pytest.fixture
def ended(shell: Shell) -> Places:
    places = Places(shell.folder / "local")
    places.folder.mkdir()
    places.launcher_log.write_text(LOG)
    return places


@pytest.mark.usefixtures("ended")
@pytest.mark.parametrize("command", [("ask", "?"), ("down",)])
def test_the_reason_of_the_last_end_is_told(shell: Shell, command: tuple[str, ...]) -> None:
    output = shell.run(*command).output

    assert "ended by itself: edge ended with exit code 7: no such port" in output
    assert "Traceback" not in output


def test_a_stack_that_was_stopped_needs_no_reason(ended: Places, shell: Shell) -> None:
    ended.launcher_log.write_text("ready after 9 s\n")

    assert why_ended(ended) == ""
    assert shell.run("down").output == "nothing was running\n"


def test_the_next_start_tells_the_reason_and_keeps_the_log(ended: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPSTREAM_PORT", "no port")
    said: list[str] = []

    with pytest.raises(NotStarted, match="SLIPSTREAM_PORT is 'no port'"):
        start(ended, said.append)

    assert said[0].startswith("the last one ended by itself: edge ended with exit code 7: no such port")
    assert ended.earlier_log.read_text() == LOG
