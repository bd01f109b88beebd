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


def test_a_purge_can_end_what_was_learnt_too(online: Shell, gateway: Gateway) -> None:
    gateway.returns({"object": "purge", "namespace": "tenant:acme", "answers": 3, "labels": 20})
    result = online.run("cache", "purge", "--tenant", "acme", "--learnt")

    assert gateway.asked == [("POST", "/v1/cache/purge", {"tenant": "acme", "learnt": True})]
    assert result.output == "3 answers of tenant:acme ended, and 20 labels forgotten\n"


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


REPORT = {
    "object": "cache.report", "namespace": "tenant:acme", "from": "2026-11-20", "to": "2026-11-26", "requests": 1200,
    "hits": {
        "exact": {"count": 300, "rate": 0.25}, "semantic": {"count": 60, "rate": 0.05},
        "joined": {"count": 0, "rate": 0.0},
    },
    "hit_rate": 0.3, "saved_usd": 1.25, "saved_s": 420.5,
    "semantic": {
        "epsilon": 0.01, "labels": {"checked": 320, "all": 330}, "learnt": {"labels": 310, "at_s": 1.8e9},
        "share_served": 0.6, "bound": 0.0116, "checks": {"same": 250, "different": 60, "undecided": 10},
        "false_hits": {"checked": 120, "wrong": 1, "rate": 0.00833, "low_95": 0.0002, "high_95": 0.0456},
        "same_words": {"checked": 9, "wrong": 0, "rate": 0.0, "low_95": 0.0, "high_95": 0.3363},
        "reported": {"wrong": 2, "right": 1}, "close": 7,
    },
    "useful": [
        {"key": "ab" * 32, "question": "How do I\n replace it?", "hits": 90, "saved_usd": 0.5, "saved_s": 80.0},
    ],
    "doubtful": [{"key": "cd" * 32, "reported_wrong": 2, "close": 1, "hits": 4}],
}  # fmt: skip


def test_the_report_is_told_in_words_with_the_measured_rate_and_its_interval(online: Shell, gateway: Gateway) -> None:
    gateway.returns(REPORT)
    result = online.run("cache", "report", "--tenant", "acme", "--days", "3")

    assert gateway.asked == [("GET", "/v1/cache/report?tenant=acme&days=3", None)]
    for said in (
        "1,200 requests, 30.00 % hits", "semantic 60 (5.00 %)", "$1.2500 and 420.5 s",
        "0.83 % (95 % interval 0.02 % to 4.56 %): 1 of 120 checked were wrong", "learnt from 310 labels",
        "abababababababab  90 hits, $0.5000  How do I replace it?", "2 times reported as wrong",
    ):  # fmt: skip
        assert said in result.output


def test_a_report_without_checks_says_so(online: Shell, gateway: Gateway) -> None:
    semantic = REPORT["semantic"] | {  # type: ignore[operator]
        "learnt": None, "labels": {"checked": 12, "all": 12},
        "false_hits": {"checked": 0, "wrong": 0, "rate": None, "low_95": None, "high_95": None},
        "same_words": {"checked": 0, "wrong": 0, "rate": None, "low_95": None, "high_95": None},
    }  # fmt: skip
    gateway.returns(REPORT | {"semantic": semantic, "hit_rate": None, "useful": [], "doubtful": []})
    result = online.run("cache", "report")

    assert "not measured yet" in result.output
    assert "12 labels by checks, 100 are needed" in result.output
    assert "doubtful" not in result.output


def test_the_report_as_json_is_one_object(online: Shell, gateway: Gateway) -> None:
    gateway.returns(REPORT)

    assert json.loads(online.run("cache", "report", "--namespace", "group", "--json").stdout) == REPORT
    assert gateway.asked == [("GET", "/v1/cache/report?namespace=group&days=7", None)]
    assert online.run("cache", "report", "--namespace", "a", "--tenant", "b").exit_code == 2


@pytest.mark.parametrize(("option", "correct"), [("--wrong", False), ("--right", True)])
def test_feedback_is_sent_as_it_was_given(online: Shell, gateway: Gateway, option: str, correct: bool) -> None:
    gateway.returns(
        {"object": "feedback", "kind": "semantic", "correct": correct, "ended": not correct, "learnt": True}
    )
    result = online.run("cache", "feedback", "kaGI", option)

    assert gateway.asked == [("POST", "/v1/feedback", {"id": "kaGI", "correct": correct})]
    assert ("served no more" in result.output) is (not correct)
    assert "learnt from" in result.output


def test_feedback_that_says_nothing_is_not_sent(online: Shell, gateway: Gateway) -> None:
    result = online.run("cache", "feedback", "kaGI")

    assert (result.exit_code, gateway.asked) == (2, [])
    assert "--right and --wrong" in result.output


def test_feedback_on_what_is_not_kept_is_refused_in_the_gateways_words(online: Shell, gateway: Gateway) -> None:
    gateway.refuses(404, {"message": "no answer is kept under this id", "code": "answer_not_found"})
    result = online.run("cache", "feedback", "kaGI", "--wrong")

    assert result.exit_code == 1
    assert "no answer is kept under this id" in result.output


@pytest.mark.parametrize(
    "command",
    [["report"], ["purge", "--tenant", "acme"], ["feedback", "kaGI", "--right"]],
)
def test_the_gateway_can_be_named_before_the_subcommand_and_after_it(
    shell: Shell, gateway: Gateway, command: list[str]
) -> None:
    gateway.refuses(403, {"message": "heard", "code": "permission_denied"})
    named, key = ["--base-url", gateway.url], ["--api-key", "k1"]

    for arguments in ([*named, *key, *command], [*command, *named, *key], [*named, *command, *key]):
        assert "heard" in shell.run("cache", *arguments).output

    assert gateway.keys == ["Bearer k1"] * 3


def test_of_two_gateways_the_one_after_the_subcommand_counts(shell: Shell, gateway: Gateway) -> None:
    gateway.returns(REPORT)
    elsewhere = ["--base-url", "http://127.0.0.1:9", "--api-key", "k1"]

    result = shell.run("cache", *elsewhere, "report", "--base-url", gateway.url, "--api-key", "k2")

    assert (result.exit_code, gateway.keys) == (0, ["Bearer k2"])


def test_the_help_names_all_that_can_be_done(shell: Shell) -> None:
    (line,) = (line for line in shell.run("--help").output.splitlines() if line.startswith("  cache "))

    assert all(name in line for name in ("report", "feedback", "purge"))
