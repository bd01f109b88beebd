"""One execution environment: a process, its Runtime API, one event at a time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import uuid
from collections import deque
from collections.abc import Callable
from time import perf_counter, time
from typing import Literal

from local.lambda_host.config import HostConfig
from local.lambda_host.invocation import Answer, FunctionFailed
from local.lambda_host.runtime_connection import RuntimeConnection

ACCOUNT = "000000000000"
LOG_TAIL_LINES = 30
State = Literal["init", "idle", "busy", "dead"]


class Environment:
    """``changed`` is called whenever it becomes idle or dies; ``log`` gets each line that the function prints."""

    def __init__(self, config: HostConfig, changed: Callable[[Environment], None], log: Callable[[str], None]) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.state: State = "init"
        self.started_s = perf_counter()
        self.init_ms: float | None = None
        self.log_tail: deque[str] = deque(maxlen=LOG_TAIL_LINES)
        self._config, self._changed, self._log = config, changed, log
        self._queued: Answer | None = None
        self._answer: Answer | None = None
        self._init_error: FunctionFailed | None = None
        self._poller: RuntimeConnection | None = None
        self._connections: set[RuntimeConnection] = set()
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._server: asyncio.Server | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Listen, start the process and return; ``changed`` tells when it is ready, or dead."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: RuntimeConnection(self), "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self._timer = loop.call_later(self._config.init_timeout_s, self._init_timed_out)
        self.started_s = perf_counter()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._config.command(),
                env=self._config.variables(f"{host}:{port}", self.id),
                cwd=self._config.task_root,
                start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=1 << 20,
            )
        except OSError as error:
            self._die(FunctionFailed("Runtime.InvalidEntrypoint", str(error)))
            return
        self._watch = asyncio.ensure_future(self._follow(self._process))
        if self.state == "dead":
            self._kill()

    def submit(self, answer: Answer) -> None:
        """Hand over an event; it waits for the next poll where none is open (during init)."""
        self._queued = answer
        answer.on_abandon = self._abandon
        answer.on_flow = self._flow
        if self.state == "dead":
            answer.fail(FunctionFailed("Runtime.ExitError", "the environment is gone", tuple(self.log_tail)))
        elif self._poller is not None:
            self._deliver(self._poller)

    @property
    def pid(self) -> int | None:
        """Process id of the function, once it runs."""
        return None if self._process is None else self._process.pid

    async def stop(self) -> None:
        """End the process and wait for it."""
        self._die(FunctionFailed("Sandbox.Shutdown"))
        if self._watch is not None:
            await self._watch
        if self._server is not None:
            await self._server.wait_closed()

    # -- what the process says on the Runtime API

    def polled(self, connection: RuntimeConnection) -> None:
        """The loop asks for the next event: the one before is settled."""
        self._cancel_timer()
        self._poller = connection
        if self.init_ms is None:
            self.init_ms = (perf_counter() - self.started_s) * 1000
        if self._answer is not None:
            self._answer.fail(FunctionFailed("Runtime.NoResponse", "the next event was asked for without an answer"))
            self._answer = None
        if self._queued is not None and not self._queued.ended:
            self._deliver(connection)
            return
        self._queued = None
        self.state = "idle"
        self._changed(self)

    def _deliver(self, connection: RuntimeConnection) -> None:
        self._answer, self._queued = self._queued, None
        if self._answer is None:
            return
        self.state, self._poller = "busy", None
        deadline_ms = int((time() + self._config.timeout_s) * 1000)
        arn = f"arn:aws:lambda:{self._config.region}:{ACCOUNT}:function:{self._config.function_name}"
        connection.reply_event(self._answer, deadline_ms, arn)
        self._timer = asyncio.get_running_loop().call_later(self._config.timeout_s, self._timed_out)

    def answer_of(self, request_id: str) -> Answer | None:
        """The answer that a POST with this request id may still give."""
        answer = self._answer
        return answer if answer is not None and answer.request_id == request_id and not answer.ended else None

    def invocation_failed(self, answer: Answer, kind: str, detail: str) -> None:
        """The loop reports an error of the function; the environment lives on."""
        answer.fail(FunctionFailed(kind, detail, tuple(self.log_tail)))

    def init_failed(self, kind: str, detail: str) -> None:
        """The loop could not start. Whoever waits is told when the process has ended and its log is complete."""
        self._init_error = FunctionFailed(kind or "Runtime.InitError", detail)

    def opened(self, connection: RuntimeConnection) -> None:
        """A connection to the Runtime API has been made."""
        self._connections.add(connection)
        self._none_open.clear()

    def closed(self, connection: RuntimeConnection) -> None:
        """One has been closed."""
        self._connections.discard(connection)
        if not self._connections:
            self._none_open.set()
        if self._poller is connection:
            self._poller = None

    # -- how it ends

    def _abandon(self) -> None:
        """Close what the answer comes through. The polling connection stays: the environment is not at fault."""
        for connection in list(self._connections):
            if not connection.polls:
                connection.close()
        for answer in (self._queued, self._answer):
            if answer is not None:
                answer.fail(FunctionFailed("Client.Gone"))

    def _flow(self, flowing: bool) -> None:
        for connection in self._connections:
            if not connection.polls:
                connection.flow(flowing)

    def _timed_out(self) -> None:
        if self.state == "busy":
            self._die(FunctionFailed("Sandbox.Timedout", f"Task timed out after {self._config.timeout_s:.2f} seconds"))

    def _init_timed_out(self) -> None:
        if self.state == "init":
            self._die(FunctionFailed("Sandbox.Timedout", f"init took over {self._config.init_timeout_s:g} seconds"))

    async def _follow(self, process: asyncio.subprocess.Process) -> None:
        """Read the log until the process ends, then report how."""
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for
        while line := await _line(process.stdout):
            text = line.decode("utf-8", "replace").rstrip()
            self.log_tail.append(text)
            self._log(text)
        code = await process.wait()
        await self._none_open.wait()  # what it said before it ended may still lie in its sockets
        self._die(self._init_error or FunctionFailed("Runtime.ExitError", f"the process ended with status {code}"))

    def _die(self, error: FunctionFailed) -> None:
        if self.state == "dead":
            return
        self.state = "dead"
        self._cancel_timer()
        error.log_tail = error.log_tail or tuple(self.log_tail)
        for answer in (self._queued, self._answer):
            if answer is not None:
                answer.fail(error)
        self._kill()
        for connection in list(self._connections):
            connection.close()
        if self._server is not None:
            self._server.close()
        self._changed(self)

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # a line over the limit: asyncio has dropped it
        return b"(a log line of more than 1 MB)\n"
