from __future__ import annotations

import json
from typing import Any

import pytest

from cli.keys import state
from tests.unit.cli.conftest import Gateway, Shell

RECORD: dict[str, Any] = {
    "id": "01KEY", "name": "shop", "tenant": "acme", "scopes": ["invoke"], "models": ["fast"],
    "created_at": 1_700_000_000, "expires_at": None, "revoked_at": None,
}  # fmt: skip


def test_a_new_key_is_the_only_thing_on_standard_output(online: Shell, gateway: Gateway) -> None:
    gateway.returns({**RECORD, "key": "sk-slip-new"})

    result = online.run(
        "keys", "create", "--name", "shop", "--scope", "invoke", "--model", "fast", "--expires-in", "2h"
    )

    assert result.stdout == "sk-slip-new\n"
    assert "not shown again" in result.stderr
    expected = {"name": "shop", "tenant": "default", "scopes": ["invoke"], "models": ["fast"], "expires_in_s": 7200}
    assert gateway.asked == [("POST", "/v1/keys", expected)]


@pytest.mark.parametrize("lifetime", ["2", "h", "0d", "-1d", "two days"])
def test_a_lifetime_without_number_or_unit_is_refused(online: Shell, gateway: Gateway, lifetime: str) -> None:
    assert online.run("keys", "create", f"--expires-in={lifetime}").exit_code == 2
    assert not gateway.asked


def test_the_list_shows_each_key_and_what_it_is_worth(online: Shell, gateway: Gateway) -> None:
    gateway.returns({"data": [RECORD, {**RECORD, "id": "02KEY", "revoked_at": 1_700_000_001}]})

    output = online.run("keys", "list", COLUMNS="160").output

    assert "01KEY" in output
    assert "2023-11-14" in output
    assert "revoked" in output


def test_on_eighty_columns_each_key_is_one_line_and_the_rest_is_named(online: Shell, gateway: Gateway) -> None:
    record = {**RECORD, "id": "01JDKEYKEYKEYKEYKEYKEYKEYK", "scopes": ["invoke", "ingest", "admin"]}
    gateway.returns({"data": [record, record]})

    output = online.run("keys", "list", COLUMNS="80").output

    assert [line.split() for line in output.splitlines() if "01JD" in line] == [
        [record["id"], "shop", "fast", "active"]
    ] * 2
    assert "scopes and date: on 100 columns, or with --json" in output


def test_revoking_names_the_id_in_the_path(online: Shell, gateway: Gateway) -> None:
    gateway.returns({**RECORD, "note": "usable for a while"})

    result = online.run("keys", "revoke", "01KEY/..")

    assert gateway.asked == [("DELETE", "/v1/keys/01KEY%2F..", None)]
    assert "usable for a while" in result.output


def test_a_whole_key_is_not_taken_for_its_id(online: Shell, gateway: Gateway) -> None:
    assert online.run("keys", "revoke", "sk-slip-01KEY-secret").exit_code == 2
    assert not gateway.asked


def test_a_key_without_the_scope_is_told_so(online: Shell, gateway: Gateway) -> None:
    gateway.refuses(403, {"message": "this key lacks the scope 'admin'", "code": "permission_denied"})

    result = online.run("keys", "list")

    assert result.exit_code == 1
    assert "lacks the scope 'admin'" in result.output


def test_json_is_what_the_gateway_said(online: Shell, gateway: Gateway) -> None:
    gateway.returns({"data": [RECORD]})

    assert json.loads(online.run("keys", "list", "--json").stdout) == {"data": [RECORD]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [({}, "active"), ({"expires_at": 50}, "expired"), ({"expires_at": 86_400}, "until 1970-01-02")],
)
def test_a_key_expires_at_its_time(change: dict[str, Any], expected: str) -> None:
    assert state({**RECORD, **change}, now_s=100) == expected


def test_a_key_for_a_model_that_nobody_knows_is_refused_with_the_nearest(online: Shell, gateway: Gateway) -> None:
    gateway.refuses(404, {"message": "There is no model 'fsat'. Did you mean 'fast'?", "code": "model_not_found"})

    result = online.run("keys", "create", "--model", "fsat")

    assert result.exit_code == 2
    assert "Did you mean 'fast'?" in result.output
    assert gateway.asked == [("GET", "/v1/models/fsat", None)]


@pytest.mark.parametrize("model", ["anthropic.*", "arn:aws:bedrock:us-east-1:1:x/y", "rag:handbook", "amazon.new-v9:0"])
def test_globs_arns_indexes_and_ids_of_a_known_form_are_taken_as_they_are(
    online: Shell, gateway: Gateway, model: str
) -> None:
    gateway.returns({**RECORD, "key": "sk-slip-new"})

    assert online.run("keys", "create", "--model", model).exit_code == 0
    assert [method for method, _, _ in gateway.asked] == ["POST"]
