"""Starts the whole local stack and stays with it: AWS emulator, Bedrock server, search engine, deployment, edge.

Run as ``python -m local.launcher``; ``local.session`` starts and stops it for the command line. It holds a lock for
as long as it lives, tells what it is doing line by line, and writes endpoint.json when the stack serves. Exit code
0: was told to stop; 75: another one is running; else: that of the part that ended.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from local import cdk
from local.authority import certificates
from local.deployment import deploy
from local.edge_part import Listen, edge
from local.endpoint import Endpoint
from local.environments import ENVIRONMENTS, Unprepared
from local.first_key import NoKey, create_first_key
from local.leftovers import end_leftovers
from local.opensearch.choice import choose
from local.parts import Part, PartFailed, free_port
from local.places import BEDROCK_ENDPOINTS, LOOPBACK, ROOT, Places, default
from local.supervisor import Stopping, Supervisor, stopping_on_signals

ALREADY_RUNNING = 75
ATTACHED_TO = "SLIPSTREAM_ATTACHED_TO"
"""Variable with the process id that the launcher must not outlive."""
ERROR = "error: "
"""What the last words of a launcher begin with that could not go on."""
READY_TIMEOUT_S = 60.0
MODEL = "amazon.nova-lite-v1:0"
VECTORS = ROOT / "samples" / "aws-guides" / "vectors.npz"
"""Of the samples' passages, so that they are loaded in seconds."""


@dataclass(frozen=True)
class Ports:
    """Where the parts listen, on loopback."""

    http: int
    https: int
    bedrock: int
    emulator: int
    opensearch: int

    @classmethod
    def choose(cls, env: Mapping[str, str]) -> Ports:
        """From SLIPSTREAM_PORT, _TLS_PORT, _BEDROCK_PORT, _EMULATOR_PORT, _OPENSEARCH_PORT; free where not set."""
        chosen: list[int] = []
        for part in ("", "TLS_", "BEDROCK_", "EMULATOR_", "OPENSEARCH_"):
            name = f"SLIPSTREAM_{part}PORT"
            value = env.get(name, "0")
            if not value.isdigit() or int(value) > 65535:
                raise PartFailed(f"{name} is {value!r}; it has to be a port number, or 0 for any free one")
            chosen.append(free_port(int(value)))
        return cls(*chosen)


def say(text: str) -> None:
    """One line for whoever started the launcher."""
    print(text, flush=True)


def launch(places: Places, supervisor: Supervisor) -> None:
    """Bring everything up; returns when the stack serves. Raises PartFailed, Unprepared."""
    ports = Ports.choose(os.environ)
    files = certificates(places.folder / "certificates")
    emulator_url, bedrock_url = f"http://{LOOPBACK}:{ports.emulator}", f"http://{LOOPBACK}:{ports.bedrock}"
    engine = choose(os.environ, places.folder / "opensearch", places.log("opensearch"), say, ports.opensearch)
    env = cdk.emulated(os.environ, emulator_url) | dict.fromkeys(BEDROCK_ENDPOINTS, bedrock_url)
    env.pop("OPENSEARCH_URL", None)
    if engine.url:
        env["OPENSEARCH_URL"] = engine.url
    for line in engine.told:
        say(line)
    if engine.part:
        supervisor.serve(engine.part)
    say("starting the AWS emulator and the Bedrock server")
    emulator = emulator_part(places, env, ports.emulator)
    own = ["--port", str(ports.bedrock), "--port-file", str(places.bedrock), "--vectors", str(VECTORS)]
    bedrock = Part(
        "bedrock",
        [sys.executable, "-m", "local.bedrock", *own, *bedrock_options(os.environ)],
        env,
        places.log("bedrock"),
    )
    supervisor.serve(bedrock)
    supervisor.serve(emulator)
    deployment = deploy(places, supervisor, env, lambda: emulator.wait_for_port(ports.emulator, READY_TIMEOUT_S), say)
    bedrock.wait_for_port(ports.bedrock, READY_TIMEOUT_S)
    say("starting the edge")
    front = edge(places, env, deployment, Listen(ports.http, ports.https, files))
    supervisor.serve(front)
    key = create_first_key(env, deployment.output("KeysFunction$"))
    front.wait_for_port(ports.http, READY_TIMEOUT_S)
    front.wait_for_port(ports.https, READY_TIMEOUT_S)
    engine.wait(say)
    base_url = f"http://{LOOPBACK}:{ports.http}"
    Endpoint(
        base_url=base_url,
        https_base_url=f"https://localhost:{ports.https}",
        ca_bundle=str(files.ca_bundle),
        openai_base_url=f"{base_url}/v1",
        api_key=key,
        model=MODEL,
        opensearch_url=engine.url,
        search_engine=engine.kind,
    ).write(places.endpoint)
    if engine.later:
        supervisor.begin(engine.later)


