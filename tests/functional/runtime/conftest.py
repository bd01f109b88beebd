from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from local.lambda_host import HostConfig, LambdaHost

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def task_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What /var/task holds: the sources under test, msgspec, the wrapper and the test's applications."""
    root = tmp_path_factory.mktemp("task")
    (root / "slipstream").symlink_to(ROOT / "lambdas" / "slipstream")
    (root / "handlers").symlink_to(ROOT / "lambdas" / "handlers")
    (root / "msgspec").symlink_to(Path(msgspec.__file__).parent)
    shutil.copy(ROOT / "lambdas" / "bootstrap.sh", root)
    shutil.copy(Path(__file__).with_name("apps.py"), root)
    return root


@pytest.fixture(scope="session")
def config(task_root: Path) -> HostConfig:
    return HostConfig(
        task_root=task_root,
        handler="apps.build",
        environment={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/bootstrap.sh"},
        max_environments=1,
    )


def event(path: str, **changes: Any) -> bytes:
    """A REST proxy event for ``path``."""
    value: dict[str, Any] = {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": "GET",
        "multiValueHeaders": {"Accept": ["*/*"]},
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "requestContext": {"requestId": "req-1", "stage": "prod", "path": f"/prod{path}"},
        "body": None,
        "isBase64Encoded": False,
    }
    return json.dumps(value | changes).encode()


@dataclass
class Control:
    """The test's end of the socket over which an application asks and is answered."""

    listener: socket.socket
    peers: list[socket.socket] = field(default_factory=list)

    @property
    def query(self) -> dict[str, list[str]]:
        return {"control": [str(self.listener.getsockname()[1])]}

    async def accept(self) -> socket.socket:
        peer, _ = await asyncio.get_running_loop().sock_accept(self.listener)
        self.peers.append(peer)
        return peer


@pytest.fixture
def control() -> Iterator[Control]:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    control = Control(listener)
    yield control
    for opened in (listener, *control.peers):
        opened.close()


@dataclass
class Running:
    host: LambdaHost
    lines: list[str]
    more: asyncio.Event

    async def line(self, text: str) -> str:
        """The line with ``text``, once the function has printed it: what it logs may come after its last byte."""
        while not (found := [line for line in self.lines if text in line]):
            self.more.clear()
            await self.more.wait()
        return found[0]

    async def get(self, path: str, **changes: Any) -> tuple[int, bytes]:
        answer = await self.host.invoke(event(path, **changes))
        return answer.status, b"".join([chunk async for chunk in answer])


@pytest.fixture
def run(config: HostConfig) -> Callable[..., None]:
    """Run a coroutine function with a host of its own; keyword arguments change the host's configuration."""

    @asynccontextmanager
    async def hosted(**changes: Any) -> AsyncIterator[Running]:
        lines: list[str] = []
        more = asyncio.Event()

        def log(line: str) -> None:
            lines.append(line)
            more.set()

        async with LambdaHost(replace(config, **changes), log) as host:
            yield Running(host, lines, more)

    def runner(test: Callable[[Running], Awaitable[None]], **changes: Any) -> None:
        async def inside() -> None:
            async with hosted(**changes) as running:
                await asyncio.wait_for(test(running), 30)

        asyncio.run(inside())

    return runner
