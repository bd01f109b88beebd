"""S3 for the request path: whole objects of one bucket, by key, over the shared transport."""

from __future__ import annotations

from hashlib import sha256
from time import perf_counter

from slipstream.aws import retry, service_errors
from slipstream.aws.connection import Patience
from slipstream.aws.exchange import Response
from slipstream.aws.json_service import ServiceError
from slipstream.aws.places import Authorizes, Places, signed_request
from slipstream.aws.transport import Transport
from slipstream.errors import UpstreamTimeout, UpstreamUnavailable

LIMIT_BYTES = 64 * 1024 * 1024
ITEM_BYTES = 300 * 1024
"""What is larger does not go into an item of DynamoDB (400 KB at most) but into an object."""
OBJECT = "object"
"""Value of an item's ``place`` that says so."""


class ObjectBodies:
    """Objects of ``bucket``. Every call raises ServiceError, UpstreamUnavailable or UpstreamTimeout where S3 fails."""

    def __init__(
        self, bucket: str, *, transport: Transport, auth: Authorizes, places: Places, timeout_s: float = 3.0
    ) -> None:
        self._bucket = bucket
        self._transport = transport
        self._auth = auth
        # By path: one origin and one kept-alive connection for every region's and every local S3.
        self._place = places.of("s3.{region}.amazonaws.com")
        self._timeout_s = timeout_s

    def get(self, key: str) -> bytes | None:
        """The object, or None. Without the right to list the bucket S3 says 403 of what is not there."""
        status, raw = self._call("GET", key, b"")
        return None if status == 404 else raw

    def put(self, key: str, body: bytes) -> None:
        """Write the object."""
        self._call("PUT", key, body)

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""
        self._call("DELETE", key, b"")

    def _call(self, method: str, key: str, body: bytes) -> tuple[int, bytes]:
        patience = Patience(self._timeout_s, deadline_s=perf_counter() + self._timeout_s)
        try:
            try:
                return self._once(method, key, body, patience)
            except (ServiceError, UpstreamUnavailable) as error:
                if not error.retryable or not retry.again(error, patience, 0.05):
                    raise
                return self._once(method, key, body, patience)
        except UpstreamTimeout:
            raise UpstreamTimeout(f"s3 gave no answer within {self._timeout_s:g} s; try again") from None

    def _once(self, method: str, key: str, body: bytes, patience: Patience) -> tuple[int, bytes]:
        headers = [("x-amz-content-sha256", sha256(body).hexdigest())]
        request = signed_request(
            self._place, f"/{self._bucket}/{key}", headers, body, auth=self._auth, service="s3", method=method
        )
        exchange = self._transport.send(self._place.origin, request, patience)
        response: Response | None = None
        while response is None:
            response = exchange.head()
        raw = response.read_all(LIMIT_BYTES)
        if response.status in (200, 204, 404):
            return response.status, raw
        said = service_errors.read(response.status, response.headers, raw)
        raise ServiceError(
            said.name or f"HTTP {response.status}", f"s3: {said.message}", None, retryable=response.status >= 500
        )
