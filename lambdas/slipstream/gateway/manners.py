"""What HTTP asks of every answer: request ids, CORS, content types, headers that are safe to send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import time

from slipstream.errors import BodyTooLarge, SlipstreamError
from slipstream.ulid import new_ulid

Headers = list[tuple[str, str]]

MAX_REQUEST_ID = 128
PREFLIGHT_TTL_S = 7200
EXPOSED = (
    "x-request-id, x-amzn-requestid, x-amzn-errortype, server-timing, retry-after, "
    "x-slipstream-model, x-slipstream-cost-usd, x-slipstream-report, x-slipstream-cache, age"
)
_BROWSER_HEADERS = frozenset(
    ("authorization", "content-type", "accept", "x-api-key", "x-request-id", "x-amz-date", "x-amz-security-token",
     "x-amz-content-sha256", "x-amz-user-agent", "amz-sdk-invocation-id", "amz-sdk-request")
)  # fmt: skip
_BROWSER_PREFIXES = ("x-slipstream-", "x-stainless-", "openai-", "x-amzn-bedrock-")
_NOT_JSON = ("multipart/", "image/", "audio/", "video/", "text/html", "text/xml", "text/csv", "application/xml",
             "application/pdf", "application/zip")  # fmt: skip


class UnsupportedMedia(SlipstreamError):
    """The body is of a kind that is not read here."""

    http_status, code = 415, "unsupported_media_type"
    bedrock_type, openai_type = "ValidationException", "invalid_request_error"


def request_id(headers: Mapping[str, str], given: str = "") -> str:
    """The caller's ``x-request-id`` (printable ASCII of it, at most 128 characters), else the host's, else a ULID."""
    for candidate in (headers.get("x-request-id", ""), given):
        clean = "".join(character for character in candidate if "!" <= character <= "~")[:MAX_REQUEST_ID]
        if clean:
            return clean
    return new_ulid(time())


def check_body(headers: Mapping[str, str], size_bytes: int, max_bytes: int) -> None:
    """Raise BodyTooLarge or UnsupportedMedia for a body that is not going to be read as JSON."""
    if size_bytes > max_bytes:
        raise BodyTooLarge(
            f"the body has {size_bytes:,} bytes, the limit is {max_bytes:,} bytes; send large images and documents "
            "by their S3 location, or shorten the prompt",
            param="body",
        )
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMedia(
            f"content-encoding '{printable(coding)}' is not read here; send the body as it is", param="content-encoding"
        )
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith(_NOT_JSON) or kind.endswith("+xml"):
        raise UnsupportedMedia(
            f"content-type '{printable(kind)}' is not read here; send application/json", param="content-type"
        )


def allow_origin(headers: Mapping[str, str], origins: Sequence[str]) -> Headers:
    """CORS headers of an ordinary answer; empty for callers that are no browsers or may not read it."""
    origin = headers.get("origin", "")
    if not origin or not origins:
        return []
    if "*" in origins:
        return [("access-control-allow-origin", "*"), ("access-control-expose-headers", EXPOSED)]
    vary = ("vary", "origin")
    if origin not in origins:
        return [vary]
    return [("access-control-allow-origin", origin), vary, ("access-control-expose-headers", EXPOSED)]


def preflight(headers: Mapping[str, str], origins: Sequence[str], allow: str) -> Headers:
    """Headers of the answer to OPTIONS: ``Allow``, and for a browser what it may send."""
    out = [("allow", allow)]
    granted = allow_origin(headers, origins)
    if not granted or granted[0][0] == "vary":
        return out + granted
    asked = [name.strip().lower() for name in headers.get("access-control-request-headers", "").split(",")]
    good = [name for name in asked if name in _BROWSER_HEADERS or name.startswith(_BROWSER_PREFIXES)]
    out += [header for header in granted if header[0] != "access-control-expose-headers"]
    out.append(("access-control-allow-methods", allow))
    if good:
        out.append(("access-control-allow-headers", ", ".join(printable(name) for name in good)))
    out.append(("access-control-max-age", str(PREFLIGHT_TTL_S)))
    return out


def printable(value: str) -> str:
    """``value`` as a header may carry it: printable ASCII, everything else a question mark."""
    if value.isascii() and value.isprintable():
        return value
    return "".join(character if " " <= character <= "~" else "?" for character in value)


def ascii_json(encoded: bytes) -> str:
    """JSON as a header may carry it: characters beyond ASCII become ``\\uXXXX`` escapes."""
    text = encoded.decode()
    if text.isascii():
        return text
    return "".join(character if character < "\x7f" else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
