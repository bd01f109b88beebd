from __future__ import annotations

import json

import pytest

from tests.unit.cli.conftest import Gateway, Shell


@pytest.mark.parametrize(
    ("options", "body"),
    [
        (["--tenant", "acme"], {"tenant": "acme"}),
        (["--tenant", "acme", "--prefix", "3f09"], {"tenant": "acme", "prefix": "3f09"}),
        (["--namespace", "group"], {"namespace": "group"}),
    ],
)
def test_a_purge_says_how_many_answers_it_ended(
    online: Shell, gateway: Gateway, options: list[str], body: dict[str, str]
) -> None:
    gateway.returns({"object": "purge", "namespace": "tenant:acme", "answers": 3})

    result = online.run("cache", "purge", *options)

    assert gateway.asked == [("POST", "/v1/cache/purge", body)]
    assert result.output == "3 answers of tenant:acme ended\n"


def test_a_purge_says_that_the_log_was_forgotten_too(online: Shell, gateway: Gateway) -> None:
    gateway.returns({"object": "purge", "namespace": "tenant:acme", "answers": 3, "logged_questions": 7})

    output = online.run("cache", "purge", "--tenant", "acme").output

    assert output == "3 answers of tenant:acme ended, 7 counts of its questions forgotten\n"


def test_a_purge_by_document_says_what_is_served_no_more(online: Shell, gateway: Gateway) -> None:
    gateway.returns({"object": "purge", "index": "docs", "document": "a.md"})

    assert "docs/a.md" in online.run("cache", "purge", "--document", "docs/a.md").output
    told = json.loads(online.run("cache", "purge", "--document", "docs/a.md", "--json").stdout)
    assert told == {"object": "purge", "index": "docs", "document": "a.md"}


@pytest.mark.parametrize("options", [[], ["--tenant", "a", "--document", "docs/a"], ["--prefix", "3f"]])
def test_a_purge_of_nothing_clear_is_not_sent(online: Shell, gateway: Gateway, options: list[str]) -> None:
    result = online.run("cache", "purge", *options)

    assert (result.exit_code, gateway.asked) == (2, [])
    assert "one of --tenant, --namespace and --document" in result.output
