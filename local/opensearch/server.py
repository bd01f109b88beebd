"""The command line of the installed server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.opensearch.java import Java

HEAP = "512m"
FLAGS = (
    "-XX:+UseG1GC", "-XX:-OmitStackTraceInFastThrow", "-XX:+ExitOnOutOfMemoryError", "-Xshare:auto",
    "-Djava.awt.headless=true", "-Dfile.encoding=UTF-8", "-Djava.locale.providers=SPI,COMPAT",
    "-Dio.netty.noUnsafe=true", "-Dio.netty.noKeySetOptimization=true", "-Dio.netty.recycler.maxCapacityPerThread=0",
    "-Dio.netty.allocator.numDirectArenas=0", "-Dlog4j.shutdownHookEnabled=false", "-Dlog4j2.disable.jmx=true",
    "-Dlog4j2.formatMsgNoLookups=true", "-Djna.nosys=true",
    "-Dopensearch.networkaddress.cache.ttl=60", "-Dopensearch.networkaddress.cache.negative.ttl=10",
    "-Dopensearch.distribution.type=tar", "-Dopensearch.bundled_jdk=false",
)  # fmt: skip
NOT_HANDED_ON = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH")


@dataclass(frozen=True)
class Server:
    """One server: what is installed, the runtime, where it listens on loopback and keeps its data."""

    home: Path
    java: Java
    port: int
    transport_port: int
    data: Path
    heap: str = HEAP

    def command(self, *more: str) -> list[str]:
        """The whole command line; ``more`` are further flags of the Java runtime."""
        classpath = [f"{self.home}/lib/*"]
        flags = [f"-Xms{self.heap}", f"-Xmx{self.heap}", *FLAGS, *self.places(), *more]
        if self.java.version >= 18:
            flags.append("-Djava.security.manager=allow")
        if self.java.lacks_thai():
            classpath.append(f"{self.home}/lib-icu/*")
            flags.append(f"-Djava.security.policy={self.home}/config/icu.policy")
        if os.geteuid() == 0:
            # It refuses to be root, and asks by JNA; without JNA's native part it cannot ask.
            flags += ["-Djna.nounpack=true", f"-Djna.boot.library.path={self.home}/none"]
        settings = {
            "path.data": self.data / "data",
            "path.logs": self.data / "logs",
            "http.port": self.port,
            "transport.port": self.transport_port,
        }
        main = "org.opensearch.bootstrap.OpenSearch"
        chosen = [f"-E{name}={value}" for name, value in settings.items()]
        return [str(self.java.command), *flags, "-cp", ":".join(classpath), main, *chosen]

    def places(self) -> list[str]:
        """Flags that say where things are."""
        scratch = self.data / "tmp"
        return [
            f"-Djava.io.tmpdir={scratch}",
            f"-Djna.tmpdir={scratch}",
            f"-Dopensearch.path.home={self.home}",
            f"-Dopensearch.path.conf={self.home}/config",
        ]

    def make_folders(self) -> None:
        """What the server expects to be there."""
        for name in ("data", "logs", "tmp"):
            (self.data / name).mkdir(parents=True, exist_ok=True)


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Without what would add to the command line."""
    return {name: value for name, value in env.items() if name not in NOT_HANDED_ON}
