"""`mvn` is a program here that copies from a folder what the project asks for, as Maven would out of a repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.environments import Unprepared
from local.opensearch import maven
from local.opensearch.artifacts import Artifact
from tests.unit.local.opensearch.conftest import AddCommand, artifact, store

ONE, TWO = artifact("org.a:one:1", b"first"), artifact("org.b:two:2:zip", b"second")
MVN = """
import re, shutil
asked = pathlib.Path(sys.argv[sys.argv.index("-f") + 1]).read_text()
out = next(word.split("=")[1] for word in sys.argv if word.startswith("-DoutputDirectory="))
remote = pathlib.Path({remote!r})
(remote / "asked").write_text(" ".join(re.findall("<artifactId>([a-z]+)<", asked)))
for file in remote.rglob("*.*"):
    if f"<artifactId>{{file.parent.parent.name}}<" in asked:
        target = pathlib.Path(out) / file.relative_to(remote)
        target.parent.mkdir(parents=True)
        shutil.copyfile(file, target)
"""


@pytest.fixture
def remote(tmp_path: Path, add_command: AddCommand) -> Path:
    folder = tmp_path / "remote"
    folder.mkdir()
    add_command("mvn", MVN.format(remote=str(folder)))
    return folder


def bring(machine: dict[str, str], target: Path, *wanted: Artifact) -> list[str]:
    said: list[str] = []
    maven.bring(wanted, target, machine, said.append)
    return said


def test_what_is_in_the_local_repository_is_taken_without_maven(machine: dict[str, str], tmp_path: Path) -> None:
    store(tmp_path / "m2", ONE, b"first")

    assert bring(machine, tmp_path / "to", ONE) == []
    assert (tmp_path / "to" / ONE.path).read_bytes() == b"first"


def test_maven_is_asked_for_the_rest_alone(machine: dict[str, str], tmp_path: Path, remote: Path) -> None:
    store(tmp_path / "m2", ONE, b"first")
    store(remote, ONE, b"first")
    store(remote, TWO, b"second")

    bring(machine, tmp_path / "to", ONE, TWO)

    assert (tmp_path / "to" / TWO.path).read_bytes() == b"second"
    assert (remote / "asked").read_text() == "opensearch two"


def test_what_an_earlier_attempt_has_brought_is_kept(machine: dict[str, str], tmp_path: Path) -> None:
    store(tmp_path / "to", ONE, b"first")

    assert bring(machine, tmp_path / "to", ONE) == []


def test_without_maven_the_message_says_what_is_missing_and_what_helps(machine: dict[str, str], tmp_path: Path) -> None:
    store(tmp_path / "m2", ONE, b"first")

    with pytest.raises(Unprepared, match=r"1 of 2 artifacts are not in .*no `mvn` command.*OPENSEARCH_URL"):
        bring(machine, tmp_path / "to", ONE, TWO)


def test_a_file_with_another_hash_is_named_with_what_to_do(
    machine: dict[str, str], tmp_path: Path, remote: Path
) -> None:
    store(tmp_path / "m2", ONE, b"fir")
    store(remote, ONE, b"other")

    with pytest.raises(Unprepared, match=rf"org\.a:one:1 is not what is pinned.*Remove {tmp_path}/m2/org/a/one/1 and"):
        bring(machine, tmp_path / "to", ONE)

    assert not (tmp_path / "to" / ONE.path).exists()


def test_a_maven_that_fails_is_quoted(machine: dict[str, str], tmp_path: Path, add_command: AddCommand) -> None:
    add_command("mvn", "print('[INFO] hello'); print('[ERROR] the repository is away'); raise SystemExit(1)")

    with pytest.raises(Unprepared, match=r"goes on where this one was\):\n\[ERROR\] the repository is away"):
        bring(machine, tmp_path / "to", ONE)


def test_the_project_asks_for_the_artifacts_and_nothing_that_they_depend_on() -> None:
    text = maven.pom([TWO])

    assert "<groupId>org.b</groupId><artifactId>two</artifactId><version>2</version><type>zip</type>" in text
    assert "<exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>" in text


def test_progress_counts_the_wanted_files_and_not_what_maven_needs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maven, "SIGN_OF_LIFE_S", 0.0)
    said: list[str] = []
    progress = maven.Progress([ONE, TWO], said.append)

    progress.tell("[INFO] Downloaded from here: http://x/org/a/one/1/one-1.jar (5 B at 1 kB/s)\n")
    progress.tell("[INFO] Downloaded from here: http://x/org/m/plugin/1/plugin-1.jar (5 B at 1 kB/s)\n")

    assert [line.split(",")[0] for line in said] == ["1/2 artifacts", "1/2 artifacts"]