def bedrock_options(env: Mapping[str, str]) -> list[str]:
    """Options of `slipstream bedrock` from SLIPSTREAM_BEDROCK_OPTIONS (``--first-token-ms 50 --token-ms 5``)."""
    return shlex.split(env.get("SLIPSTREAM_BEDROCK_OPTIONS", ""))


def emulator_part(places: Places, env: Mapping[str, str], port: int) -> Part:
    """MiniStack, on loopback, with everything that it writes inside the stack's folder."""
    scratch = places.folder / "emulator"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    settings = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,
        "TMPDIR": str(scratch),
        "STATE_DIR": str(scratch / "state"),
        "S3_DATA_DIR": str(scratch / "s3"),
        "LAMBDA_EXECUTOR": "local",
        "MINISTACK_OPENSEARCH_ENDPOINT": host_and_port(env.get("OPENSEARCH_URL", "")),
    }
    command = [
        str(ENVIRONMENTS["ministack"].python),
        "-P",
        str(ROOT / "local" / "emulator.py"),
        str(ENVIRONMENTS["function"].python),
    ]
    if not ENVIRONMENTS["ministack"].python.exists():
        raise Unprepared("the AWS emulator is not installed: run `make up` or `make demo`, which install it")
    return Part("emulator", command, {**env, **settings}, places.log("emulator"))


def host_and_port(url: str) -> str:
    """As the emulator tells the search domain's endpoint; empty for no URL."""
    parts = urlsplit(url)
    usual = 443 if parts.scheme == "https" else 80
    return f"{parts.hostname}:{parts.port or usual}" if parts.hostname else ""


def hold_lock(places: Places) -> IO[str] | None:
    """The open lock file, or None where another launcher holds it. The kernel lets go when this process ends."""
    places.folder.mkdir(parents=True, exist_ok=True)
    file = places.lock.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def main() -> int:
    """Run the stack until a signal or until a part ends."""
    places = default()
    lock = hold_lock(places)
    if lock is None:
        say("a local stack is already running here (make down stops it)")
        return ALREADY_RUNNING
    supervisor = Supervisor(places, int(os.environ.get(ATTACHED_TO) or 0))
    began = time.monotonic()
    try:
        with stopping_on_signals():
            places.endpoint.unlink(missing_ok=True)
            end_leftovers(places)
            supervisor.record()
            launch(places, supervisor)
            say(f"ready after {time.monotonic() - began:.0f} s")
            supervisor.watch()
    except Stopping:
        return 0
    except (PartFailed, Unprepared, NoKey) as error:
        say(f"{ERROR}{error}")
        return error.code if isinstance(error, PartFailed) else 1
    except Exception as error:
        trace = places.log("failure")
        trace.write_text(traceback.format_exc())
        last = (str(error) or "no more is said").splitlines()[0]
        say(f"{ERROR}the launcher itself failed ({type(error).__name__}: {last}); where it did: {trace}")
        return 1
    finally:
        with suppress(OSError):
            places.endpoint.unlink(missing_ok=True)
        supervisor.stop()
        lock.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
