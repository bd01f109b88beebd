"""What a Lambda function's asset holds, and how it is built: locked wheels, our sources, bytecode; no Docker."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stacks.constructs import bytecode, wheels
from stacks.constructs.target import Target
from stacks.constructs.wheels import BundleError

ROOT = Path(__file__).resolve().parents[2]
LAMBDAS = ROOT / "lambdas"
RECIPE = "2"
"""Raise it when this file builds something else from the same inputs."""
TIMESTAMP_S = 315_532_800  # 1980-01-01, the earliest a zip archive can say
BundleName = Literal["chat", "admin", "ingest", "background"]


@dataclass(frozen=True, slots=True)
class Contents:
    """``handlers``: modules of lambdas/handlers; ``services``: folders of botocore's data that are kept."""

    requirements: str
    handlers: tuple[str, ...]
    services: tuple[str, ...]
    programs: tuple[str, ...] = ()


CONTENTS: dict[BundleName, Contents] = {
    "chat": Contents("requirements-chat.txt", ("chat", "fill"), (), ("bootstrap.sh", "run.sh")),
    "admin": Contents(
        "requirements-admin.txt",
        ("authorizer", "keys", "precompute"),
        ("apigateway", "bedrock", "dynamodb", "secretsmanager", "sts"),
    ),
    "ingest": Contents("requirements-ingest.txt", ("indexes", "ingest", "search_setup"), ("s3", "sqs", "sts")),
    "background": Contents("requirements-background.txt", ("learning", "mine"), ()),
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """One asset: ``name`` says what goes in, ``target`` where it will run. Equal inputs give an equal ``digest``."""

    name: BundleName
    target: Target
    build_dir: Path = ROOT / "build"

    def sources(self) -> Iterator[tuple[str, Path]]:
        """Our own files as (path inside the bundle, file), sorted."""
        contents = CONTENTS[self.name]
        for path in sorted((LAMBDAS / "slipstream").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(LAMBDAS).as_posix(), path
        for module in ("__init__", *contents.handlers):
            path = LAMBDAS / "handlers" / f"{module}.py"
            if path.exists():
                yield f"handlers/{module}.py", path
        for program in contents.programs:
            yield program, LAMBDAS / program

    def digest(self) -> str:
        """Hash of everything that goes in, independent of this machine's paths and times; 32 hex digits."""
        state = self._digest_of_packages()
        for name, path in self.sources():
            data = path.read_bytes()
            state.update(f"{name}\0{len(data)}\0".encode() + data)
        return state.hexdigest()

    def _digest_of_packages(self) -> hashlib.blake2b:
        state = hashlib.blake2b(digest_size=16)
        for part in (RECIPE, self.name, self.target.tag, *CONTENTS[self.name].services):
            state.update(part.encode() + b"\0")
        state.update(b"bytecode" if bytecode.compiler(self.target.python) else b"sources only")
        state.update(self.requirements.read_bytes())
        return state

    @property
    def requirements(self) -> Path:
        """The locked, hashed requirements."""
        return LAMBDAS / CONTENTS[self.name].requirements

    def fetch(self) -> None:
        """Fill the wheel cache; the only step that needs a network."""
        wheels.fetch(self.requirements, self.target, self.build_dir / "wheels")

    def build(self) -> Path:
        """Folder with the unpacked bundle, built unless one of this digest exists. Raises BundleError."""
        return _once(self.build_dir / "bundles" / f"{self.name}-{self.digest()}", self._assemble)

    def _packages(self) -> Path:
        """Third-party code, trimmed and compiled: kept by itself, for it changes seldom and takes most of the time."""
        digest = self._digest_of_packages().hexdigest()
        return _once(self.build_dir / "bundles" / f"packages-{self.name}-{digest}", self._install)

    def _install(self, folder: Path) -> None:
        wheels.install(self.requirements, self.target, self.build_dir / "wheels", folder)
        trim(folder, CONTENTS[self.name].services)
        bytecode.compile_tree(folder, self.target)

    def _assemble(self, folder: Path) -> None:
        shutil.copytree(self._packages(), folder, dirs_exist_ok=True)
        for name, path in self.sources():
            copy = folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.chmod(0o755 if name.endswith(".sh") else 0o644)
        if not all(bytecode.compile_tree(folder, self.target, part) for part in ("slipstream", "handlers")):
            print(  # noqa: T201 - synth's user has to know; standard output is the CDK's
                f"warning: no python{self.target.python} found: the bundle '{self.name}' ships no bytecode and "
                f"starts about 135 ms later. Install Python {self.target.python} and synthesise again.",
                file=sys.stderr,
            )
        for path in (*folder.rglob("*"), folder):
            os.utime(path, (TIMESTAMP_S, TIMESTAMP_S))


def _once(final: Path, fill: Callable[[Path], None]) -> Path:
    """``final``, made by ``fill`` in a folder of its own and renamed, so that no one ever sees half of it."""
    if final.exists():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{final.name[:20]}-", dir=final.parent))
    try:
        fill(work)
        work.chmod(0o755)
        work.rename(final)
    except OSError:
        if not final.exists():  # else another process was quicker: its result is the same
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return final


def trim(folder: Path, services: tuple[str, ...]) -> None:
    """Take out what no function reads: tests, scripts, package metadata, other services' models, examples."""
    for pattern in ("*.dist-info", "bin", "__pycache__", "**/tests", "**/*.pyi", "**/py.typed"):
        for path in list(folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    data = folder / "botocore" / "data"
    for path in data.iterdir() if data.exists() else ():
        if path.is_dir() and path.name not in services:
            shutil.rmtree(path)
    for path in list(data.rglob("examples-*")):
        path.unlink()


def main(argv: list[str] | None = None) -> int:
    """Build bundles, or with ``--fetch`` only fill the wheel cache. Prints each bundle's folder."""
    parser = argparse.ArgumentParser(prog="python -m stacks.constructs.bundle", description=main.__doc__)
    parser.add_argument("--target", choices=("local", "cloud"), action="append", help="default: both for --fetch")
    parser.add_argument("--architecture", choices=("arm64", "x86_64"), default="arm64", help="of the cloud's target")
    parser.add_argument("--function", choices=tuple(CONTENTS), action="append", help="default: all")
    parser.add_argument("--out", type=Path, help="copy the bundle of one function here")
    parser.add_argument("--fetch", action="store_true", help="only download the locked wheels")
    options = parser.parse_args(argv)
    names = options.target or (["local", "cloud"] if options.fetch else ["local"])
    targets = [Target.local() if name == "local" else Target.cloud(options.architecture) for name in names]
    bundles = [Bundle(function, target) for target in targets for function in options.function or CONTENTS]
    if options.out and len(bundles) != 1:
        parser.error("--out takes one --function and one --target")
    try:
        for bundle in bundles:
            if options.fetch:
                bundle.fetch()
                continue
            folder = bundle.build()
            if options.out:
                shutil.copytree(folder, options.out, dirs_exist_ok=True)
            print(options.out or folder)  # noqa: T201 - the command's answer
    except BundleError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
