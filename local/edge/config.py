"""The edge's configuration file (JSON), written by the launcher."""

from __future__ import annotations

from pathlib import Path

import msgspec


class EdgeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Port 0 takes a free one; ``https_port`` None: no TLS. ``ready_file`` gets the ports as JSON once it serves.

    ``variables``: what a function's process gets besides its deployed environment (SDK endpoints, credentials).
    ``work_dir`` takes the unpacked code of the streamed functions and their logs.
    """

    emulator_url: str
    api_id: str
    stage: str
    work_dir: str
    region: str = "us-east-1"
    http_port: int = 0
    https_port: int | None = None
    certificate: str | None = None
    private_key: str | None = None
    ready_file: str | None = None
    variables: dict[str, str] = {}
    max_environments: int = 10
    prestarted: int = 0


def read_config(path: Path) -> EdgeConfig:
    """Read and check the file. Raises msgspec.ValidationError that names the field, or OSError."""
    return msgspec.json.decode(path.read_bytes(), type=EdgeConfig)
