from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local import cdk, environments
from local.environments import Environment, PipProgress, fingerprint, follow, ready


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "small.txt").write_text("a==1\n")
    (tmp_path / "large.txt").write_text("a==1\nb==1\n")
    return tmp_path


@pytest.fixture
def environment(project: Path) -> Environment:
    made = Environment("run", project / ".venv", "small.txt", covered_by="large.txt")
    made.python.parent.mkdir(parents=True)
    made.python.symlink_to(sys.executable)
    return made


def stamp(environment: Environment, lock: str) -> None:
    (environment.path / ".locked").write_text(fingerprint(lock))


def test_an_environment_made_from_the_present_lock_is_ready(environment: Environment) -> None:
    stamp(environment, "small.txt")

    assert ready(environment)


def test_one_made_from_a_lock_that_covers_it_is_ready_too(environment: Environment) -> None:
    stamp(environment, "large.txt")

    assert ready(environment)


def test_a_changed_lock_makes_it_stale(environment: Environment, project: Path) -> None:
    stamp(environment, "small.txt")
    (project / "small.txt").write_text("a==2\n")

    assert not ready(environment)


def test_an_environment_whose_interpreter_is_gone_is_not_ready(environment: Environment) -> None:
    stamp(environment, "small.txt")
    environment.python.unlink()
    environment.python.symlink_to("/nowhere/python")

    assert not ready(environment)


def test_pip_is_followed_by_count_and_name(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "SIGN_OF_LIFE_S", 0.0)
    progress = PipProgress("run", 66)

    progress.tell("Collecting aiohttp==3.14.5 (from -r requirements.txt (line 4))\n")
    progress.tell("Installing collected packages: aiohttp\n")

    told = capsys.readouterr().err.splitlines()
    assert "1/66 aiohttp" in told[0]
    assert "unpacking" in told[1]


def test_a_followed_command_hands_on_every_line_and_its_exit_code(tmp_path: Path) -> None:
    told: list[str | None] = []
    kept: list[str] = []
    command = [sys.executable, "-c", "print('one'); print('two'); raise SystemExit(3)"]

    code = follow(command, told.append, kept.append, tmp_path)

    assert code == 3
    assert kept == ["one\n", "two\n"]
    assert [line for line in told if line is not None] == kept


def test_an_unknown_environment_is_refused_with_the_names_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert environments.main(["runn"]) == 2
    assert "run|dev|ministack" in capsys.readouterr().err


def test_a_machine_without_a_search_engine_is_ready_and_is_told_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPSTREAM_SEARCH", "memory")

    assert environments.main(["opensearch"]) == 0
    assert "search    no OpenSearch: SLIPSTREAM_SEARCH is memory" in capsys.readouterr().err


def test_a_search_engine_that_was_asked_for_and_cannot_be_had_is_a_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPSTREAM_SEARCH", "url")
    monkeypatch.setenv("OPENSEARCH_URL", "nonsense")

    assert environments.main(["opensearch"]) == 1
    assert "OPENSEARCH_URL is 'nonsense'" in capsys.readouterr().err


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cdk, "ROOT", tmp_path)
    for name in cdk.INPUTS:
        if "." not in name:
            (tmp_path / name).mkdir()
            (tmp_path / name / "code.py").write_text("x = 1\n")
        else:
            (tmp_path / name).write_text("{}\n")
    return tmp_path


def test_the_same_sources_synthesize_into_the_same_folder(sources: Path) -> None:
    assert cdk.assembly(["stage=local"]) == cdk.assembly(["stage=local"])


@pytest.mark.parametrize("changed", ["app.py", "stacks/code.py", "lambdas/code.py", "requirements.txt"])
def test_a_changed_source_synthesizes_anew(sources: Path, changed: str) -> None:
    before = cdk.assembly(["stage=local"])
    (sources / changed).write_text("x = 2\n")

    assert cdk.assembly(["stage=local"]) != before


def test_bytecode_does_not_count_as_a_change(sources: Path) -> None:
    before = cdk.assembly(["stage=local"])
    (sources / "lambdas" / "__pycache__").mkdir()
    (sources / "lambdas" / "__pycache__" / "code.pyc").write_bytes(b"x")

    assert cdk.assembly(["stage=local"]) == before


def test_the_users_own_aws_settings_do_not_reach_the_emulated_account() -> None:
    theirs = {"AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "t", "AWS_ENDPOINT_URL_DYNAMODB": "https://x", "HOME": "/h"}

    env = cdk.emulated(theirs, "http://127.0.0.1:4566")

    assert env["HOME"] == "/h"
    assert env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_DYNAMODB"} & set(env)


def test_why_there_is_no_engine_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLIPSTREAM_SEARCH", "solr")

    assert environments.main(["opensearch"]) == 1

    told = capsys.readouterr()
    assert (told.out + told.err).count("SLIPSTREAM_SEARCH is 'solr'") == 1
