"""Java is a program here that serves a health check and writes the archive that it was asked for as it ends."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from local.opensearch.archive import Archive
from local.opensearch.java import Java
from local.parts import PartFailed
from tests.unit.local.opensearch.conftest import AddCommand

JAVA = """
import json, signal, http.server
options = dict(word.split("=", 1) for word in sys.argv if "=" in word)
if "-Xshare:dump" in sys.argv:
    pathlib.Path(options["-XX:SharedArchiveFile"]).write_text("base")
    sys.exit()
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"status": "green"}).encode())
def end(*_):
    pathlib.Path(options["-XX:ArchiveClassesAtExit"]).write_text(options["-XX:SharedArchiveFile"])
    sys.exit()
signal.signal(signal.SIGTERM, end)
http.server.HTTPServer(("127.0.0.1", int(options["-Ehttp.port"])), Healthy).serve_forever()
"""


@pytest.fixture
def java(machine: dict[str, str], add_command: AddCommand) -> Java:
    add_command("java", JAVA)
    return Java(Path(machine["PATH"], "java"), 21)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "2.19.1-abc"


@pytest.fixture
def archive(machine: dict[str, str], home: Path, java: Java) -> Archive:
    return Archive.of(machine, home, java)


def test_an_archive_is_recorded_over_the_runtimes_own_and_used_together_with_it(
    archive: Archive, home: Path, java: Java
) -> None:
    assert archive.flags() == []

    assert archive.make(home, java)

    assert archive.own.read_text() == str(archive.base)
    assert archive.flags() == [f"-XX:SharedArchiveFile={archive.base}:{archive.own}"]
    assert {path.name for path in archive.folder.iterdir()} == {"base.jsa", "server.jsa", "making.lock"}


def test_only_one_process_makes_it(archive: Archive, home: Path, java: Java) -> None:
    archive.folder.mkdir(parents=True)
    with (archive.folder / "making.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert not archive.make(home, java)


def test_a_server_that_does_not_start_leaves_no_archive(
    archive: Archive, home: Path, java: Java, add_command: AddCommand
) -> None:
    add_command("java", JAVA.replace("class Healthy", "sys.exit('no memory')\nclass Healthy"))

    with pytest.raises(PartFailed, match="no memory"):
        archive.make(home, java)

    assert not archive.there


def test_another_java_has_another_archive_and_old_ones_can_be_forgotten(
    archive: Archive, machine: dict[str, str], home: Path, java: Java, add_command: AddCommand
) -> None:
    archive.make(home, java)
    add_command("java", JAVA + "# newer\n")
    newer = Archive.of(machine, home, java)
    assert newer.folder != archive.folder

    newer.make(home, java)
    newer.forget_others()

    assert not archive.there
    assert newer.there
