"""Archives of the server's classes: with them a start takes about half the processor time.

An archive belongs to one installation and one Java runtime, and is made once, by a server that is started for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from local.opensearch.install import cache
from local.opensearch.java import Java
from local.opensearch.probe import wait_until_healthy
from local.opensearch.server import Server, environment
from local.parts import Part, free_port
from local.places import LOOPBACK

END_TIMEOUT_S = 180.0
"""The server writes the archive as it ends."""


@dataclass(frozen=True)
class Archive:
    """The archive of an installation's classes, and that of the runtime's own where this comes without."""

    folder: Path

    @classmethod
    def of(cls, env: Mapping[str, str], home: Path, java: Java) -> Archive:
        """Where it is or would be."""
        command = java.command.resolve()
        stat = command.stat()
        key = hashlib.blake2b(f"{command} {stat.st_size} {stat.st_mtime_ns}".encode(), digest_size=6).hexdigest()
        return cls(cache(env) / "archives" / f"{home.name}-{key}")

    @property
    def own(self) -> Path:
        """The server's classes."""
        return self.folder / "server.jsa"

    @property
    def base(self) -> Path:
        """The runtime's; the other archive names it by its path, so it cannot be moved."""
        return self.folder / "base.jsa"

    @property
    def there(self) -> bool:
        """Whether it was made: the file gets its name when it is whole."""
        return self.own.exists()

    def flags(self) -> list[str]:
        """What the runtime needs to know to use it; nothing where it is not there."""
        return [f"-XX:SharedArchiveFile={':'.join([*self.bases(), str(self.own)])}"] if self.there else []

    def bases(self) -> list[str]:
        """Our archive of the runtime's classes, or nothing where the runtime came with one."""
        return [str(self.base)] if self.base.exists() else []

    def make(self, home: Path, java: Java) -> bool:
        """Make it; False where another process is making it. Raises PartFailed, OSError, CalledProcessError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "making.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            if not self.there:
                with tempfile.TemporaryDirectory(prefix=".new-", dir=self.folder) as scratch:
                    self.record(Server(home, java, free_port(), free_port(), Path(scratch)))
        return True

    def record(self, server: Server) -> None:
        """Run a server until it is healthy, and let it write down at its end which classes it has loaded."""
        fresh = server.data / "fresh.jsa"
        if not (server.java.home / "lib" / "server" / "classes.jsa").exists():
            dump = [str(server.java.command), "-Xshare:dump", f"-XX:SharedArchiveFile={fresh}"]
            subprocess.run(dump, check=True, capture_output=True)
            fresh.replace(self.base)
        flags = [*(f"-XX:SharedArchiveFile={path}" for path in self.bases()), f"-XX:ArchiveClassesAtExit={fresh}"]
        server.make_folders()
        part = Part("opensearch-archive", server.command(*flags), environment(os.environ), server.data / "log")
        try:
            part.start()
            wait_until_healthy(part, f"http://{LOOPBACK}:{server.port}", lambda _: None)
            part.end(END_TIMEOUT_S)
            fresh.replace(self.own)
        finally:
            part.stop()

    def forget_others(self) -> None:
        """Remove the archives of installations and runtimes that are no longer used: each takes 100 MB."""
        for path in self.folder.parent.iterdir():
            if path != self.folder:
                with suppress(OSError):
                    shutil.rmtree(path)
