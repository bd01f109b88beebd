"""Callers without a good key, as both kinds of client meet them."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import openai
import pytest
import trustme
from botocore.config import Config
from botocore.exceptions import ClientError

from slipstream.fakes.keys import MemoryKeyStore
from slipstream.gateway.http import Principal
from slipstream.keys import issue
from slipstream.keys.verify import presented_key, verify
from slipstream.runtime.settings import read_settings
from slipstream.runtime.wiring import build
from slipstream.runtime.wsgi import wsgi_app
from slipstream.runtime.wsgi_server import Server
from tests.functional.faults.conftest import HI, HI_CONVERSE, NOVA, Double, Stack, environ_over

PEPPER = b"the pepper of this test, long enough"


@dataclass
class Guarded:
    """A gateway that checks keys as the authorizer does, with its store in memory."""

    store: MemoryKeyStore
    port: int
    ca: Path

    def create(self, **more: Any) -> tuple[str, str]:
        key, record = issue.create(store=self.store, pepper=PEPPER, now_s=time.time(), **more)
        return key, record.key_id

    def ask_openai(self, key: str) -> Any:
        base_url = f"https://localhost:{self.port}/v1"
        context = ssl.create_default_context(cafile=str(self.ca))
        http_client = openai.DefaultHttpxClient(verify=context)
        with openai.OpenAI(base_url=base_url, api_key=key, max_retries=0, http_client=http_client) as client:
            return client.chat.completions.create(model=NOVA, messages=HI)

    def ask_boto3(self, key: str, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", key)
        config = Config(retries={"total_max_attempts": 1})
        client = boto3.client(
            "bedrock-runtime", endpoint_url=f"https://localhost:{self.port}", region_name="us-east-1",
            verify=str(self.ca), config=config,
        )  # fmt: skip
        try:
            return client.converse(modelId=NOVA, messages=HI_CONVERSE)
        finally:
            client.close()


@pytest.fixture(scope="module")
def guarded(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    ca = tmp_path_factory.mktemp("keys") / "ca.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    store = MemoryKeyStore()

    def authenticate(headers: Mapping[str, str]) -> Principal:
        return verify(presented_key(headers), store=store, pepper=PEPPER, now_s=time.time())

    environ = environ_over(stack.double_port)
    app = build(read_settings(environ), environ).app
    server = Server(wsgi_app(app, authenticate=authenticate), ssl_context=context)
    server.start()
    yield Guarded(store, server.port, ca)
    server.close()


def test_a_good_key_is_served_on_both_wires(guarded: Guarded, double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    key, _ = guarded.create()
    assert guarded.ask_openai(key).choices[0].finish_reason
    assert guarded.ask_boto3(key, monkeypatch)["stopReason"]


@pytest.mark.parametrize("kind", ["unknown", "no key of ours", "revoked", "expired", "wrong secret"])
def test_a_bad_key_is_refused_in_each_clients_own_words(
    guarded: Guarded, double: Double, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    key, key_id = guarded.create()
    if kind == "revoked":
        issue.revoke(key_id, store=guarded.store, now_s=time.time())
    elif kind == "expired":
        key, _ = issue.create(store=guarded.store, pepper=PEPPER, now_s=time.time() - 100, expires_in_s=1)
    elif kind == "wrong secret":
        key = key[:-4] + ("AAAA" if not key.endswith("AAAA") else "BBBB")
    elif kind == "no key of ours":
        key = "sk-other"
    elif kind == "unknown":
        key, _ = issue.create(store=MemoryKeyStore(), pepper=PEPPER, now_s=time.time())
    with pytest.raises(openai.AuthenticationError) as refused:
        guarded.ask_openai(key)
    assert (refused.value.status_code, refused.value.code) == (401, "invalid_api_key")
    assert "slipstream keys create" in refused.value.message
    with pytest.raises(ClientError) as told:
        guarded.ask_boto3(key, monkeypatch)
    assert told.value.response["Error"]["Code"] == "UnrecognizedClientException"
    assert double.calls() == 0


def test_a_key_for_other_models_is_forbidden_before_any_call(
    guarded: Guarded, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = guarded.create(models=["anthropic.*"])
    with pytest.raises(openai.PermissionDeniedError, match="may not use the model"):
        guarded.ask_openai(key)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        guarded.ask_boto3(key, monkeypatch)
    assert double.calls() == 0


def test_a_key_without_the_scope_is_told_which_it_lacks(guarded: Guarded, double: Double) -> None:
    key, _ = guarded.create(scopes=["admin"])
    with pytest.raises(openai.PermissionDeniedError, match="scope 'invoke'"):
        guarded.ask_openai(key)
    assert double.calls() == 0
