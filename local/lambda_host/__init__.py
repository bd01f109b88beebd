"""A Lambda host for one machine: execution environments, the Runtime API and streamed answers; no Docker."""

from local.lambda_host.config import HostConfig
from local.lambda_host.host import LambdaHost
from local.lambda_host.invocation import Answer, FunctionFailed

__all__ = ["Answer", "FunctionFailed", "HostConfig", "LambdaHost"]
