from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.environments import Unprepared
from local.opensearch import docker
from local.opensearch.__main__ import main
from local.opensearch.choice import DIFFERS, Engine, choose, prepare
from local.opensearch.probe import ask, healthy
from local.parts import PartFailed, free_port
from local.places import ROOT
from tests.unit.local.opensearch.conftest import AddCommand

Serve = Callable[[dict[str, Any]], str]
PLUGINS = [{"component": "opensearch-knn"}]


def answers(number: str = "2.19.1", distribution: str = "opensearch", plugins: Any = PLUGINS) -> dict[str, Any]:
    return {
        "/": {"version": {"number": number, "distribution": distribution}},
        "/_cat/plugins?format=json": plugins,
        "/_cluster/health": {"status": "green"},
    }


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves fixed JSON by path on a free port."""
    servers: list[HTTPServer] = []

    def start(pages: dict[str, Any]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path in pages else 404)
                self.end_headers()
                self.wfile.write(json.dumps(pages.get(self.path, {})).encode())

            def log_message(self, *_: Any) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def chosen(env: dict[str, str], tmp_path: Path, port: int = 0) -> Engine:
    return choose(env, tmp_path / "data", tmp_path / "opensearch.log", lambda _: None, port)


def test_the_users_own_engine_goes_before_all_others(machine: dict[str, str], tmp_path: Path, serve: Serve) -> None:
    url = serve(answers())

    assert chosen(machine | {"OPENSEARCH_URL": f"{url}/"}, tmp_path) == Engine("url", url)


@pytest.mark.parametrize(
    ("pages", "says"),
    [
        (answers(number="2.11.0"), "is opensearch 2.11.0: use OpenSearch 2.19 or newer"),
        (answers(distribution="other"), "is other 2.19.1"),
        (answers(plugins=[]), "lacks the k-NN plugin"),
        ({}, "no OpenSearch answers at .*404"),
        ({"/": "hello"}, "no OpenSearch answers at"),
    ],
)
def test_an_engine_that_cannot_be_used_is_named_with_the_way_out(
    machine: dict[str, str], tmp_path: Path, serve: Serve, pages: dict[str, Any], says: str
) -> None:
    with pytest.raises(Unprepared, match=rf"{says}.*or unset OPENSEARCH_URL"):
        chosen(machine | {"OPENSEARCH_URL": serve(pages)}, tmp_path)


def test_an_engine_that_is_away_has_no_silent_substitute(machine: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(Unprepared, match="start it, or unset OPENSEARCH_URL"):
        chosen(machine | {"OPENSEARCH_URL": f"http://127.0.0.1:{free_port()}"}, tmp_path)


def test_an_address_that_is_none_is_refused(machine: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(Unprepared, match="'localhost:9200'; it has to be an address like"):
        chosen(machine | {"OPENSEARCH_URL": "localhost:9200"}, tmp_path)


def test_where_nothing_can_be_had_the_double_is_chosen_and_every_reason_told(
    machine: dict[str, str], tmp_path: Path
) -> None:
    engine = chosen(machine, tmp_path)

    assert engine.kind == "memory"
    assert engine.told == (engine.why, DIFFERS)
    assert engine.why.startswith("no OpenSearch: there is no `docker` command; ")
    assert "no `mvn` command" in engine.why
    assert engine.why.endswith("; searches run on the in-memory double")


def test_the_double_that_stands_in_serves_on_loopback_and_ends_with_its_part(
    machine: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    engine = chosen(machine, tmp_path, port)
    assert engine.part is not None
    engine.part.start()
    try:
        engine.wait(lambda _: None)
        version = ask(engine.url, "/")["version"]
    finally:
        engine.part.stop()

    assert engine.url == f"http://127.0.0.1:{port}"
    assert version["build_type"] == "in-memory double"
    assert any(word.startswith(str(ROOT)) for word in engine.part.command), "so that a leftover is known for ours"
    assert not healthy(engine.url)


def test_an_engine_is_told_by_its_address_alone(machine: dict[str, str], tmp_path: Path, serve: Serve) -> None:
    url = serve(answers())

    assert chosen(machine | {"OPENSEARCH_URL": url}, tmp_path).told == (f"searches run on OpenSearch at {url}",)


def test_a_failure_of_many_lines_is_told_in_one(
    machine: dict[str, str], tmp_path: Path, add_command: AddCommand
) -> None:
    add_command("mvn", "print('[ERROR] one'); print('[ERROR] two'); raise SystemExit(1)")

    assert "[ERROR] one [ERROR] two; searches run on" in chosen(machine, tmp_path).why


@pytest.mark.parametrize("kind", ["docker", "maven"])
def test_a_kind_that_was_asked_for_has_no_substitute(machine: dict[str, str], tmp_path: Path, kind: str) -> None:
    with pytest.raises(Unprepared):
        chosen(machine | {"SLIPSTREAM_SEARCH": kind}, tmp_path)


@pytest.mark.parametrize(("kind", "says"), [("memory", "on the in-memory double"), ("none", "there is no search")])
def test_no_engine_can_be_asked_for(machine: dict[str, str], tmp_path: Path, kind: str, says: str) -> None:
    engine = chosen(machine | {"SLIPSTREAM_SEARCH": kind, "OPENSEARCH_URL": "http://nowhere"}, tmp_path)

    assert engine.kind == kind
    assert engine.why.endswith(says)


def test_an_unknown_kind_is_refused_with_those_that_there_are(machine: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(Unprepared, match="one of url, docker, maven, memory, none, or unset"):
        chosen(machine | {"SLIPSTREAM_SEARCH": "solr"}, tmp_path)


def test_a_docker_engine_that_answers_runs_the_pinned_image_on_loopback(
    machine: dict[str, str], tmp_path: Path, add_command: AddCommand
) -> None:
    add_command("docker", "")
    port = free_port()

    engine = chosen(machine, tmp_path, port)

    assert (engine.kind, engine.url) == ("docker", f"http://127.0.0.1:{port}")
    assert engine.part is not None
    command = list(engine.part.command)
    assert command[:3] == ["docker", "run", "--rm"]
    assert command[-1] == "opensearchproject/opensearch:2.19.1"
    assert command[command.index("--publish") + 1] == f"127.0.0.1:{port}:9200"
    assert command[command.index("--label") + 1] == f"slipstream.root={ROOT}"
    assert {"discovery.type=single-node", "DISABLE_SECURITY_PLUGIN=true"} < set(command)


def test_a_docker_command_without_an_engine_is_passed_over(
    machine: dict[str, str], tmp_path: Path, add_command: AddCommand
) -> None:
    add_command("docker", "raise SystemExit(1)")

    assert "no Docker engine answers" in chosen(machine, tmp_path).why


def test_a_named_engine_that_cannot_be_had_is_told_with_what_to_do(machine: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(Unprepared, match=r"SLIPSTREAM_SEARCH is docker, but .*: mend that, or unset SLIPSTREAM_SEARCH"):
        chosen(machine | {"SLIPSTREAM_SEARCH": "docker"}, tmp_path)


def test_an_image_that_is_not_there_is_pulled_and_a_failure_quoted(
    machine: dict[str, str], tmp_path: Path, add_command: AddCommand
) -> None:
    add_command("docker", "sys.exit({'version': '', 'image': 'absent', 'pull': 'too many pulls'}[sys.argv[1]] or 0)")

    assert f"`docker pull {docker.IMAGE}` failed: too many pulls" in chosen(machine, tmp_path).why


def test_a_port_that_is_taken_is_told(
    machine: dict[str, str], tmp_path: Path, add_command: AddCommand, serve: Serve
) -> None:
    add_command("docker", "")
    taken = int(serve({}).rpartition(":")[2])

    with pytest.raises(PartFailed, match=f"port {taken} is taken"):
        chosen(machine, tmp_path, taken)


def test_preparing_starts_nothing(machine: dict[str, str], add_command: AddCommand) -> None:
    add_command("docker", "sys.exit(sys.argv[1] == 'run')")

    assert prepare(machine, lambda _: None) == Engine("docker")


def test_a_machine_that_can_have_no_engine_is_still_prepared(
    machine: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in machine.items():
        monkeypatch.setenv(name, value)
    for name in ("OPENSEARCH_URL", "SLIPSTREAM_SEARCH"):
        monkeypatch.delenv(name, raising=False)

    assert main(["prepare"]) == 0
    assert "no OpenSearch: " in capsys.readouterr().out

    monkeypatch.setenv("SLIPSTREAM_SEARCH", "maven")
    assert main(["prepare"]) == 1
    with suppress(SystemExit):
        assert main([]) == 2
