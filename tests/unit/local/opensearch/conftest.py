"""A machine of the test's own: a path with what the test puts there, an empty home, tiny artifacts."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.opensearch.artifacts import Artifact

AddCommand = Callable[[str, str], None]


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """Environment variables of a machine that has nothing."""
    (tmp_path / "bin").mkdir()
    return {
        "PATH": str(tmp_path / "bin"),
        "HOME": str(tmp_path),
        "SLIPSTREAM_MAVEN_REPOSITORY": str(tmp_path / "m2"),
        "SLIPSTREAM_OPENSEARCH_CACHE": str(tmp_path / "cache"),
    }


@pytest.fixture
def add_command(machine: dict[str, str]) -> AddCommand:
    """Puts a command on the machine's path: a Python program, which finds its arguments in ``sys.argv``."""

    def add(name: str, code: str) -> None:
        path = Path(machine["PATH"], name)
        path.write_text(f"#!{sys.executable}\nimport sys, pathlib\n{code}\n")
        path.chmod(0o755)

    return add


def artifact(coordinates: str, content: bytes, *folders: str) -> Artifact:
    """One that has this content."""
    return Artifact(folders or ("lib",), coordinates, "MIT", len(content), hashlib.sha256(content).hexdigest())


def store(repository: Path, wanted: Artifact, content: bytes) -> Path:
    """Put content where a repository has the artifact."""
    path = repository / wanted.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
