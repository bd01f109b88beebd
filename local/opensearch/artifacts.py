"""The Maven artifacts that a server is made of, each pinned by size and SHA-256 in ``artifacts.lock``.

Standard library only, as all that installs: the Makefile runs it before anything else is there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

LOCK = Path(__file__).with_name("artifacts.lock")


@dataclass(frozen=True)
class Artifact:
    """One file of a Maven repository, and the folders of the installation that it goes into."""

    folders: tuple[str, ...]
    coordinates: str
    """group:artifact:version, with :zip where it is no jar."""
    licence: str
    size: int
    sha256: str

    @classmethod
    def parse(cls, line: str) -> Artifact:
        """A line of the lock file."""
        folders, coordinates, licence, size, sha256 = line.split()
        return cls(tuple(folders.split(",")), coordinates, licence, int(size), sha256)

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """Group, artifact, version and type."""
        group, artifact, version, *kind = self.coordinates.split(":")
        return group, artifact, version, kind[0] if kind else "jar"

    @property
    def file_name(self) -> str:
        """As Maven names it."""
        _, artifact, version, kind = self.parts
        return f"{artifact}-{version}.{kind}"

    @property
    def path(self) -> Path:
        """Below a Maven repository's root."""
        group, artifact, version, _ = self.parts
        return Path(*group.split("."), artifact, version, self.file_name)

    def is_at(self, path: Path) -> bool:
        """Whether exactly this file lies there."""
        return path.is_file() and path.stat().st_size == self.size and sha256(path) == self.sha256


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def locked(lock: Path = LOCK) -> list[Artifact]:
    """All artifacts of the lock file."""
    lines = (line.strip() for line in lock.read_text().splitlines())
    return [Artifact.parse(line) for line in lines if line and not line.startswith("#")]
