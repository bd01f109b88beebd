"""``slipstream dev``: the chat function in one threaded process that starts again when its code changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from local.parts import Part, free_port
from local.places import LOOPBACK, REGION, ROOT, default


@click.command("dev")
@click.option("--port", type=int, default=8080, show_default=True, help="Port on the loopback interface.")
@click.option("--real", is_flag=True, help="Call Amazon Bedrock with your own credentials, not the local server.")
def dev(port: int, real: bool) -> None:
    """Serve the gateway from the working tree: no emulator, no key, reloads on change. Ctrl-C ends it."""
    from watchfiles import PythonFilter, run_process

    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "lambdas")])}
    double = None if real else _start_double(environ)
    command = [sys.executable, "-m", "slipstream.runtime.serve", "--port", str(port)]
    click.echo(f"OpenAI's wire: http://{LOOPBACK}:{port}/v1   Bedrock's: http://{LOOPBACK}:{port}   (any key)")
    try:
        run_process(ROOT / "lambdas", target=_serve, args=(command, environ), watch_filter=PythonFilter())
    finally:
        if double is not None:
            double.stop()


def _start_double(environ: dict[str, str]) -> Part:
    port = free_port()
    log = default().log("dev-bedrock")
    double = Part("local Bedrock", [sys.executable, "-m", "local.bedrock", "--port", str(port)], environ, log)
    double.start()
    double.wait_for_port(port, 30)
    url = f"http://{LOOPBACK}:{port}"
    environ |= {f"AWS_ENDPOINT_URL_{name}": url for name in ("BEDROCK", "BEDROCK_RUNTIME", "BEDROCK_MANTLE")}
    environ |= {"AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    return double


def _serve(command: list[str], environ: dict[str, str]) -> None:
    """Run in the watcher's child, which is ended and started again at each change."""
    sys.exit(subprocess.run(command, env=environ, cwd=Path.cwd(), check=False).returncode)
