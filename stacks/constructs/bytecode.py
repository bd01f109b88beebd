"""Bytecode for a bundle. Lambda cannot write ``.pyc`` files into /var/task, so they must be shipped (−135 ms cold)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from stacks.constructs.target import Target


@lru_cache(maxsize=8)
def compiler(python: str) -> str | None:
    """Path of an interpreter of version ``python`` (bytecode differs between minor versions), or None."""
    if python == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    uv = Path.home() / ".local" / "share" / "uv" / "python"
    candidates = [shutil.which(f"python{python}")]
    for root in (pyenv, uv):
        candidates += [str(path) for path in sorted(root.glob(f"*{python}.*/bin/python{python}"), reverse=True)]
    return next((path for path in candidates if path and _runs(path, python)), None)


def _runs(path: str, python: str) -> bool:
    """A version manager's shim may exist and yet refuse to run."""
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", question], capture_output=True, text=True, check=False)
    return done.stdout.strip() == python


def compile_tree(folder: Path, target: Target, part: str = "") -> bool:
    """Write ``__pycache__`` for every module of the bundle in ``folder``, or of its subfolder ``part`` alone; they are
    never checked against their sources again. False where no interpreter of the target's version is.

    Paths in tracebacks read /var/task/… for the cloud and are relative to the bundle locally.
    """
    interpreter = compiler(target.python)
    if interpreter is None:
        return False
    command = [interpreter, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder)]
    if not target.is_local:
        command += ["-p", "/var/task"]
    # Third-party files may hold syntax for other versions: those are never imported, so their failure is no error.
    subprocess.run([*command, str(folder / part)], capture_output=True, check=False)
    return True
