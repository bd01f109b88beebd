"""``slipstream dev``: the chat function in one threaded process that starts again when its code changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

import click

from local.parts import STOP_GRACE_S, Part, PartFailed, end_with_parent, ending, free_port, signal_group
from local.places import BEDROCK_ENDPOINTS, LOOPBACK, REGION, ROOT, default

LOOK_MS = 500
"""How often it is seen whether the gateway still runs."""


class Gateway:
    """The server process, in a group of its own so that Ctrl-C reaches it through us alone; it writes to our terminal.

    Use from the main thread: the process ends with the thread that started it.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self._command, self._environ = command, environ
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it anew."""
        self._process = subprocess.Popen(
            self._command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  only prctl in there
        )

    def look(self) -> None:
        """Say it once if it has ended by itself: code that cannot be imported is mended, and saved again."""
        code = None if self._process is None else self._process.poll()
        if code is not None:
            self._process = None
            click.echo(f"the gateway ended with {ending(code)}; it starts again when a file changes", err=True)

    def stop(self) -> None:
        """End it; returns once it is gone and its port is free."""
        if self._process is None:
            return
        signal_group(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            signal_group(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None


@click.command("dev")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="On loopback; 0: any.")
@click.option("--real", is_flag=True, help="Call Amazon Bedrock with your own credentials, not the local server.")
def dev(port: int, *, real: bool) -> None:
    """Serve the gateway from the working tree: no emulator, no key, reloads on change. Ctrl-C ends it."""
    from watchfiles import PythonFilter, watch

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "lambdas")])}
    double: Part | None = None
    gateway: Gateway | None = None
    try:
        port = free_port(port)
        double = None if real else start_double(environ)
        gateway = Gateway([sys.executable, "-m", "slipstream.runtime.serve", "--port", str(port)], environ)
        gateway.start()
        click.echo(f"OpenAI's wire: http://{LOOPBACK}:{port}/v1   Bedrock's: http://{LOOPBACK}:{port}   (any key)")
        changes = watch(
            ROOT / "lambdas", watch_filter=PythonFilter(), rust_timeout=LOOK_MS, yield_on_timeout=True, debounce=200
        )
        for changed in changes:
            if changed:
                click.echo(f"{len(changed)} changed, starting again", err=True)
                gateway.stop()
                gateway.start()
            gateway.look()
    except PartFailed as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
    finally:
        for part in (gateway, double):
            if part is not None:
                with suppress(KeyboardInterrupt):
                    part.stop()


def start_double(environ: dict[str, str]) -> Part:
    """The local Bedrock server; ``environ`` learns where it is. Raises PartFailed."""
    port = free_port()
    log = default().log("dev-bedrock")
    double = Part("local Bedrock", [sys.executable, "-m", "local.bedrock", "--port", str(port)], environ, log)
    double.start()
    try:
        double.wait_for_port(port, 30)
    except BaseException:
        double.stop()
        raise
    url = f"http://{LOOPBACK}:{port}"
    environ |= dict.fromkeys(BEDROCK_ENDPOINTS, url)
    environ |= {"AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    return double
