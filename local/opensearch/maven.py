"""Brings artifacts here: out of the local Maven repository, else with ``mvn`` as this machine has it configured.

Which repositories, mirrors and proxies are asked is the user's own Maven configuration. What Maven has loaded stays
in the local repository, so an attempt that was broken off goes on where it was.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from local.environments import Unprepared, follow
from local.opensearch.artifacts import Artifact, sha256

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
SIGN_OF_LIFE_S = 5.0
NO_MAVEN = "there is no `mvn` command (install Maven, or Docker, or set OPENSEARCH_URL)"


def repository(env: Mapping[str, str]) -> Path:
    """The local Maven repository: SLIPSTREAM_MAVEN_REPOSITORY, else Maven's usual place."""
    return Path(env.get("SLIPSTREAM_MAVEN_REPOSITORY") or Path.home() / ".m2" / "repository")


def bring(wanted: Sequence[Artifact], target: Path, env: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Put all of ``wanted`` below ``target``, laid out as in a repository and checked. Raises Unprepared."""
    local = repository(env)
    for artifact in missing(wanted, target):
        if artifact.is_at(local / artifact.path):
            copy(local / artifact.path, target / artifact.path)
    absent = missing(wanted, target)
    if not absent:
        return
    mvn = shutil.which("mvn", path=env.get("PATH"))
    if not mvn:
        raise Unprepared(f"{len(absent)} of {len(wanted)} artifacts are not in {local}, and {NO_MAVEN}")
    with tempfile.TemporaryDirectory(prefix="slipstream-maven-") as scratch:
        load([mvn, *options(env)], absent, Path(scratch), say)
        for artifact in absent:
            check(artifact, Path(scratch, "out", artifact.path), local)
            copy(Path(scratch, "out", artifact.path), target / artifact.path)


def missing(wanted: Sequence[Artifact], folder: Path) -> list[Artifact]:
    """Those that are not (whole) in a folder that is laid out as a repository."""
    return [artifact for artifact in wanted if not artifact.is_at(folder / artifact.path)]


def copy(source: Path, target: Path) -> None:
    """Copy a file; under its name it is there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    shutil.copyfile(source, part)
    part.replace(target)


def options(env: Mapping[str, str]) -> list[str]:
    """Only what the user has set."""
    chosen = env.get("SLIPSTREAM_MAVEN_REPOSITORY")
    return [f"-Dmaven.repo.local={chosen}"] if chosen else []


def load(mvn: Sequence[str], absent: Sequence[Artifact], scratch: Path, say: Callable[[str], None]) -> None:
    """Let Maven load what is absent into its repository and copy it to ``scratch/out``. Raises Unprepared."""
    (scratch / "pom.xml").write_text(pom(absent))
    out = scratch / "out"
    arguments = ("-B", "-f", str(scratch / "pom.xml"), COPY, f"-DoutputDirectory={out}", "-Dmdep.useRepositoryLayout")
    lines: list[str] = []
    say(f"loading {len(absent)} artifacts with mvn ({sum(a.size for a in absent) / 1e6:.0f} MB)")
    code = follow([*mvn, *arguments], Progress(absent, say).tell, lines.append, scratch)
    if code:
        told = [line for line in lines if line.startswith("[ERROR]")] or lines
        raise Unprepared(f"mvn failed (a second attempt goes on where this one was):\n{''.join(told[:8])}")


def check(artifact: Artifact, path: Path, local: Path) -> None:
    """Raise Unprepared where Maven has brought another file than the pinned one."""
    if artifact.is_at(path):
        return
    found = f"SHA-256 {sha256(path)}" if path.is_file() else "nothing"
    raise Unprepared(
        f"{artifact.coordinates} is not what is pinned: Maven brought {found}, expected was {artifact.sha256}. "
        f"Remove {(local / artifact.path).parent} and try again; if it comes back, the repository that your "
        "Maven settings name serves another file"
    )


def pom(wanted: Sequence[Artifact]) -> str:
    """A project that depends on exactly these, and on nothing that they depend on."""
    exclusions = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
    names = ("groupId", "artifactId", "version", "type")
    dependencies = "".join(
        "<dependency>"
        + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in zip(names, artifact.parts, strict=True))
        + f"{exclusions}</dependency>\n"
        for artifact in wanted
    )
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>slipstream</groupId><artifactId>opensearch</artifactId>"
        f"<version>1</version><packaging>pom</packaging><dependencies>\n{dependencies}</dependencies></project>\n"
    )


class Progress:
    """Turns Maven's lines into few: how many of the wanted files have come, every few seconds."""

    def __init__(self, wanted: Sequence[Artifact], say: Callable[[str], None]) -> None:
        self.sizes = {artifact.file_name: artifact.size for artifact in wanted}
        self.loaded: set[str] = set()
        self.say = say
        self.began = self.told = time.monotonic()

    def tell(self, line: str | None) -> None:
        """Take a line of Maven's, or None for: nothing new."""
        if line and (match := re.search(r"Downloaded from \S+ \S*/([^/\s]+) ", line)) and match[1] in self.sizes:
            self.loaded.add(match[1])
        now = time.monotonic()
        if now - self.told >= SIGN_OF_LIFE_S:
            megabytes = sum(self.sizes[name] for name in self.loaded) / 1e6
            self.say(f"{len(self.loaded)}/{len(self.sizes)} artifacts, {megabytes:.0f} MB ({now - self.began:.0f} s)")
            self.told = now
