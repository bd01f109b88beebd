"""The pool of one function's environments."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine

from local.lambda_host.config import HostConfig
from local.lambda_host.environment import Environment
from local.lambda_host.invocation import Answer


class LambdaHost:
    """Runs one function: environments on demand up to a limit, each with one event at a time; a dead one is replaced.

    Use it within one event loop, as an async context manager. ``log`` gets the lines that the function prints.
    """

    def __init__(self, config: HostConfig, log: Callable[[str], None] = lambda _line: None) -> None:
        self.config = config
        self._log = log
        self._environments: set[Environment] = set()
        self._idle: list[Environment] = []
        self._waiting: deque[Answer] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def __aenter__(self) -> LambdaHost:
        for _ in range(self.config.prestarted):
            self._new_environment()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def invoke(self, event: bytes) -> Answer:
        """Run one event; returns as soon as the answer's status and headers are there.

        Raises FunctionFailed when the function fails before that. Cancelling the call abandons the run.
        """
        answer = Answer(event)
        self._place(answer)
        try:
            await answer.begun
        except asyncio.CancelledError:
            if answer in self._waiting:
                self._waiting.remove(answer)
            answer.abandon()
            raise
        return answer

    async def stop(self) -> None:
        """End all environments."""
        self._stopped = True
        for environment in list(self._environments):
            self._spawn(environment.stop())
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def environments(self) -> list[Environment]:
        """Those that live, for tests and the bench."""
        return list(self._environments)

    def _place(self, answer: Answer) -> None:
        if self._idle:
            self._idle.pop().submit(answer)  # the one used last: its caches are warm, others may be let go
        elif len(self._environments) < self.config.max_environments:
            self._new_environment().submit(answer)
        else:
            self._waiting.append(answer)

    def _new_environment(self) -> Environment:
        environment = Environment(self.config, self._changed, self._log)
        self._environments.add(environment)
        self._spawn(environment.start())
        return environment

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _changed(self, environment: Environment) -> None:
        if environment.state == "dead":
            self._environments.discard(environment)
            self._spawn(environment.stop())  # sees the process out
            if environment in self._idle:
                self._idle.remove(environment)
            if self._waiting and not self._stopped:
                self._place(self._waiting.popleft())
        elif self._waiting:
            environment.submit(self._waiting.popleft())
        elif environment not in self._idle:
            self._idle.append(environment)
