"""Where a bundle is to run: the interpreter and platform its wheels and bytecode are for."""

from __future__ import annotations

import platform
import sys
import sysconfig
from dataclasses import dataclass
from typing import Literal

Architecture = Literal["arm64", "x86_64"]
CLOUD_PYTHON = "3.13"


@dataclass(frozen=True, slots=True)
class Target:
    """``python`` is ``major.minor``; ``platforms`` are pip's tags, empty for this very machine."""

    python: str
    architecture: Architecture
    platforms: tuple[str, ...] = ()

    @classmethod
    def cloud(cls, architecture: Architecture = "arm64") -> Target:
        """Lambda's managed Python (Amazon Linux 2023, glibc 2.34)."""
        machine = "aarch64" if architecture == "arm64" else "x86_64"
        names = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_26", "manylinux_2_17", "manylinux2014")
        tags = tuple(f"{name}_{machine}" for name in names)
        return cls(CLOUD_PYTHON, architecture, tags)

    @classmethod
    def local(cls) -> Target:
        """The machine and interpreter at hand, which the emulator and the local Lambda host run functions with."""
        arm = platform.machine().lower() in {"arm64", "aarch64"}
        return cls(f"{sys.version_info.major}.{sys.version_info.minor}", "arm64" if arm else "x86_64")

    @property
    def is_local(self) -> bool:
        """True where no cross-installation is needed."""
        return not self.platforms

    @property
    def tag(self) -> str:
        """File-name-safe name of the target, the same for equal targets on equal machines."""
        where = sysconfig.get_platform() if self.is_local else f"lambda-{self.architecture}"
        return f"py{self.python}-{where}"

    def pip_options(self) -> list[str]:
        """Options that make pip choose this target's wheels and nothing that needs a compiler."""
        options = ["--only-binary=:all:"]
        if not self.is_local:
            options += ["--implementation=cp", f"--python-version={self.python}"]
            options += [f"--platform={tag}" for tag in self.platforms]
        return options
