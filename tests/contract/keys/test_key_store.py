from collections.abc import Callable
from dataclasses import replace

import boto3
import pytest

from handlers.authorizer import authorize
from slipstream.errors import SlipstreamError, Unauthenticated, UpstreamUnavailable
from slipstream.keys import issue
from slipstream.keys.store import KeyExists, KeyRecord, KeyStore
from slipstream.keys.verify import verify
from slipstream.runtime.key_parts import KeyParts, read_key_settings

Build = Callable[[dict[str, str]], KeyParts]
NOW_S = 1_800_000_000.0
PLAIN = KeyRecord(key_id="0" * 26, digest="d1", tenant="t", scopes=("invoke",), created_s=1)
FULL = KeyRecord(
    key_id="1" * 26,
    digest="d2",
    tenant="acme",
    scopes=("invoke", "admin"),
    models=("fast", "anthropic.*"),
    name="Büro",
    created_s=2,
    expires_s=3,
    revoked_s=4,
)


@pytest.mark.parametrize("record", [PLAIN, FULL])
def test_a_record_comes_back_as_it_was_added(store: KeyStore, record: KeyRecord) -> None:
    store.add(record)
    assert store.get(record.key_id) == record


def test_an_unknown_id_gives_nothing(store: KeyStore) -> None:
    assert store.get("2" * 26) is None
    assert store.revoke("2" * 26, 5) is None
    assert store.get("2" * 26) is None


def test_all_records_are_listed(store: KeyStore) -> None:
    assert list(store.all()) == []
    store.add(FULL)
    store.add(PLAIN)
    assert sorted(store.all(), key=lambda record: record.key_id) == [PLAIN, FULL]


def test_an_id_is_never_given_to_a_second_key(store: KeyStore) -> None:
    store.add(PLAIN)
    with pytest.raises(KeyExists):
        store.add(replace(PLAIN, digest="other"))
    assert store.get(PLAIN.key_id) == PLAIN


def test_revoking_keeps_all_else_and_the_first_time(store: KeyStore) -> None:
    store.add(PLAIN)
    assert store.revoke(PLAIN.key_id, 5) == replace(PLAIN, revoked_s=5)
    assert store.revoke(PLAIN.key_id, 6) == replace(PLAIN, revoked_s=5)
    assert store.get(PLAIN.key_id) == replace(PLAIN, revoked_s=5)


def test_a_table_that_is_not_there_is_unavailable_and_not_a_bad_key(environ: dict[str, str], build: Build) -> None:
    gone = {**environ, "SLIPSTREAM_KEYS_TABLE": "nowhere"}
    with pytest.raises(UpstreamUnavailable, match="keys table cannot be used"):
        build(gone).store.get(PLAIN.key_id)


def test_a_service_that_is_not_there_is_unavailable(environ: dict[str, str], build: Build) -> None:
    gone = {**environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    with pytest.raises(UpstreamUnavailable):
        build(gone).store.get(PLAIN.key_id)


def test_an_expired_key_is_left_to_the_tables_time_to_live(parts: KeyParts) -> None:
    parts.store.add(FULL)
    (item,) = boto3.client("dynamodb").scan(TableName="keys")["Items"]
    assert int(item["ttl_s"]["N"]) == 3 + 90 * 86_400


def test_a_key_opens_the_gateway_until_it_is_revoked(parts: KeyParts) -> None:
    key, record = issue.create(store=parts.store, pepper=parts.pepper(), now_s=NOW_S, tenant="acme")
    event = {
        "methodArn": "arn:aws:execute-api:r:1:api/prod/GET/v1/models",
        "headers": {"Authorization": f"Bearer {key}"},
    }

    def ask() -> str:
        answer = authorize(event, lambda key: verify(key, store=parts.store, pepper=parts.pepper(), now_s=NOW_S))
        return str(answer["context"]["tenant"])

    assert ask() == "acme"
    issue.revoke(record.key_id, store=parts.store, now_s=NOW_S)
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        ask()


def test_the_pepper_is_the_secrets_text(parts: KeyParts) -> None:
    key, _ = issue.create(store=parts.store, pepper=b"p" * 64, now_s=NOW_S)
    assert parts.pepper() == b"p" * 64
    assert verify(key, store=parts.store, pepper=parts.pepper(), now_s=NOW_S).tenant == "default"
    with pytest.raises(Unauthenticated):
        verify(key, store=parts.store, pepper=b"q" * 64, now_s=NOW_S)


@pytest.mark.parametrize("missing", ["AWS_REGION", "SLIPSTREAM_KEYS_TABLE", "SLIPSTREAM_PEPPER_SECRET_ARN"])
def test_a_missing_variable_is_named(missing: str) -> None:
    environ = {"AWS_REGION": "r", "SLIPSTREAM_KEYS_TABLE": "t", "SLIPSTREAM_PEPPER_SECRET_ARN": "a", missing: ""}
    with pytest.raises(SlipstreamError, match=missing):
        read_key_settings(environ)


@pytest.mark.parametrize("value", ["-1", "soon", "3601", "1.5"])
def test_a_memory_time_that_is_none_is_refused(value: str) -> None:
    environ = {"AWS_REGION": "r", "SLIPSTREAM_KEYS_TABLE": "t", "SLIPSTREAM_PEPPER_SECRET_ARN": "a"}
    with pytest.raises(SlipstreamError, match="0 to 3600"):
        read_key_settings({**environ, "SLIPSTREAM_REMEMBER_KEYS_S": value})
