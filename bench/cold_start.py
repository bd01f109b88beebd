"""Cold start: process start → first byte of a streamed chat completion, over the bundle that is deployed.

Own streaming loop at full CPU and at 0.29 vCPU (512 MB of Lambda memory: 512/1769), interleaved with the managed
runtime's buffering loop over the same application, and with the AWS Lambda Web Adapter where its binary is given
(``--web-adapter PATH``; else its recorded figures are quoted, labelled). The model service is the local double without
any pace, so what is measured is ours. A deployed function calls it over TLS, which costs the first request the module,
the system's authorities and a handshake: that is a row of its own, the others call over plain http. Not in it: the
micro-VM's start, the code's download and the network's round trips.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import ssl
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.cpu_limit import cpu_limit
from bench.overhead import openai_body
from bench.processes import running
from bench.results import spread, write
from bench.web_adapter import behind_web_adapter
from local.authority import certificates
from local.edge.event import encode_event, proxy_event
from local.edge.routes import Method
from local.lambda_host import HostConfig, LambdaHost
from stacks.constructs.bundle import Bundle
from stacks.constructs.target import Target

SHARE = 0.29
FOLDER = Path("build/bench/run")
BUFFERED_RUNTIME = Path("build/tools/awslambdaric")
RECORDED = {
    "web adapter 1.0.0 (recorded)": {"first_byte_ms": {"min": 299.0, "p50": 450.0}, "recorded": "2026-11-23"},
    "web adapter 1.0.0, 0.29 vCPU (recorded)": {"first_byte_ms": {"p50": 1105.0}, "recorded": "2026-11-23"},
}
"""AWS Lambda Web Adapter with uvicorn and Starlette, measured once on a machine of this kind; not measured here."""


def event() -> bytes:
    """The REST proxy event of a streamed chat completion with a key."""
    asked = proxy_event(
        method=Method("r1", "/v1/{proxy+}", ""), verb="POST", path="/v1/chat/completions", query="",
        headers=[("Host", "localhost"), ("Content-Type", "application/json")], parameters={"proxy": "chat/completions"},
        stage="prod", api_id="bench", request_id="bench", source_ip="127.0.0.1",
    )  # fmt: skip
    principal = {"key_id": "bench", "tenant": "bench", "scopes": "invoke", "models": ""}
    asked["requestContext"]["authorizer"] = principal
    return encode_event(asked, json.dumps(openai_body(stream=True)).encode(), binary=False)


async def cold(config: HostConfig, request: bytes) -> dict[str, float]:
    """Start one environment for one request; ms from its start to the end of init and to the first byte.

    Raises FunctionFailed when it cannot start, RuntimeError when it does not answer 200 with a body.
    """
    async with LambdaHost(config) as host:
        began = perf_counter()
        answer = await host.invoke(request)
        first = await anext(aiter(answer), b"")
        first_byte_ms = (perf_counter() - began) * 1000
        if answer.status != 200 or not first:
            raise RuntimeError(f"status {answer.status}: {first[:300]!r}")
        return {"init_ms": host.environments[0].init_ms or 0.0, "first_byte_ms": first_byte_ms}


def own_loop(task_root: Path, endpoint: str) -> HostConfig:
    """The deployed bundle under our loop, with the model service at ``endpoint``."""
    return HostConfig(
        task_root=task_root,
        handler="handlers.chat.build",
        environment={
            "AWS_LAMBDA_EXEC_WRAPPER": "/var/task/bootstrap.sh",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": endpoint,
        },
        max_environments=1,
        init_timeout_s=60,
    )


def over_tls(own: HostConfig, endpoint: str, ca_bundle: Path) -> HostConfig:
    """The same with the model service behind TLS, as a deployed function finds it."""
    variables = {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": endpoint, "AWS_CA_BUNDLE": str(ca_bundle)}
    return replace(own, environment={**own.environment, **variables})


def trusted(authority: Path, bundle: Path) -> Path:
    """Write ``bundle``: all that this system trusts, which a deployed function loads too, and ``authority``."""
    system = ssl.get_default_verify_paths().cafile
    known = Path(system).read_bytes() if system is not None else b""
    bundle.write_bytes(known + b"\n" + authority.read_bytes())
    return bundle


def buffered(own: HostConfig, task_root: Path) -> HostConfig | None:
    """The same bundle under awslambdaric, or None where that is not installed (tools/awslambdaric.txt)."""
    packages = next(iter(BUFFERED_RUNTIME.glob("lib/python3*/site-packages")), None)
    if packages is None:
        return None
    shutil.copytree(own.task_root, task_root, dirs_exist_ok=True)
    shutil.copy(Path(__file__).with_name("buffered_handler.py"), task_root)
    environment = {name: value for name, value in own.environment.items() if name != "AWS_LAMBDA_EXEC_WRAPPER"}
    paths = os.pathsep.join([str(task_root), str(packages.resolve())])
    return replace(
        own,
        task_root=task_root,
        handler="buffered_handler.handler",
        environment={**environment, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def run(
    *, rounds: int = 15, web_adapter: Path | None = None, tick: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Measure ``rounds`` cold starts of each way, in turn; ``web_adapter`` is the adapter's binary.

    Raises BundleError, FunctionFailed, RuntimeError, PermissionError.
    """
    with ExitStack() as stack:
        files = certificates(FOLDER / "tls")
        options = ["--first-token-ms", "0", "--token-ms", "0"]
        options += ["--tls-port", "0", "--tls-cert", str(files.certificate), "--tls-key", str(files.key)]
        command = [sys.executable, "-m", "local.bedrock", *options]
        double = stack.enter_context(running(command, environ={}, folder=FOLDER, name="cold-start-double"))
        task_root = Bundle("chat", Target.local()).build()
        own = own_loop(task_root, f"http://127.0.0.1:{double.port}")
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slipstream-cold-")))
        other = buffered(own, scratch / "task")
        limit = stack.enter_context(cpu_limit(SHARE))
        bundle = trusted(files.ca_bundle, scratch / "trusted.pem")
        secured = over_tls(own, f"https://127.0.0.1:{double.tls_port}", bundle)
        ways = {"own loop": own, "own loop over https": secured}
        if other is not None:
            ways["buffered runtime"] = other
        if web_adapter is not None:
            (scratch / "adapter").mkdir()
            ways[f"web adapter ({web_adapter.name})"] = behind_web_adapter(own, web_adapter, scratch / "adapter")
        if limit is not None:
            ways |= {f"{name}, {SHARE} vCPU": replace(way, launch_prefix=limit) for name, way in ways.items()}
        samples: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
        for number in range(rounds + 1):
            for name, way in ways.items():
                sample = asyncio.run(cold(way, event()))
                if number:  # the first round reads the files into the page cache
                    samples[name].append(sample)
                tick()
        found = summary(samples, limit is not None, task_root)
        if web_adapter is None:
            found["runtimes"] |= RECORDED
        return found


