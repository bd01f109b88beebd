"""Installs the server once, under a cache folder that all checkouts share."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.opensearch import layout, maven
from local.opensearch.artifacts import LOCK, locked

VERSION = "2.19.1"
Say = Callable[[str], None]


def cache(env: Mapping[str, str]) -> Path:
    """SLIPSTREAM_OPENSEARCH_CACHE, else ``slipstream/opensearch`` below the user's cache folder."""
    if chosen := env.get("SLIPSTREAM_OPENSEARCH_CACHE"):
        return Path(chosen).expanduser().resolve()
    base = env.get("XDG_CACHE_HOME")  # to be ignored unless absolute, says the specification
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return (root / "slipstream" / "opensearch").resolve()


def home(env: Mapping[str, str]) -> Path:
    """Where this very set of artifacts, laid out by this code, is or would be installed."""
    digest = hashlib.blake2b(digest_size=6)
    for source in (LOCK, layout.DISTRIBUTION, Path(layout.__file__)):
        digest.update(source.read_bytes())
    return cache(env) / f"{VERSION}-{digest.hexdigest()}"


def installed(env: Mapping[str, str]) -> bool:
    """Whether it is there: the folder gets its name when all is in it."""
    return home(env).is_dir()


def install(env: Mapping[str, str], say: Say) -> Path:
    """Install unless it is there, one at a time; return the folder. Raises Unprepared, OSError."""
    target, root = home(env), cache(env)
    if target.is_dir():
        return target
    root.mkdir(parents=True, exist_ok=True)
    with alone(root / "install.lock", say):
        if target.is_dir():
            return target
        began = time.monotonic()
        artifacts = locked()
        maven.bring(artifacts, root / "artifacts", env, say)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=root) as scratch:
            fresh = Path(scratch) / "home"
            fresh.mkdir()
            layout.lay_out(artifacts, root / "artifacts", fresh, target)
            fresh.rename(target)
        shutil.rmtree(root / "artifacts")
        say(f"OpenSearch {VERSION} is installed in {target} ({time.monotonic() - began:.0f} s)")
    return target


@contextmanager
def alone(path: Path, say: Say) -> Iterator[None]:
    """Hold a lock file; the kernel lets go of it when the process ends."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("waiting for another installation of OpenSearch")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
