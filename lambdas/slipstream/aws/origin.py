"""Where a service is: scheme, host and port out of a base URL."""

from __future__ import annotations

from typing import NamedTuple

from slipstream.errors import InvalidRequest


class Origin(NamedTuple):
    """Where connections go: one pool each."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Value of the ``Host`` header; the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


def parse_base_url(url: str) -> tuple[Origin, str]:
    """``https://host:port/prefix`` → origin and prefix (without a slash at its end). Raises InvalidRequest."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    bracket = authority.rfind("]")
    host, colon, port = authority, "", ""
    if ":" in authority[bracket + 1 :]:
        host, colon, port = authority.rpartition(":")
    host = host.strip("[]")
    if scheme not in ("http", "https") or not separator or not host or (colon and not port.isdigit()):
        raise InvalidRequest(f"an endpoint must look like https://host:port/prefix, not {url!r}", code="bad_setting")
    return Origin(scheme, host, int(port) if port else (443 if scheme == "https" else 80)), (slash + path).rstrip("/")
