from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.models import models
from slipstream.models.catalogue import load


def run(*args: str, **env: Any) -> Result:
    return CliRunner().invoke(
        models, args, env={"COLUMNS": "200", "SLIPSTREAM_ALIASES": "", "SLIPSTREAM_PRICES": "", **env}
    )


def test_the_table_names_every_model() -> None:
    out = run().output
    assert [model.id for model in load().list() if model.id not in out] == []


def test_the_ids_are_those_that_can_be_called_from_the_region() -> None:
    assert "eu.anthropic.claude-sonnet-4-6" in run("--region", "eu-west-1").output
    shown = {model["id"]: model["call_as"] for model in json.loads(run("--json").stdout)["models"]}
    assert shown["anthropic.claude-sonnet-4-6"] == "us.anthropic.claude-sonnet-4-6"
    assert shown["amazon.nova-lite-v1:0"] == "amazon.nova-lite-v1:0"


def test_json_is_one_object_with_every_model_and_the_aliases() -> None:
    shown = json.loads(run("--json").stdout)
    assert len(shown["models"]) == len(load().list())
    assert set(shown["aliases"]) == {"fast", "balanced", "best"}


def test_one_model_is_shown_with_its_presets_as_they_would_be_sent() -> None:
    shown = json.loads(run("fast", "--json").stdout)
    assert shown["id"] == "anthropic.claude-haiku-4-5-20251001-v1:0"
    assert shown["presets"]["extraction"]["sent"] == {"max_tokens": 1024, "temperature": 0.0, "top_k": 1}


def test_one_model_is_shown_to_people_too() -> None:
    out = run("us.amazon.nova-pro-v1:0").output
    assert "Nova Pro" in out
    assert "summarization" in out


def test_an_embedding_model_has_no_presets() -> None:
    shown = json.loads(run("amazon.titan-embed-text-v2:0", "--json").stdout)
    assert shown["dimensions"] == [1024, 512, 256]
    assert "presets" not in shown


def test_the_deploy_settings_aliases_and_prices_are_shown() -> None:
    settings = {
        "SLIPSTREAM_ALIASES": '{"quick": "amazon.nova-micro-v1:0"}',
        "SLIPSTREAM_PRICES": '{"amazon.nova-micro-v1:0": {"input": 9, "output": 9}}',
    }
    shown = json.loads(run("quick", "--json", **settings).stdout)
    assert shown["price"]["input"] == 9


@pytest.mark.parametrize(
    ("args", "env", "words"),
    [
        (("gpt-4",), {}, "did you mean"),
        ((), {"SLIPSTREAM_ALIASES": "{"}, "SLIPSTREAM_ALIASES is not JSON"),
        ((), {"SLIPSTREAM_ALIASES": "[1]"}, "SLIPSTREAM_ALIASES is not a JSON object"),
    ],
)
def test_a_mistake_ends_with_its_reason(args: tuple[str, ...], env: dict[str, str], words: str) -> None:
    result = run(*args, **env)
    assert result.exit_code == 1
    assert words in result.output


def test_where_prices_come_from_is_told_as_the_catalogue_has_it() -> None:
    assert not any(model.price.verified for model in load().list() if model.price)
    assert "all of them from secondary sources" in run().output


def test_on_eighty_columns_what_a_model_accepts_stays_below_its_id_indented() -> None:
    table = run(COLUMNS="80").output.partition("Embedding models")[0].splitlines()[2:]
    starts = (*(model.provider for model in load().list()), "us.", "global.")
    assert [line for line in table if line.strip() and not line.startswith((*starts, "  "))] == []
