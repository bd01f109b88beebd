import io
import json
from pathlib import Path
from typing import Any

import pytest

from local import account
from local.first_key import NoKey
from slipstream.fakes.keys import MemoryKeyStore
from slipstream.keys.api import KeysApi
from slipstream.runtime.lambda_event import decode

OUTPUTS = {
    "BaseUrl": "https://abc.execute-api.eu-west-1.amazonaws.com/prod/",
    "KeysFunction": "arn:aws:lambda:eu-west-1:111122223333:function:Keys:live",
}


class Lambda:
    """Invokes the real key administration over a store in memory."""

    def __init__(self) -> None:
        self.now_s = 1.0
        store = MemoryKeyStore()
        self.api = KeysApi(
            store=store, pepper=lambda: b"p" * 32, flush=lambda: True, clock=lambda: self.now_s, believe_s=0
        )

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 (boto3's names)
        assert FunctionName == OUTPUTS["KeysFunction"]
        status, body = self.api(decode(Payload))
        return {"Payload": io.BytesIO(json.dumps({"statusCode": status, "body": json.dumps(body)}).encode())}


def welcome(client: Any) -> str:
    return "\n".join(account.welcome(client, OUTPUTS, "eu-west-1"))


def test_the_first_deployment_prints_addresses_a_key_and_blocks_to_paste() -> None:
    told = welcome(Lambda())
    assert told.count("sk-slip-") == 4
    assert "base URL        https://abc.execute-api.eu-west-1.amazonaws.com/prod\n" in told
    assert 'base_url="https://abc.execute-api.eu-west-1.amazonaws.com/prod/v1"' in told
    assert "AWS_CA_BUNDLE" not in told


def test_a_second_deployment_makes_no_key_and_says_how_to_make_more() -> None:
    client = Lambda()
    welcome(client)
    told = welcome(client)
    assert "sk-slip-" not in told
    assert "Usable keys: 1" in told
    assert "keys --base-url https://abc" in told


def test_where_every_key_is_revoked_a_new_one_is_made() -> None:
    client = Lambda()
    welcome(client)
    from local.first_key import event

    (key,) = client.api(decode(json.dumps(event("GET", None)).encode()))[1]["data"]
    client.api(decode(json.dumps(event("DELETE", None) | {"path": f"/v1/keys/{key['id']}"}).encode()))
    assert "sk-slip-" in welcome(client)


def test_a_function_that_fails_is_quoted() -> None:
    class Broken:
        def invoke(self, **_: Any) -> dict[str, Any]:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "no table"}')}

    with pytest.raises(NoKey, match="no table"):
        welcome(Broken())


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment without AWS credentials or region."""
    import os

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("command", ["deploy", "destroy"])
def test_without_credentials_nothing_is_tried_and_the_way_out_is_named(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account.main([command]) == 1
    assert "AWS_PROFILE" in capsys.readouterr().err


@pytest.mark.usefixtures("nobody")
def test_without_a_region_the_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    assert account.main(["deploy"]) == 1
    assert "AWS_REGION" in capsys.readouterr().err
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert account.main(["destroy"]) == 1
    shown = capsys.readouterr()
    assert "FORCE=1" in shown.err
    assert "What remains" in shown.out
