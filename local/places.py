"""Where the local stack keeps its things."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "build" / "tools"
LOOPBACK = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "000000000000"
BEDROCK_ENDPOINTS = tuple(
    f"AWS_ENDPOINT_URL_{service}"
    for service in ("BEDROCK", "BEDROCK_RUNTIME", "BEDROCK_MANTLE", "BEDROCK_AGENT_RUNTIME")
)
"""The SDKs' variables that lead to the local Bedrock server."""


@dataclass(frozen=True)
class Places:
    """One local stack's folder: its log files, certificates, lock and endpoint."""

    folder: Path

    @property
    def endpoint(self) -> Path:
        """What clients need; there while the stack serves."""
        return self.folder / "endpoint.json"

    @property
    def lock(self) -> Path:
        """Locked by the launcher for as long as it lives."""
        return self.folder / "lock"

    @property
    def processes(self) -> Path:
        """The launcher's and its parts' process ids."""
        return self.folder / "processes.json"

    @property
    def bedrock(self) -> Path:
        """The Bedrock server's port, as JSON."""
        return self.folder / "bedrock.json"

    @property
    def launcher_log(self) -> Path:
        """What the launcher says."""
        return self.log("launcher")

    @property
    def earlier_log(self) -> Path:
        """What the launcher before this one said."""
        return self.folder / "launcher.log.1"

    def log(self, part: str) -> Path:
        """A part's log file."""
        return self.folder / f"{part}.log"


def default() -> Places:
    """``build/local``, or the folder named by SLIPSTREAM_LOCAL_DIR: stacks in different folders run side by side."""
    return Places(Path(os.environ.get("SLIPSTREAM_LOCAL_DIR") or ROOT / "build" / "local").resolve())
