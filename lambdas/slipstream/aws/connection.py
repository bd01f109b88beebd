"""One kept-alive connection to a service, watched together with the caller's own line."""

from __future__ import annotations

import select
import socket
import struct
from time import perf_counter
from typing import TYPE_CHECKING

from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import ClientGone, UpstreamTimeout, UpstreamUnavailable

if TYPE_CHECKING:
    import ssl

UNACKNOWLEDGED_MS = 8000
"""After this long without an acknowledgement the kernel gives a connection up: one that died while the environment
was frozen is found in seconds, not after the read timeout."""
READ_BYTES = 65536
SPARE_S = 1.0
"""What is kept of the host's time limit to end an answer well and write its metrics; of a short one, a twentieth."""
LOOK_S = 0.25
"""How long a plain read may block before it looks whether the caller is still there."""


class PeerClosed(Exception):
    """The other side ended or reset the connection."""


class Patience:
    """How long one exchange may wait, and for whom.

    ``read_timeout_s`` is the longest silence in seconds, ``deadline_s`` a point on ``perf_counter``'s clock or None,
    moved forward to where the host of ``disconnect`` leaves just enough time to end well;
    after ``quiet_s`` seconds of silence a wait returns so that the caller can show a sign of life. ``may_repeat`` is
    the one repeat that the request has: whoever sends it again, for whatever reason, takes it.
    """

    __slots__ = ("deadline_s", "disconnect", "may_repeat", "of_host", "quiet_s", "read_timeout_s")

    def __init__(
        self,
        read_timeout_s: float,
        *,
        disconnect: Disconnect = NEVER,
        deadline_s: float | None = None,
        quiet_s: float | None = None,
        may_repeat: bool = True,
    ) -> None:
        self.read_timeout_s = read_timeout_s
        self.disconnect = disconnect
        self.deadline_s = deadline_s
        self.quiet_s = quiet_s
        self.may_repeat = may_repeat
        self.of_host = False
        if (ends_s := disconnect.ends_s) is not None:
            ends_s -= min(SPARE_S, 0.05 * max(0.0, ends_s - perf_counter()))
            if deadline_s is None or ends_s < deadline_s:
                self.deadline_s, self.of_host = ends_s, True


