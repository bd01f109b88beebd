from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import COMMANDS
from cli.up import runnable
from local.places import ROOT
from tests.unit.cli.conftest import Shell


def test_the_help_lists_every_command(shell: Shell) -> None:
    output = shell.run("--help").output

    assert all(f"\n  {name} " in output for name in COMMANDS)


def test_the_help_imports_no_command() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from cli.main import main; CliRunner().invoke(main, ['-h']);"
        "print([name for name in sys.modules if name.startswith(('cli.', 'rich', 'boto3', 'aiohttp'))])"
    )

    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert found.strip() == "['cli.main']"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(shell: Shell, name: str) -> None:
    result = shell.run(name, "--help")

    assert result.exit_code == 0, result.output
    assert f"Usage: slipstream {name}" in result.output


def test_a_mistyped_command_is_answered_with_the_nearest(shell: Shell) -> None:
    result = shell.run("dmeo")

    assert result.exit_code == 2
    assert "did you mean 'demo'?" in result.output


def test_the_command_is_named_by_its_path_where_it_is_not_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(sys.executable).parent
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("PATH", os.defpath)
    assert runnable() == f"{folder.name}/slipstream"

    monkeypatch.setenv("PATH", str(folder))
    assert runnable() == "slipstream"
