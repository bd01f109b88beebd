"""Credentials: anyone, someone, or who signed right (checked against botocore's own signer)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from openai import AuthenticationError, OpenAI, PermissionDeniedError

from local.bedrock.settings import Settings
from tests.contract.bedrock.running import QUICK, Running, says

NOVA = "amazon.nova-lite-v1:0"


@pytest.fixture(scope="module")
def strict() -> Iterator[Running]:
    with Running(Settings(**QUICK, check_signatures=True, bearer_token="right")) as server:
        yield server


def test_botocores_signature_is_accepted_with_colons_and_slashes_in_the_id(strict: Running) -> None:
    client = strict.boto()
    arn = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}"
    for model in (NOVA, arn):
        assert client.converse(modelId=model, messages=[says("Größe?")])["stopReason"] == "end_turn"


def test_a_signature_over_a_query_is_accepted(strict: Running) -> None:
    listed = strict.boto("bedrock").list_inference_profiles(maxResults=3, typeEquals="SYSTEM_DEFINED")
    assert len(listed["inferenceProfileSummaries"]) == 3


def test_a_wrong_secret_is_refused(strict: Running) -> None:
    with pytest.raises(ClientError) as refused:
        strict.boto(secret="wrong").converse(modelId=NOVA, messages=[says("Hi")])
    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_body_changed_after_signing_is_refused(strict: Running) -> None:
    client = strict.boto()

    def tamper(request: Any, **_: Any) -> None:
        request.body = request.body.replace(b"Hi", b"Ho")

    client.meta.events.register("before-send", tamper)
    with pytest.raises(ClientError) as refused:
        client.converse(modelId=NOVA, messages=[says("Hi")])
    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"


def test_an_old_signature_is_refused(strict: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime

    import botocore.auth

    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: old.replace(tzinfo=None))
    with pytest.raises(ClientError, match="Signature expired"):
        strict.boto().converse(modelId=NOVA, messages=[says("Hi")])


def test_mantles_signing_name_is_accepted_on_the_openai_paths(strict: Running) -> None:
    request = AWSRequest("POST", strict.url + "/openai/v1/responses", data=b'{"model":"openai.gpt-5.4","input":"Hi"}')
    SigV4Auth(Credentials("test", "test"), "bedrock-mantle", "us-east-1").add_auth(request)
    headers: dict[str, str] = dict(request.headers.items())
    with OpenAI(base_url=strict.url + "/openai/v1", api_key="unused", default_headers=headers, max_retries=0) as client:
        http = client._client  # the plain HTTP client underneath sends the signed bytes unchanged
        response = http.post("responses", content=request.data, headers=headers)
    assert response.status_code == 200


def test_the_right_bearer_key_is_accepted_and_a_wrong_one_refused(strict: Running) -> None:
    for key, accepted in (("right", True), ("wrong", False)):
        with OpenAI(base_url=strict.url + "/v1", api_key=key, max_retries=0) as client:
            if accepted:
                assert client.models.list().data
            else:
                with pytest.raises(PermissionDeniedError):
                    client.models.list()


def test_with_require_auth_a_call_without_credentials_is_refused() -> None:
    with Running(Settings(**QUICK, require_auth=True)) as server, server.openai() as client:
        assert client.models.list().data
        bare = client._client.get(f"{server.url}/v1/models")
        assert bare.status_code == 401
        with pytest.raises(AuthenticationError):
            client.with_options(default_headers={"Authorization": ""}).models.list()
