"""Inference-profile ARNs → models, through Bedrock's control plane; each asked once."""

from __future__ import annotations

import threading

import msgspec

from slipstream.aws.connection import Patience
from slipstream.aws.places import Authorizes, Places, signed_request
from slipstream.aws.service_errors import from_response
from slipstream.aws.sigv4 import quote_segment
from slipstream.aws.transport import Transport
from slipstream.errors import ModelNotFound, NotFound, UpstreamError
from slipstream.models.identifiers import region_of

CONTROL_PLANE = "bedrock.{region}.amazonaws.com"


class _Model(msgspec.Struct):
    modelArn: str = ""  # noqa: N815 (Bedrock's name)


class _Profile(msgspec.Struct):
    models: list[_Model] = []


class BedrockProfiles:
    """Implements models.ports.ProfileResolver. Safe for threads."""

    def __init__(
        self, *, transport: Transport, auth: Authorizes, places: Places, timeout_s: float = 5.0, remembered: int = 1024
    ) -> None:
        self._transport = transport
        self._auth = auth
        self._places = places
        self._timeout_s = timeout_s
        self._remembered = remembered
        self._models: dict[str, str] = {}
        self._lock = threading.Lock()

    def model_of(self, profile_arn: str) -> str:
        """See ProfileResolver. Raises also PermissionDenied and UpstreamError where the control plane fails."""
        known = self._models.get(profile_arn)
        if known is not None:
            return known
        model = self._ask(profile_arn)
        with self._lock:
            if len(self._models) >= self._remembered:
                self._models.clear()
            self._models[profile_arn] = model
        return model

    def _ask(self, profile_arn: str) -> str:
        path = f"/inference-profiles/{quote_segment(profile_arn)}"
        region = region_of(profile_arn)  # only that region's control plane knows it
        place = self._places.of(CONTROL_PLANE, region)
        headers = [("accept", "application/json")]
        request = signed_request(
            place, path, headers, b"", auth=self._auth, service="bedrock", region=region, method="GET"
        )
        exchange = self._transport.send(place.origin, request, Patience(self._timeout_s))
        while (response := exchange.head()) is None:
            pass
        body = response.read_all()
        if response.status != 200:
            error = from_response(response.status, response.headers, body)
            if isinstance(error, NotFound):
                raise ModelNotFound(f"no inference profile '{profile_arn}': {error.message}", param="model")
            raise error
        try:
            models = msgspec.json.decode(body, type=_Profile).models
        except msgspec.MsgspecError:
            raise UpstreamError("Bedrock's description of the inference profile cannot be understood") from None
        # A profile over several regions names the same model in each.
        model = models[0].modelArn.rpartition("foundation-model/")[2] if models else ""
        if not model:
            raise ModelNotFound(f"the inference profile '{profile_arn}' names no model", param="model")
        return model
