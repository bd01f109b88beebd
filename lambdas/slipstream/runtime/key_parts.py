"""What the authorizer and the keys function are made of, built from their environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

from slipstream.aws.credentials import CredentialSource
from slipstream.aws.dynamodb import Table, dynamodb
from slipstream.aws.key_store import DynamoKeyStore
from slipstream.aws.places import Places
from slipstream.aws.secrets import Secrets
from slipstream.aws.sigv4 import Signer
from slipstream.aws.transport import Transport
from slipstream.errors import SlipstreamError
from slipstream.keys.store import KeyStore

MAX_REMEMBER_S = 3600


class KeySettings(NamedTuple):
    """For how long (s) a checked key is believed: ``remember_s`` by the authorizer itself, ``believe_s`` by anyone."""

    region: str
    table: str
    pepper_secret_arn: str
    remember_s: int = 0
    believe_s: int = 0
    api_id: str = ""
    api_stage: str = ""
    cors_origins: tuple[str, ...] = ()
    dynamodb_url: str = ""
    secrets_manager_url: str = ""


class KeyParts(NamedTuple):
    """``pepper`` is fetched when first asked for, and raises UpstreamError then; ``close`` ends idle connections."""

    store: KeyStore
    pepper: Callable[[], bytes]
    close: Callable[[], None]


def read_key_settings(environ: Mapping[str, str]) -> KeySettings:
    """Read the environment. Raises SlipstreamError that names the variable and what would be right."""
    everywhere = environ.get("AWS_ENDPOINT_URL", "")
    return KeySettings(
        region=_required(environ, "AWS_REGION", "the function's region, for example us-east-1"),
        table=_required(environ, "SLIPSTREAM_KEYS_TABLE", "the name of the keys table"),
        pepper_secret_arn=_required(environ, "SLIPSTREAM_PEPPER_SECRET_ARN", "the ARN of the pepper's secret"),
        remember_s=_seconds(environ, "SLIPSTREAM_REMEMBER_KEYS_S"),
        believe_s=_seconds(environ, "SLIPSTREAM_BELIEVE_KEYS_S"),
        api_id=environ.get("SLIPSTREAM_API_ID", ""),
        api_stage=environ.get("SLIPSTREAM_API_STAGE", ""),
        cors_origins=tuple(environ.get("SLIPSTREAM_CORS_ORIGINS", "").replace(",", " ").split()),
        dynamodb_url=environ.get("AWS_ENDPOINT_URL_DYNAMODB", everywhere),
        secrets_manager_url=environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER", everywhere),
    )


def build_key_parts(settings: KeySettings, environ: Mapping[str, str]) -> KeyParts:
    """Connect store and pepper; nothing is called yet. ``environ`` holds the credentials."""
    overrides = {"dynamodb": settings.dynamodb_url, "secretsmanager": settings.secrets_manager_url}
    places = Places(settings.region, {service: url for service, url in overrides.items() if url})
    transport, auth = (
        Transport(ca_bundle=environ.get("AWS_CA_BUNDLE")),
        Signer(CredentialSource(environ), settings.region),
    )

    secrets = Secrets(transport=transport, auth=auth, places=places)

    @cache  # the pepper never changes, so an environment reads it once
    def pepper() -> bytes:
        return secrets.get_secret_value(settings.pepper_secret_arn).encode()

    table = Table(settings.table, dynamodb(transport=transport, auth=auth, places=places))
    return KeyParts(DynamoKeyStore(table), pepper, transport.restore)


def _required(environ: Mapping[str, str], name: str, what: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise SlipstreamError(f"{name} is not set: it has to be {what}", code="bad_setting")
    return value


def _seconds(environ: Mapping[str, str], name: str) -> int:
    text = environ.get(name, "0")
    if not text.isdecimal() or int(text) > MAX_REMEMBER_S:
        raise SlipstreamError(f"{name} is {text!r}: it has to be seconds, 0 to {MAX_REMEMBER_S}", code="bad_setting")
    return int(text)
