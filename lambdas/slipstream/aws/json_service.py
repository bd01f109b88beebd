"""AWS's JSON protocol (one POST, the operation in a header) over the shared transport."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import msgspec

from slipstream.aws import retry, service_errors
from slipstream.aws.connection import Patience
from slipstream.aws.places import Authorizes, Places, signed_request
from slipstream.aws.transport import Transport
from slipstream.errors import UpstreamError, UpstreamTimeout, UpstreamUnavailable


class ServiceError(UpstreamError):
    """A service of the gateway's own said no; ``name`` is its exception's, ``raw`` its whole answer."""

    code = "service_error"

    def __init__(self, name: str, message: str, raw: Any, *, retryable: bool) -> None:
        super().__init__(message, retryable=retryable)
        self.name = name
        self.raw = raw


_THROTTLES = frozenset({
    "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded",

    "InternalServerError", "InternalServiceError", "ServiceUnavailable",
})  # fmt: skip


class JsonService:
    """One service. Safe for threads. A call takes ``timeout_s`` at most, connecting and the one repeat included."""

    def __init__(
        self,
        name: str,
        *,
        target: str,
        version: str,
        transport: Transport,
        auth: Authorizes,
        places: Places,
        timeout_s: float = 3.0,
        retry_delay_s: float = 0.05,
    ) -> None:
        self._name = name
        self._target = target
        self._type = f"application/x-amz-json-{version}"
        self._transport = transport
        self._auth = auth
        self._place = places.of(f"{name}.{{region}}.amazonaws.com")
        self._timeout_s = timeout_s
        self._retry_delay_s = retry_delay_s

    def call(self, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        """The operation's answer. Raises ServiceError, UpstreamUnavailable, UpstreamTimeout."""
        body = msgspec.json.encode(fields)
        patience = Patience(self._timeout_s, deadline_s=perf_counter() + self._timeout_s)
        try:
            try:
                return self._once(operation, body, patience)
            except (ServiceError, UpstreamUnavailable) as error:
                if not error.retryable or not retry.again(error, patience, self._retry_delay_s):
                    raise
                return self._once(operation, body, patience)
        except UpstreamTimeout:
            raise UpstreamTimeout(f"{self._name} gave no answer within {self._timeout_s:g} s; try again") from None

    def _once(self, operation: str, body: bytes, patience: Patience) -> dict[str, Any]:
        headers = [("content-type", self._type), ("x-amz-target", f"{self._target}.{operation}")]
        request = signed_request(self._place, "/", headers, body, auth=self._auth, service=self._name)
        exchange = self._transport.send(self._place.origin, request, patience)
        while (response := exchange.head()) is None:
            pass
        raw = response.read_all()
        if response.status != 200:
            said = service_errors.read(response.status, response.headers, raw)
            again = response.status >= 500 or said.name in _THROTTLES
            raise ServiceError(said.name, f"{self._name}: {said.message}", said.raw, retryable=again)
        try:
            return msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.MsgspecError:
            raise UpstreamError(f"{self._name} gave an answer that is no JSON object") from None