def summary(samples: dict[str, list[dict[str, float]]], limited: bool, task_root: Path) -> dict[str, Any]:
    """The result's JSON; what was not measured says so."""
    runtimes: dict[str, Any] = {}
    for name, rows in samples.items():
        runtimes[name] = {"samples": len(rows)}
        for key in ("init_ms", "first_byte_ms"):
            values = [row[key] for row in rows]
            runtimes[name][key] = {"min": round(min(values), 1), **{k: round(v, 1) for k, v in spread(values).items()}}
    size = sum(path.stat().st_size for path in task_root.rglob("*") if path.is_file())
    return {
        "runtimes": runtimes,
        "cpu_limit": f"{SHARE} vCPU by control group" if limited else "not to be had on this machine",
        "bundle_mb": round(size / 1e6, 1),
    }


def main(argv: list[str] | None = None) -> int:
    """Measure, write build/bench/cold-start.json, print it with ``--json`` or as a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.cold_start", description=main.__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output, nothing else there")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--web-adapter", type=Path, help="the AWS Lambda Web Adapter's binary: measure it too")
    options = parser.parse_args(argv)
    result = run(rounds=options.rounds, web_adapter=options.web_adapter)
    write("cold-start", result)
    if options.json:
        print(json.dumps(result))
        return 0
    for name, row in result["runtimes"].items():
        first = row["first_byte_ms"]
        print(f"{name:<42} min {first.get('min', float('nan')):>7} ms   p50 {first['p50']:>7} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
