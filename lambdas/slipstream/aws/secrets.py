"""Secrets Manager: one secret, read when it is first needed."""

from __future__ import annotations

from slipstream.aws.json_service import JsonService
from slipstream.aws.places import Authorizes, Places
from slipstream.aws.transport import Transport
from slipstream.errors import UpstreamError


class Secrets:
    """Safe for threads. Keeps nothing: who needs a secret often remembers it."""

    def __init__(self, *, transport: Transport, auth: Authorizes, places: Places) -> None:
        self._service = JsonService(
            "secretsmanager", target="secretsmanager", version="1.1", transport=transport, auth=auth, places=places
        )

    def get_secret_value(self, secret_id: str) -> str:
        """The secret's text. Raises ServiceError, UpstreamError where it holds none, UpstreamUnavailable, …Timeout."""
        value = self._service.call("GetSecretValue", {"SecretId": secret_id}).get("SecretString")
        if not isinstance(value, str):
            raise UpstreamError("the secret holds no text: store it as SecretString", retryable=False)
        return value
