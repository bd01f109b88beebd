"""The locked wheels of a bundle: fetched once by `make`, installed offline ever after."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stacks.constructs.target import Target


class BundleError(Exception):
    """A bundle cannot be built; the message says which command puts it right."""


def fetch(requirements: Path, target: Target, cache: Path) -> Path:
    """Download the wheels that ``requirements`` locks into ``cache``; needs a package index once. Returns their folder.

    Raises BundleError with pip's own words when a wheel cannot be had.
    """
    folder = cache / target.tag
    folder.mkdir(parents=True, exist_ok=True)
    if _install(requirements, target, folder, dry_run=True) is None:
        return folder
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += [*target.pip_options(), "--dest", str(folder), "--requirement", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BundleError(
            f"pip could not fetch the wheels of {requirements.name} for {target.tag}:\n{done.stderr[-2000:]}"
        )
    return folder


def install(requirements: Path, target: Target, cache: Path, into: Path) -> None:
    """Install the locked wheels into ``into``, without a network. Raises BundleError where one is missing."""
    problem = _install(requirements, target, cache / target.tag, into=into)
    if problem is not None:
        raise BundleError(
            f"the wheels of {requirements.name} for {target.tag} are not in {cache}: run "
            f"`python -m stacks.constructs.bundle --fetch` once, with a network.\npip says: {problem}"
        )


def _install(
    requirements: Path, target: Target, folder: Path, *, into: Path | None = None, dry_run: bool = False
) -> str | None:
    """None when it worked, else pip's last words."""
    command = [sys.executable, "-m", "pip", "--isolated", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-index", "--find-links", str(folder), "--no-deps", "--require-hashes", "--no-compile"]
    command += [*target.pip_options(), "--target", str(into or folder), "--requirement", str(requirements)]
    if dry_run:
        command += ["--dry-run", "--ignore-installed"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr[-1500:]
