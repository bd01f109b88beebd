"""A local server in a thread, on a real socket, with real clients."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from typing import Any

import boto3
from aiohttp import web
from botocore.config import Config
from openai import OpenAI

from local.bedrock.server import create_app
from local.bedrock.settings import Settings

QUICK = {"first_token_ms": 1, "token_ms": 0}


class Running:
    """Start with ``with Running(Settings(…)) as server``."""

    def __init__(self, settings: Settings, clock: Any = None) -> None:
        self._settings, self._clock = settings, clock
        self._ready = threading.Event()
        self._closers: list[Any] = []
        self.port = 0

    def __enter__(self) -> Running:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._closers:
            client.close()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = create_app(self._settings, clock=self._clock)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def boto(self, service: str = "bedrock-runtime", secret: str = "test", **headers: str) -> Any:
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
        )
        if headers:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            client.meta.events.register("before-call", lambda params, **_: params["headers"].update(named))
        self._closers.append(client)
        return client

    def openai(self, prefix: str = "/openai/v1", **headers: str) -> OpenAI:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client = OpenAI(base_url=self.url + prefix, api_key="key", max_retries=0, default_headers=named)
        self._closers.append(client)
        return client

    def control(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """POST where there is a body, else GET."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + "/__double/" + path, data=data)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.loads(response.read())

    def clear_faults(self) -> dict[str, Any]:
        request = urllib.request.Request(self.url + "/__double/faults", method="DELETE")
        with urllib.request.urlopen(request, timeout=10) as response:
            return dict(json.loads(response.read()))


def says(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": [{"text": text}]}


def text_of(stream: Any) -> str:
    return "".join(e["contentBlockDelta"]["delta"].get("text", "") for e in stream if "contentBlockDelta" in e)
