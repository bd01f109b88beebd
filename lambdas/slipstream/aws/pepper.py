"""The pepper of the keys' hashes, from Secrets Manager."""

from __future__ import annotations

from slipstream.aws.json_service import JsonService, Refused
from slipstream.errors import UpstreamUnavailable


class SecretPepper:
    """Callable that hands out the pepper; fetched at the first call and held, as it never changes."""

    def __init__(self, secrets_manager: JsonService, secret_arn: str) -> None:
        self._secrets_manager = secrets_manager
        self._secret_arn = secret_arn
        self._held: bytes | None = None

    def __call__(self) -> bytes:
        """The pepper. Raises UpstreamUnavailable."""
        if self._held is None:
            try:
                answer = self._secrets_manager.call("GetSecretValue", {"SecretId": self._secret_arn})
            except Refused as refusal:
                raise UpstreamUnavailable(f"the pepper cannot be read ({refusal.name}): check the role") from refusal
            self._held = str(answer["SecretString"]).encode()
        return self._held
