"""Verification of AWS Signature Version 4, written from AWS's description ("Create a signed AWS API request")."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from aiohttp import web

from local.bedrock.errors import BedrockError
from local.bedrock.settings import Settings

SERVICES = ("bedrock", "bedrock-mantle")
MAX_SKEW_S = 900
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 "
    r"Credential=(?P<key>[^/,]+)/(?P<date>\d{8})/(?P<region>[^/,]+)/(?P<service>[^/,]+)/aws4_request,\s*"
    r"SignedHeaders=(?P<headers>[^,]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})$"
)
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
    "Key and signing method. Consult the service documentation for details."
)


def signed_for(request: web.Request) -> str:
    """``region/service`` of the signature's scope, right or wrong; empty where there is none."""
    found = _AUTHORIZATION.match(request.headers.get("Authorization", ""))
    return "" if found is None else f"{found['region']}/{found['service']}"


def verify(request: web.Request, body: bytes, settings: Settings) -> None:
    """Raise what AWS answers unless ``Authorization`` is a right signature of this request."""
    found = _AUTHORIZATION.match(request.headers.get("Authorization", ""))
    if found is None:
        raise _bad("Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.")
    if found["key"] != settings.access_key_id:
        raise BedrockError("UnrecognizedClientException", "The security token included in the request is invalid.")
    if found["service"] not in SERVICES:
        raise _bad(f"Credential should be scoped to correct service: '{SERVICES[0]}'.")
    stamp = request.headers.get("X-Amz-Date", "")
    _check_time(stamp, found["date"])
    signed = found["headers"].split(";")
    if "host" not in signed or signed != sorted(signed):
        raise _bad("'Host' must be a signed header, and signed headers must be sorted.")
    declared = request.headers.get("X-Amz-Content-Sha256")
    actual = hashlib.sha256(body).hexdigest()
    if declared not in (None, "UNSIGNED-PAYLOAD", actual):
        raise _bad("The provided 'x-amz-content-sha256' header does not match what was computed.")
    scope = f"{found['date']}/{found['region']}/{found['service']}/aws4_request"
    canonical = canonical_request(request, signed, declared or actual)
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{settings.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    expected = hmac.digest(key, to_sign.encode(), "sha256").hex()
    if not hmac.compare_digest(expected, found["signature"]):
        raise _bad(_MISMATCH)


def canonical_request(request: web.Request, signed: list[str], payload_hash: str) -> str:
    """Method, path (encoded once more, as for every service but S3), query, headers, payload hash."""
    path, _, query = request.raw_path.partition("?")
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(query, keep_blank_values=True))
    lines = [f"{name}:{_header(request, name)}\n" for name in signed]
    return "\n".join(
        (
            request.method,
            quote(re.sub("/+", "/", path), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            "".join(lines),
            ";".join(signed),
            payload_hash,
        )
    )


def _header(request: web.Request, name: str) -> str:
    values = request.headers.getall(name, None)
    if values is None:
        raise _bad(_MISMATCH)
    return ",".join(" ".join(value.split()) for value in values)


def _check_time(stamp: str, date: str) -> None:
    try:
        when = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _bad("Date in X-Amz-Date must be in ISO-8601 'basic format'.") from None
    if not stamp.startswith(date):
        raise _bad("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")
    if abs((datetime.now(UTC) - when).total_seconds()) > MAX_SKEW_S:
        raise _bad(f"Signature expired: {stamp} is not within {MAX_SKEW_S} seconds of the server's time.")


def _bad(message: str) -> BedrockError:
    return BedrockError("InvalidSignatureException", message)
