"""Sends one answer at its pace, with its faults, and notices who has left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator

import msgspec
from aiohttp import web

from local.bedrock import tokens
from local.bedrock.engine import Engine
from local.bedrock.errors import BedrockError
from local.bedrock.faults import Fault, Faults
from local.bedrock.llm import Llm, written
from local.bedrock.pacer import sleep_until
from local.bedrock.prompt import Answer, TextOut
from local.bedrock.run import Run
from local.bedrock.speak import filtered
from local.bedrock.stats import Stats
from local.bedrock.wires.wire import Encoder, Wire, frames

REQUEST_ID = web.RequestKey("request_id", str)
GARBAGE = b"\x00\x00\x00\x2aThese bytes are no message of any stream.\r\n\r\n"


class Cut(Exception):
    """The connection is to be closed where it stands."""


class Ended(Exception):
    """The stream has ended with an error event of its own."""


async def hang_up(request: web.Request) -> None:
    """Close the connection without another byte."""
    if request.transport is not None:
        request.transport.abort()


async def whole(request: web.Request, run: Run, wire: Wire, engine: Engine, fault: Fault | None) -> web.Response:
    """Answer in one piece, after the time that the tokens take."""
    answer = (
        await written(engine.llm, run) if engine.llm is not None and engine.is_free_text(run) else engine.answer(run)
    )
    if fault is not None and fault.kind == "filter":
        answer = filtered(answer, fault.after)
    count = answer.output_tokens()
    done = run.started_s + run.pace.at(max(0, count - 1))
    sent = count
    try:
        if fault is not None and fault.kind in ("slow", "stall"):
            done += fault.delay_ms / 1000
        await sleep_until(done)
    except asyncio.CancelledError:
        sent = min(
            count, max(0, int((time.monotonic() - run.started_s - run.pace.first_token_s) / (run.pace.token_s or 1)))
        )
        engine.finish(run, answer, sent, run.pace.first_token_s)
        raise
    outcome = engine.finish(run, answer, sent, run.pace.first_token_s)
    if fault is not None and fault.kind == "exception":
        raise fault.in_stream()
    if fault is not None and fault.kind == "cut":
        await hang_up(request)
    if fault is not None and fault.kind == "garbage":
        return web.Response(body=GARBAGE, content_type="application/json")
    body = msgspec.json.encode(wire.complete(run, answer, outcome))
    return web.Response(body=body, content_type="application/json", headers=wire.headers(run))


class StreamPlayer:
    """One streamed answer."""

    def __init__(
        self,
        request: web.Request,
        *,
        run: Run,
        wire: Wire,
        engine: Engine,
        stats: Stats,
        faults: Faults,
        fault: Fault | None,
    ) -> None:
        self._request, self._run, self._engine, self._stats = request, run, engine, stats
        self._faults, self._fault = faults, fault
        self._encoder: Encoder = wire.encoder(run)
        self._answer = Answer([]) if engine.llm is not None and engine.is_free_text(run) else engine.answer(run)
        if fault is not None and fault.kind == "filter":
            self._answer = filtered(self._answer, fault.after)
        self._sent = 0
        self._first_s = run.pace.first_token_s
        headers = {"Content-Type": wire.stream_content_type, "x-amzn-RequestId": request[REQUEST_ID]}
        self._response = web.StreamResponse(headers=headers | wire.headers(run))

    async def play(self) -> web.StreamResponse:
        """Send everything; the quota is settled and the stream counted however it ends."""
        self._stats.active_streams += 1
        settled = False
        try:
            if self._engine.llm is not None and self._engine.is_free_text(self._run):
                rest = await self._live(self._engine.llm)
            else:
                rest = await self._tokens(frames(self._encoder, self._answer))
            outcome = self._engine.finish(self._run, self._answer, self._sent, self._first_s)
            settled = True
            await self._response.write(rest + self._encoder.close(outcome))
            await self._response.write_eof()
            self._stats.completed_streams += 1
        except Cut:
            await hang_up(self._request)
        except Ended:
            await self._response.write_eof()
        except (asyncio.CancelledError, ConnectionError):
            self._stats.aborted_streams += 1
            raise
        finally:
            self._stats.active_streams -= 1
            self._stats.output_tokens += self._sent
            if not settled:
                self._engine.finish(self._run, self._answer, self._sent, self._first_s)
        return self._response

    async def _live(self, llm: Llm) -> bytes:
        """Send what another server writes, as it comes."""
        said: list[str] = []
        block = TextOut(said)
        reason = "end_turn"
        try:
            async for piece, finish in llm.write(self._run):
                reason = finish or reason
                if not piece:
                    continue
                head = b"" if said else await self._begin(block)
                await self._response.write(head + self._encoder.delta(0, block, piece))
                said.append(piece)
                self._sent += tokens.count(piece)
        except BedrockError as error:
            if not said:
                raise
            await self._response.write(self._encoder.error(error))
            raise Ended from None
        head = b"" if said else await self._begin(block)
        self._answer = Answer([block], reason)
        return head + self._encoder.stop(0, block, "".join(said))

    async def _begin(self, block: TextOut) -> bytes:
        self._first_s = time.monotonic() - self._run.started_s
        await self._response.prepare(self._request)
        return self._encoder.open() + self._encoder.start(0, block)

    async def _tokens(self, script: Generator[bytes, None, bytes]) -> bytes:
        fault, pace, start = self._fault, self._run.pace, self._run.started_s
        if fault is not None and fault.kind == "slow":
            start += fault.delay_ms / 1000
        await sleep_until(start + pace.first_token_s)
        self._first_s = time.monotonic() - self._run.started_s
        await self._response.prepare(self._request)
        while True:
            try:
                frame = next(script)
            except StopIteration as end:
                if fault is not None and self._sent < fault.after:
                    await self._misbehave(fault)  # the answer was shorter than the fault wanted
                rest: bytes = end.value
                return rest
            if fault is not None and self._sent == fault.after:
                start += await self._misbehave(fault)
            await sleep_until(start + pace.first_token_s + self._sent * pace.token_s)
            await self._response.write(frame)
            self._sent += 1

    async def _misbehave(self, fault: Fault) -> float:
        """Do what the fault says; returns the seconds that the rest comes later."""
        if fault.kind == "stall":
            return await self._faults.stall(fault)
        if fault.kind == "exception":
            await self._response.write(self._encoder.error(fault.in_stream()))
            raise Ended
        if fault.kind == "garbage":
            await self._response.write(GARBAGE)
            raise Cut
        if fault.kind == "cut":
            raise Cut
        return 0.0
