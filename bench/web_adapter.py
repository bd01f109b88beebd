"""The same bundle behind an AWS Lambda Web Adapter, for `bench cold-start --web-adapter PATH`.

In Lambda the adapter is an external extension: it is started beside the function's own process, registers with the
Extensions API, waits until the application answers its readiness check, and then speaks the Runtime API for it. Here
one shell does the starting; the local Lambda host answers both as Lambda does.
https://github.com/awslabs/aws-lambda-web-adapter
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from local.lambda_host import HostConfig

READINESS_PATH = "/healthz"
LAUNCH = (
    '"$SLIPSTREAM_WEB_ADAPTER" & adapter=$!; "$LAMBDA_TASK_ROOT/$_HANDLER" & application=$!; '
    'trap "kill $adapter $application" EXIT; wait $adapter'
)


def behind_web_adapter(own: HostConfig, adapter: Path, folder: Path) -> HostConfig:
    """``own``'s bundle under ``run.sh`` and ``adapter``, as `streaming_host = web_adapter` deploys it.

    ``folder`` gets the ``python3`` that run.sh looks for. Raises PermissionError for a file that cannot be run.
    """
    if not adapter.stat().st_mode & 0o111:
        raise PermissionError(f"{adapter} is not executable: chmod +x it, or give the binary itself, not its archive")
    (folder / "python3").symlink_to(own.python)
    wrapper = folder / "launch.sh"
    wrapper.write_text(f"#!/bin/sh\n{LAUNCH}\n")
    wrapper.chmod(0o755)
    kept = {name: value for name, value in own.environment.items() if name != "AWS_LAMBDA_EXEC_WRAPPER"}
    return replace(own, handler="run.sh", environment={**kept, **variables(adapter, wrapper, folder, free_port())})


def variables(adapter: Path, wrapper: Path, folder: Path, port: int) -> Mapping[str, str]:
    """What the deploy setting sets, and where things are here."""
    return {
        "AWS_LAMBDA_EXEC_WRAPPER": str(wrapper),
        "AWS_LWA_INVOKE_MODE": "response_stream",
        "AWS_LWA_PORT": str(port),
        "AWS_LWA_READINESS_CHECK_PATH": READINESS_PATH,
        "PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin",
        "SLIPSTREAM_WEB_ADAPTER": str(adapter.resolve()),
    }


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
