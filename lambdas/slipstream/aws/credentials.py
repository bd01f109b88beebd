"""Where the gateway's own AWS credentials come from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from slipstream.aws.sigv4 import Credentials
from slipstream.errors import UpstreamUnavailable


class NoCredentials(UpstreamUnavailable):
    """Nothing in the environment, the profile files or the container gives credentials."""

    code = "no_credentials"
    retryable = False


class CredentialSource:
    """Callable that hands out credentials; safe for threads.

    A Lambda environment carries its keys in environment variables, which costs nothing. Where there are none (SnapStart
    serves them from an address, a laptop keeps profiles) botocore's provider chain is asked, imported only then; it
    refreshes temporary credentials before they expire.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._fixed = _from_environment(environ)
        self._chain: Any = None
        self._lock = threading.Lock()

    def __call__(self) -> Credentials:
        """Credentials that are good now. Raises NoCredentials."""
        if self._fixed is not None:
            return self._fixed
        frozen = self._provider().get_frozen_credentials()
        if not frozen.access_key or not frozen.secret_key:
            raise _missing()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    def _provider(self) -> Any:
        with self._lock:
            if self._chain is None:
                from botocore.session import Session

                self._chain = Session().get_credentials()
            if self._chain is None:
                raise _missing()
            return self._chain

    def restore(self) -> None:
        """Forget what the provider chain handed out: after a snapshot it is another environment's."""
        with self._lock:
            self._chain = None


def fixed(credentials: Credentials) -> Callable[[], Credentials]:
    """A source that always hands out the same."""
    return lambda: credentials


def _from_environment(environ: Mapping[str, str]) -> Credentials | None:
    access_key, secret_key = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret_key:
        return None
    return Credentials(access_key, secret_key, environ.get("AWS_SESSION_TOKEN") or None)


def _missing() -> NoCredentials:
    return NoCredentials("no AWS credentials: give the function a role, or set AWS_PROFILE or AWS_ACCESS_KEY_ID")
