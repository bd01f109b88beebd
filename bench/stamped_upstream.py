"""A model service that writes into each token when it was sent, so that a receiver can tell how long it travelled.

The clock is the system's monotonic one, which all processes of a machine share. Only this benchmark speaks to it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from time import monotonic_ns

import msgspec

from slipstream.eventstream import event_headers, frame

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n\r\n"
)  # fmt: skip
DELTA, START, STOP, META = (
    event_headers(name) for name in ("contentBlockDelta", "messageStart", "messageStop", "metadata")
)


def chunk(headers: bytes, payload: object) -> bytes:
    """One event as one HTTP chunk."""
    data = frame(headers, msgspec.json.encode(payload))
    return b"%x\r\n%b\r\n" % (len(data), data)


class Upstream(asyncio.Protocol):
    """Answers every POST with a ConverseStream of ``tokens`` stamped tokens, ``token_s`` apart."""

    def __init__(self, tokens: int, token_s: float) -> None:
        self._tokens = tokens
        self._token_s = token_s
        self._buffer = b""
        self._answers: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once a whole request has come."""
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        rows = (row.partition(b":") for row in head.lower().split(b"\r\n"))
        length = next((int(value) for name, _, value in rows if name == b"content-length"), 0)
        if len(body) >= length:
            self._buffer = body[length:]
            self._answers = {asyncio.ensure_future(self._answer())}

    async def _answer(self) -> None:
        transport = self._transport
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP transports are
        transport.write(HEAD + chunk(START, {"role": "assistant"}))
        for _ in range(self._tokens):
            await asyncio.sleep(self._token_s)
            stamp = {"contentBlockIndex": 0, "delta": {"text": f"{monotonic_ns()} "}}
            transport.write(chunk(DELTA, stamp))
        usage = {"inputTokens": 10, "outputTokens": self._tokens, "totalTokens": self._tokens + 10}
        end = chunk(STOP, {"stopReason": "end_turn"}) + chunk(META, {"usage": usage, "metrics": {"latencyMs": 1}})
        transport.write(end + b"0\r\n\r\n")


async def serve(port: int, port_file: Path | None, tokens: int, token_s: float) -> None:
    """Listen on the loopback interface until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(tokens, token_s), "127.0.0.1", port)
    if port_file:
        port_file.write_text(json.dumps({"port": server.sockets[0].getsockname()[1]}))
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--token-ms", type=float, default=5.0)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.port_file, arguments.tokens, arguments.token_ms / 1000))
