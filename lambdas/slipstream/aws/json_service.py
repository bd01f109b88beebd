"""AWS services of the JSON protocol (DynamoDB, Secrets Manager) over our own transport: boto3 costs 300 ms of a start."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from slipstream.aws.connection import Patience
from slipstream.aws.places import Authorizes, Places, signed_request
from slipstream.aws.service_errors import read
from slipstream.aws.transport import Transport
from slipstream.errors import SlipstreamError, UpstreamUnavailable

ATTEMPTS = 2
TIMEOUT_S = 5.0


class Protocol(NamedTuple):
    """What tells one service from another."""

    host: str
    signing_name: str
    target: str
    version: str


DYNAMODB = Protocol("dynamodb.{region}.amazonaws.com", "dynamodb", "DynamoDB_20120810", "1.0")
SECRETS_MANAGER = Protocol("secretsmanager.{region}.amazonaws.com", "secretsmanager", "secretsmanager", "1.1")


class Refused(Exception):
    """The service said no: ``name`` is its exception, the argument its message."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class JsonService:
    """One service in one region. Safe for threads."""

    def __init__(self, protocol: Protocol, *, transport: Transport, places: Places, auth: Authorizes) -> None:
        self._protocol = protocol
        self._transport = transport
        self._places = places
        self._auth = auth

    def call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call an operation; what fails by itself is tried once more, so it must bear being done twice.

        Raises Refused for a refusal, UpstreamUnavailable where the service cannot be reached or fails.
        """
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                status, headers, body = self._exchange(operation, arguments)
            except SlipstreamError as error:
                if not last and error.retryable:
                    continue
                raise UpstreamUnavailable(f"{self._protocol.signing_name} cannot be reached; try again") from error
            if status == 200:
                answer: dict[str, Any] = msgspec.json.decode(body)
                return answer
            said = read(status, headers, body)
            if status < 500 and "Throttl" not in said.name and "ThroughputExceeded" not in said.name:
                raise Refused(said.name, said.message)
        raise UpstreamUnavailable(f"{self._protocol.signing_name} does not answer ({said.name or status}); try again")

    def _exchange(self, operation: str, arguments: dict[str, Any]) -> tuple[int, Any, bytes]:
        protocol = self._protocol
        place = self._places.of(protocol.host)
        headers = [
            ("content-type", f"application/x-amz-json-{protocol.version}"),
            ("x-amz-target", f"{protocol.target}.{operation}"),
        ]
        body = msgspec.json.encode(arguments)
        request = signed_request(place, "/", headers, body, auth=self._auth, service=protocol.signing_name)
        exchange = self._transport.send(place.origin, request, Patience(TIMEOUT_S))
        while (response := exchange.head()) is None:
            pass  # without a quiet time head() waits by itself
        return response.status, response.headers, response.read_all()
