"""Where a service is: AWS's own host, or what the SDK's endpoint variables say; and a request to it, signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from slipstream.aws.exchange import Request
from slipstream.aws.origin import Origin, parse_base_url
from slipstream.aws.sigv4 import Headers
from slipstream.errors import InvalidRequest


class Authorizes(Protocol):
    """A signer or a bearer key."""

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
        """Headers to add to the request; ``region`` None: the signer's own."""
        ...


class Place(NamedTuple):
    """An origin and what stands before every path there."""

    origin: Origin
    prefix: str


class Places:
    """Service hosts, read once; of one region where a call does not name another."""

    def __init__(self, region: str, endpoints: Mapping[str, str]) -> None:
        self._region = region
        self._endpoints = dict(endpoints)
        self._known: dict[tuple[str, str], Place] = {}

    def of(self, host: str, region: str | None = None) -> Place:
        """The place of ``host``, a template with ``{region}``; its first label is the service's endpoint variable.

        The variable holds for every region, as in the SDKs. Raises InvalidRequest when its value is no URL.
        """
        key = (host, region or self._region)
        place = self._known.get(key)
        if place is None:
            base = self._endpoints.get(host.partition(".")[0]) or f"https://{host.format(region=key[1])}"
            place = self._known[key] = Place(*parse_base_url(base))
        return place


def signed_request(
    place: Place,
    path: str,
    headers: Headers,
    body: bytes,
    *,
    auth: Authorizes,
    service: str,
    region: str | None = None,
    query: str = "",
    method: str = "POST",
) -> Request:
    """A request, ready to be sent. ``path`` is percent-encoded; ``headers`` come without host and length.

    Raises InvalidRequest for a header that would break out of its line.
    """
    full = place.prefix + path
    headers = [("host", place.origin.authority), *headers]
    headers += auth.sign(method, full, headers, body, service=service, region=region, query=query)
    target = f"{full}?{query}" if query else full
    lines = [f"{method} {target} HTTP/1.1", *[f"{name}: {value}" for name, value in headers]]
    lines.append(f"content-length: {len(body)}\r\n\r\n")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) + 1:
        raise InvalidRequest("a header holds a line break")
    try:
        return Request(method, head.encode("latin-1"), body)
    except UnicodeEncodeError:
        raise InvalidRequest("a header holds characters outside Latin-1") from None
