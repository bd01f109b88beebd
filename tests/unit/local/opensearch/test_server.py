from __future__ import annotations

from pathlib import Path

import pytest

from local.opensearch.java import Java
from local.opensearch.server import Server, environment


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "home", Java(tmp_path / "java" / "bin" / "java", 21), 9200, 9300, tmp_path / "data")


def test_ports_and_data_are_the_callers(server: Server, tmp_path: Path) -> None:
    command = server.command()

    assert {"-Ehttp.port=9200", "-Etransport.port=9300", f"-Epath.data={tmp_path}/data/data"} < set(command)
    assert {"-Xms512m", "-Xmx512m"} < set(command)


def test_a_java_with_thai_words_needs_no_icu(server: Server, tmp_path: Path) -> None:
    modules = tmp_path / "java" / "lib" / "modules"
    modules.parent.mkdir(parents=True)
    modules.write_bytes(b"... thai_dict ...")
    assert not any("lib-icu" in word for word in server.command())

    modules.write_bytes(b"... ...")
    assert f"{tmp_path}/home/lib/*:{tmp_path}/home/lib-icu/*" in server.command()


def test_root_is_hidden_from_a_server_that_refuses_root(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "-Djna.nounpack=true" in server.command()

    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert not any("jna.nounpack" in word for word in server.command())


def test_what_would_add_to_the_command_line_is_not_handed_on() -> None:
    assert environment({"JAVA_TOOL_OPTIONS": "-x", "CLASSPATH": "y", "PATH": "z"}) == {"PATH": "z"}
