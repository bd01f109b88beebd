"""AWS Signature Version 4, and bearer keys. Contract-tested against botocore's signer; why our own: docs/adr/0004."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable
from hashlib import sha256

import msgspec

NOT_SIGNED = frozenset({
    "authorization", "baggage", "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te",
    "traceparent", "tracestate", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id",
})  # fmt: skip
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SEGMENT = [chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in range(256)]
_PATH = [*_SEGMENT]
_PATH[ord("/")] = "/"
_REMEMBERED_PATHS = 256

Headers = list[tuple[str, str]]


class Credentials(msgspec.Struct, frozen=True):
    """An access key; ``token`` where it is a temporary one."""

    access_key: str
    secret_key: str
    token: str | None = None


def quote_segment(text: str) -> str:
    """Percent-encode one path segment as the AWS SDKs do: a model id's colons and slashes too."""
    return "".join([_SEGMENT[byte] for byte in text.encode()])


def canonical_path(path: str) -> str:
    """The path as it is signed: dot segments and empty ones removed, then encoded once more."""
    if not path:
        return "/"
    if "//" in path or "/." in path:
        kept: list[str] = []
        for segment in path.split("/"):
            if segment == "..":
                del kept[-1:]
            elif segment not in ("", "."):
                kept.append(segment)
        path = "/" + "/".join(kept) + ("/" if path.endswith("/") and kept else "")
    return "".join([_PATH[byte] for byte in path.encode()])


def canonical_query(query: str) -> str:
    """The query as it is signed: sorted by name, then value; its encoding is the caller's."""
    if not query:
        return ""
    pairs = sorted((name, value) for name, _, value in (pair.partition("=") for pair in query.split("&")))
    return "&".join([f"{name}={value}" for name, value in pairs])


class Signer:
    """Signs for one region, or the one that a call names; keys are derived once a day and scope. Safe for threads."""

    def __init__(
        self, credentials: Callable[[], Credentials], region: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._credentials = credentials
        self._region = region
        self._clock = clock
        self._keys: dict[tuple[str, str, str, str], bytes] = {}
        self._paths: dict[str, str] = {}
        self._lock = threading.Lock()

    def sign(
        self,
        method: str,
        path: str,
        headers: Headers,
        body: bytes,
        *,
        service: str,
        region: str | None = None,
        query: str = "",
    ) -> Headers:
        """Headers to add: ``x-amz-date``, ``x-amz-security-token`` where there is one, ``authorization``.

        ``path`` is percent-encoded as it goes out; ``headers`` must hold ``host``; ``region`` None: the
        signer's own. Raises what the credentials raise.
        """
        credentials = self._credentials()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock()))
        added: Headers = [("x-amz-date", stamp)]
        if credentials.token:
            added.append(("x-amz-security-token", credentials.token))
        names, lines = _canonical_headers([*headers, *added])
        request = "\n".join(
            (method, self._path(path), canonical_query(query), lines, "", names, sha256(body).hexdigest())
        )
        day = stamp[:8]
        where = region or self._region
        scope = f"{day}/{where}/{service}/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._key(credentials, day, where, service), to_sign.encode(), "sha256").hex()
        credential = f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}"
        added.append(("authorization", f"{credential}, SignedHeaders={names}, Signature={signature}"))
        return added

    def _path(self, path: str) -> str:
        known = self._paths.get(path)
        if known is None:
            known = canonical_path(path)
            if len(self._paths) < _REMEMBERED_PATHS:  # a gateway calls few models
                self._paths[path] = known
        return known

    def _key(self, credentials: Credentials, day: str, region: str, service: str) -> bytes:
        name = (credentials.secret_key, day, region, service)
        key = self._keys.get(name)
        if key is None:
            key = f"AWS4{credentials.secret_key}".encode()
            for part in (day, region, service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            with self._lock:
                if len(self._keys) > 32:  # yesterday's, and those of rotated credentials
                    self._keys.clear()
                self._keys[name] = key
        return key


class Bearer:
    """Authorises with a Bedrock API key instead of a signature."""

    def __init__(self, token: str) -> None:
        self._value = f"Bearer {token}"

    def sign(
        self,
        method: str,
        path: str,
        headers: Headers,
        body: bytes,
        *,
        service: str,
        region: str | None = None,
        query: str = "",
    ) -> Headers:
        """The ``authorization`` header."""
        del method, path, headers, body, service, region, query
        return [("authorization", self._value)]


def _canonical_headers(headers: Headers) -> tuple[str, str]:
    values: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        if lower in NOT_SIGNED:
            continue
        trimmed = " ".join(value.split())
        values[lower] = f"{values[lower]},{trimmed}" if lower in values else trimmed
    ordered = sorted(values)
    return ";".join(ordered), "\n".join([f"{name}:{values[name]}" for name in ordered])
