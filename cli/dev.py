"""``slipstream dev``: the chat function in one threaded process that starts again when its code changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

import click

from local.deployment import RERANK_MODEL
from local.environments import Unprepared
from local.opensearch.choice import choose
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
    """Serve the gateway from the working tree: no emulator, no key, reloads on change. Ctrl-C ends it.

    Indexes, search and answers run on the search engine that the local stack would take (SLIPSTREAM_SEARCH).
    """
    from watchfiles import PythonFilter, watch

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "lambdas")])}
    double: Part | None = None
    engine: Part | None = None
    gateway: Gateway | None = None
    try:
        port = free_port(port)
        engine = start_engine(environ)
        double = None if real else start_double(environ)
        options = ["--indexes"] if find_engine(environ) else []
        gateway = Gateway([sys.executable, "-m", "slipstream.runtime.serve", "--port", str(port), *options], environ)
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
            if engine is not None:
                engine.check()
    except (PartFailed, Unprepared) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
    finally:
        for part in (gateway, double, engine):
            if part is not None:
                with suppress(KeyboardInterrupt):
                    part.stop()


def find_engine(environ: Mapping[str, str]) -> str:
    """Where searches go; empty where there is no search."""
    return environ.get("OPENSEARCH_URL") or environ.get("SLIPSTREAM_SEARCH_ENDPOINT") or ""


def start_engine(environ: dict[str, str]) -> Part | None:
    """The search engine as the local stack would choose it; ``environ`` learns where it is. A search domain that is
    set stays. None where nothing has to be started. Nobody waits for it. Raises PartFailed, Unprepared.
    """
    if environ.get("SLIPSTREAM_SEARCH_ENDPOINT") and not environ.get("OPENSEARCH_URL"):
        return None
    places = default()
    chosen = choose(environ, places.folder / "dev-opensearch", places.log("dev-opensearch"), click.echo)
    for line in chosen.told:
        click.echo(line)
    environ.pop("OPENSEARCH_URL", None)
    if chosen.url:
        environ["OPENSEARCH_URL"] = chosen.url
    if chosen.part is not None:
        chosen.part.start()
    return chosen.part


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
    environ["SLIPSTREAM_RERANK_MODEL"] = RERANK_MODEL
    return double
