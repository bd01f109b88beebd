"""OpenSearch's official image, where a Docker engine answers. It has faiss, which the Maven artifacts lack."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping

from local.environments import Unprepared
from local.opensearch.server import HEAP
from local.places import LOOPBACK, ROOT

IMAGE = "opensearchproject/opensearch:2.19.1"
ANSWER_TIMEOUT_S = 10.0
SETTINGS = {
    "discovery.type": "single-node",
    "cluster.routing.allocation.disk.threshold_enabled": "false",
    "node.attr.native_knn": "true",
    "DISABLE_SECURITY_PLUGIN": "true",
    "DISABLE_INSTALL_DEMO_CONFIG": "true",
    "OPENSEARCH_JAVA_OPTS": f"-Xms{HEAP} -Xmx{HEAP}",
}


def require(env: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Raise Unprepared unless an engine answers and has the image, or can pull it."""
    docker = shutil.which("docker", path=env.get("PATH"))
    if not docker:
        raise Unprepared("there is no `docker` command")
    if not succeeds(env, docker, "version", "--format", "{{.Server.Version}}"):
        raise Unprepared("no Docker engine answers (`docker version` says why)")
    if succeeds(env, docker, "image", "inspect", IMAGE):
        return
    say(f"docker pull {IMAGE} (the first time, some minutes)")
    done = subprocess.run(
        [docker, "pull", "--quiet", IMAGE], env=dict(env), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Unprepared(f"`docker pull {IMAGE}` failed: {done.stderr.strip()}")


def succeeds(env: Mapping[str, str], *command: str) -> bool:
    """Whether a command ends well, and soon: an engine that hangs is none."""
    try:
        done = subprocess.run(command, env=dict(env), capture_output=True, check=False, timeout=ANSWER_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def command(port: int) -> list[str]:
    """Runs it in the foreground, so that it ends with its part; the label tells a leftover's origin."""
    settings = [word for name, value in SETTINGS.items() for word in ("--env", f"{name}={value}")]
    where = ["--publish", f"{LOOPBACK}:{port}:9200", "--label", f"slipstream.root={ROOT}"]
    return ["docker", "run", "--rm", *where, *settings, IMAGE]