class Connection:
    """A socket and what goes with it. Used by one thread at a time."""

    __slots__ = ("_poll", "_secure", "_silent_since_s", "_sock", "_watched", "idle_since_s", "patience", "reused")

    def __init__(self, sock: socket.socket, *, secure: bool) -> None:
        if secure:
            sock.setblocking(False)
        else:
            # Blocking, with the kernel's own time-out: a token costs one system call, not a poll and a read.
            sock.setblocking(True)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, int(LOOK_S * 1e6)))
        self._sock = sock
        self._secure = secure
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._watched: int | None = None
        self._silent_since_s = 0.0
        self.idle_since_s = 0.0
        self.patience: Patience
        self.reused = False

    def attach(self, patience: Patience) -> None:
        """Begin an exchange: from now on the caller's line is watched too."""
        self.patience = patience
        self._silent_since_s = perf_counter()
        watched = patience.disconnect.fileno()
        if watched is not None and watched >= 0:
            self._poll.register(watched, select.POLLIN)
            self._watched = watched

    def detach(self) -> None:
        """End an exchange: the caller's line is forgotten."""
        if self._watched is not None:
            self._poll.unregister(self._watched)
            self._watched = None

    def is_stale(self) -> bool:
        """Whether the other side has closed (or spoken out of turn) while nobody asked."""
        if not self._poll.poll(0):
            return False
        if not self._secure:
            return True
        try:
            self._sock.recv(1)  # over TLS a session ticket may have come, which is no data
        except OSError as error:
            return not self._wants_more(error)
        return True

    def session(self) -> ssl.SSLSession | None:
        """TLS session to resume on the next connection; None over plain http."""
        return getattr(self._sock, "session", None)

    def send(self, data: bytes) -> None:
        """Write everything. Raises PeerClosed, UpstreamTimeout, ClientGone."""
        sent = self._send_some(data)
        if sent == len(data):
            return
        view = memoryview(data)[sent:]
        self._poll.modify(self._sock, select.POLLOUT)
        try:
            while view:
                if self._wait(perf_counter()):
                    view = view[self._send_some(view) :]
        finally:
            self._poll.modify(self._sock, select.POLLIN)

    def _send_some(self, data: bytes | memoryview) -> int:
        try:
            return self._sock.send(data) if self._secure else self._sock.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        except OSError as error:
            if self._wants_more(error):
                return 0
            raise PeerClosed from error

    def receive(self) -> bytes | None:
        """What has come, at least one byte; None after ``quiet_s`` of silence; ``b""`` when the peer has ended.

        Raises PeerClosed on a reset, UpstreamTimeout, ClientGone.
        """
        since_s = perf_counter()
        while True:
            # TLS may hold decrypted bytes that poll cannot see, so there the socket is asked first.
            if not self._secure and not self._may_block(since_s) and not self._wait(since_s):
                return None
            try:
                data = self._sock.recv(READ_BYTES)
            except BlockingIOError:
                self._look()
                continue
            except OSError as error:
                if not self._wants_more(error):
                    raise PeerClosed from error
                if not self._wait(since_s):
                    return None
                continue
            self._silent_since_s = perf_counter()
            return data

    def _may_block(self, since_s: float) -> bool:
        """Whether nothing is due before a read that blocks would look up again."""
        patience = self.patience
        soon_s = perf_counter() + 2 * LOOK_S
        return (
            soon_s < self._silent_since_s + patience.read_timeout_s
            and (patience.deadline_s is None or soon_s < patience.deadline_s)
            and (patience.quiet_s is None or soon_s < since_s + patience.quiet_s)
        )

    def _look(self) -> None:
        """Ask about the caller, if its line has something to say. Raises ClientGone."""
        if any(descriptor == self._watched for descriptor, _ in self._poll.poll(0)):
            self._ask_whether_gone()

    def _wants_more(self, error: OSError) -> bool:
        if not self._secure:
            return False
        import ssl

        return isinstance(error, (ssl.SSLWantReadError, ssl.SSLWantWriteError))

    def _wait(self, since_s: float) -> bool:
        """Wait for the service; False when it is time for a sign of life, ``quiet_s`` after ``since_s``."""
        patience = self.patience
        now_s = perf_counter()
        until_s = self._silent_since_s + patience.read_timeout_s
        if patience.deadline_s is not None and patience.deadline_s < until_s:
            until_s = patience.deadline_s
            if now_s >= until_s:  # bytes that keep coming do not move a deadline
                raise self._too_late()
        quiet_at_s = until_s if patience.quiet_s is None else min(until_s, since_s + patience.quiet_s)
        while True:
            # Rounded up: a wait that ends a fraction early would spin.
            ready = self._poll.poll(max(0.0, quiet_at_s - now_s) * 1000 + 1)
            mine = False
            for descriptor, _ in ready:
                if descriptor == self._watched:
                    self._ask_whether_gone()
                else:
                    mine = True
            if mine:
                return True
            now_s = perf_counter()
            if now_s >= until_s:
                raise self._too_late()
            if now_s >= quiet_at_s:
                return False

    def _ask_whether_gone(self) -> None:
        if self.patience.disconnect.gone():
            raise ClientGone("the client closed its connection before the answer was complete")
        self.detach()  # it sent more instead; its line stays readable, so watching on would spin

    def _too_late(self) -> UpstreamTimeout:
        deadline_s = self.patience.deadline_s
        if deadline_s is not None and perf_counter() >= deadline_s:
            if self.patience.of_host:
                return UpstreamTimeout("the function's time limit came before the answer's end; ask for fewer tokens")
            # The caller's own limit: who repeats such a call waits, and pays, for the same end again.
            message = "the deadline passed before the answer was complete; allow more in deadline_ms"
            return UpstreamTimeout(message, retryable=False)
        return UpstreamTimeout(f"the model service was silent for {self.patience.read_timeout_s:g} s; try again")

    def close(self) -> None:
        """Close at once; may be called twice."""
        self._watched = None
        self._sock.close()


def connect(host: str, port: int, timeout_s: float) -> socket.socket:
    """Open a TCP connection. Raises UpstreamTimeout, UpstreamUnavailable."""
    try:
        sock = socket.create_connection((host, port), timeout_s)
    except TimeoutError:
        raise UpstreamTimeout(
            f"no connection to {host}:{port} within {timeout_s:g} s", code="connect_timeout"
        ) from None
    except OSError as error:
        raise UpstreamUnavailable(f"cannot connect to {host}:{port}: {error.strerror or error}") from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
    return sock


def secure(sock: socket.socket, host: str, context: ssl.SSLContext, session: ssl.SSLSession | None) -> socket.socket:
    """Put TLS over an open connection. Raises UpstreamTimeout, UpstreamUnavailable."""
    import ssl

    try:
        return context.wrap_socket(sock, server_hostname=host, session=session)
    except TimeoutError:
        sock.close()
        raise UpstreamTimeout(f"no TLS handshake with {host} in time", code="connect_timeout") from None
    except ssl.SSLCertVerificationError as error:
        sock.close()
        raise UpstreamUnavailable(
            f"{host} shows a certificate that is not trusted ({error.verify_message}); name its CA in AWS_CA_BUNDLE",
            code="certificate_not_trusted",
            retryable=False,
        ) from None
    except OSError as error:
        sock.close()
        raise UpstreamUnavailable(f"TLS with {host} failed: {error.strerror or error}") from None
