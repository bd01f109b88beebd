"""A socket server whose every byte a test decides: one script a connection, in order."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from slipstream.aws.origin import Origin
from slipstream.disconnect import Disconnect


class Peer:
    """The server's side of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = b""

    def request(self) -> bytes:
        """Read one request, head and body; raises ConnectionError when the client has gone."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, _ = self._buffer.partition(b"\r\n\r\n")
        length = next(
            (int(line[16:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: ")), 0
        )
        whole = len(head) + 4 + length
        while len(self._buffer) < whole:
            self._more()
        request, self._buffer = self._buffer[:whole], self._buffer[whole:]
        return request

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError
        self._buffer += data

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, body: bytes, *, status: int = 200, headers: str = "") -> None:
        self.send(f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body)

    def begin_chunks(self) -> None:
        self.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end_chunks(self) -> None:
        self.send(b"0\r\n\r\n")

    def sees_close(self, timeout_s: float) -> bool:
        """Whether the client closes within the time; what it sends meanwhile does not count."""
        self.sock.settimeout(timeout_s)
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()


Script = Callable[[Peer], None]


class TinyServer:
    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        self._scripts: list[Script] = []
        self.connections = 0
        self.failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def origin(self) -> Origin:
        return Origin("http" if self._tls is None else "https", "127.0.0.1", self._port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.origin.port}"

    def expects(self, *scripts: Script) -> None:
        self._scripts += scripts

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            script = self._scripts.pop(0) if self._scripts else None
            if script is None:
                sock.close()
                continue
            thread = threading.Thread(target=self._run, args=(script, sock), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, script: Script, sock: socket.socket) -> None:
        with contextlib.ExitStack() as open_sockets:
            open_sockets.enter_context(sock)
            try:
                if self._tls is not None:
                    sock = open_sockets.enter_context(self._tls.wrap_socket(sock, server_side=True))
                script(Peer(sock))
            except (ConnectionError, ssl.SSLError):
                pass  # the client has gone, or does not trust us
            except BaseException as error:
                self.failures.append(error)

    def stop_listening(self) -> None:
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._accepting.join(5)

    def close_scripts(self) -> None:
        for thread in self._threads:
            thread.join(5)

    def close(self) -> None:
        self.stop_listening()
        self.close_scripts()
        assert not self.failures, self.failures


class Caller(Disconnect):
    """A client's line as a host shows it to the gateway."""

    def __init__(self) -> None:
        self._gateways, self.callers = socket.socketpair()

    def fileno(self) -> int:
        return self._gateways.fileno()

    def gone(self) -> bool:
        return self._gateways.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""

    def close(self) -> None:
        self._gateways.close()
        self.callers.close()
