"""The pepper of the keys' hashes, from Secrets Manager."""

from __future__ import annotations

from slipstream.aws.json_service import ServiceError
from slipstream.aws.secrets import Secrets
from slipstream.errors import UpstreamUnavailable


class SecretPepper:
    """Callable that hands out the pepper; fetched at the first call and held, as it never changes."""

    def __init__(self, secrets: Secrets, secret_arn: str) -> None:
        self._secrets = secrets
        self._secret_arn = secret_arn
        self._held: bytes | None = None

    def __call__(self) -> bytes:
        """The pepper. Raises UpstreamUnavailable."""
        if self._held is None:
            try:
                self._held = self._secrets.get_secret_value(self._secret_arn).encode()
            except ServiceError as error:
                raise UpstreamUnavailable(f"the pepper cannot be read ({error.name}): check the role") from error
        return self._held
