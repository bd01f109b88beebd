"""What one function's host is told."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TASK_ROOT = "/var/task"
"""Where Lambda unpacks a bundle; paths under it in the function's settings mean ``HostConfig.task_root`` here."""


@dataclass(frozen=True, slots=True)
class HostConfig:
    """``environment``: the function's own variables, and whatever endpoints and credentials it is to see.

    Nothing of the host's own environment is passed on. ``launch_prefix`` is put before the command line (the
    bench enters a CPU-limited control group with it).
    """

    task_root: Path
    handler: str
    environment: Mapping[str, str] = field(default_factory=dict)
    function_name: str = "chat"
    region: str = "us-east-1"
    memory_mb: int = 512
    timeout_s: float = 900.0
    init_timeout_s: float = 10.0
    max_environments: int = 10
    prestarted: int = 0
    initialization_type: str = "on-demand"
    python: str = getattr(sys, "_base_executable", sys.executable)
    launch_prefix: tuple[str, ...] = ()

    def command(self) -> list[str]:
        """Command line of the managed runtime, behind the exec wrapper where one is set."""
        runtime = [self.python, "-m", "awslambdaric", self.handler]
        wrapper = self.environment.get("AWS_LAMBDA_EXEC_WRAPPER")
        if wrapper is not None:
            runtime.insert(0, self._local(wrapper))
        return [*self.launch_prefix, *runtime]

    def variables(self, runtime_api: str, environment_id: str) -> dict[str, str]:
        """The environment of a function's process, as Lambda sets it."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": str(self.task_root),
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "_HANDLER": self.handler,
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python3.{sys.version_info.minor}",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_LAMBDA_FUNCTION_NAME": self.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": self.initialization_type,
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.function_name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"local/{environment_id}",
            **{name: self._local(value) for name, value in self.environment.items()},
        }

    def _local(self, value: str) -> str:
        return str(self.task_root) + value[len(TASK_ROOT) :] if value.startswith(f"{TASK_ROOT}/") else value
