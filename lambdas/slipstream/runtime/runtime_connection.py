"""One TCP connection to the Lambda Runtime API: http.client would cost 50 ms of a cold start."""

from __future__ import annotations

import socket

import msgspec

from slipstream.http1 import MAX_HEAD_BYTES, Head, NotHttp, body_of, parse_head

ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"


class RuntimeApiError(Exception):
    """The Runtime API said something that ends this environment."""


def error_body(error: BaseException) -> bytes:
    """What Lambda shows of an error: its type alone, for a message may quote a prompt."""
    name = type(error).__name__
    return msgspec.json.encode({"errorType": name, "errorMessage": f"{name} (see the log)", "stackTrace": []})


class Connection:
    """One TCP connection to the Runtime API."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def peer_closed(self) -> bool:
        """Whether the peer has closed its side, without waiting."""
        try:
            return self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._socket.sendall(data)

    def receive(self) -> tuple[Head, bytes]:
        """Read one response. Raises RuntimeApiError where it ends too early or is none."""
        received = b""
        try:
            while (end := received.find(b"\r\n\r\n")) < 0:
                if len(received) > MAX_HEAD_BYTES:
                    raise NotHttp(f"a head of more than {MAX_HEAD_BYTES} bytes")
                received += self._more()
            head = parse_head(received[:end])
            body = body_of("GET", head)
            parts = [body.feed(received[end + 4 :])]
            while not body.done and (data := self._more(may_end=body.at_close())):
                parts.append(body.feed(data))
        except NotHttp as error:
            raise RuntimeApiError(f"the Runtime API sent {error}") from None
        return head, b"".join(parts)

    def _more(self, *, may_end: bool = False) -> bytes:
        data = self._socket.recv(1 << 20)
        if not data and not may_end:
            raise RuntimeApiError("the Runtime API closed the connection")
        return data

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
