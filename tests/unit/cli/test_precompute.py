"""`slipstream precompute plan` and `slipstream eval precompute`: what they print, and what they refuse."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from tests.unit.caching.precompute.logs import steady, write

MONTHS = ("2020-01", "2020-02", "2020-03", "2020-04")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    rows = [*steady(MONTHS, {"city map": 30, "tree": 12, "ada@example.org": 9}), ("2020-02", "one of a kind", 1, 1)]
    return write(tmp_path / "asked.tsv.gz", rows)


def test_a_plan_as_json_is_one_object_with_questions_sums_and_what_it_would_have_served(log: Path) -> None:
    run = CliRunner().invoke(main, ["precompute", "plan", "--log", str(log), "--budget", "5", "--json"])

    assert run.exit_code == 0, run.stderr
    found = json.loads(run.stdout)
    assert [one["question"] for one in found["questions"]] == ["city map", "tree"]
    assert found["period"] == "2020-05"
    assert found["cost_usd"] == pytest.approx(sum(one["cost_usd"] for one in found["questions"]))
    assert found["dropped"] == {"mail": 1, "long_number": 0, "few_users": 1}
    assert found["backtest"]["served_share"] == pytest.approx(42 / 51)
    assert found["backtest"]["period"] == "2020-04"


def test_a_plan_for_people_names_each_question_and_what_was_left_out(log: Path) -> None:
    run = CliRunner().invoke(main, ["precompute", "plan", "--log", str(log)])

    assert run.exit_code == 0, run.stderr
    assert "city map" in run.stdout
    assert "1 with a mail address" in " ".join(run.stdout.split())
    assert "ada@" not in run.output


def test_an_evaluation_reports_every_period_with_its_oracle_and_cost(log: Path) -> None:
    run = CliRunner().invoke(main, ["eval", "precompute", "--log", str(log), "--budget", "2", "--json"])

    assert run.exit_code == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["budget"] == 2
    assert [one["period"] for one in found["periods"]] == list(MONTHS[1:])
    for one in found["periods"]:
        assert one["served_share"] == pytest.approx(one["oracle_share"])
        assert one["cost_usd"] > 0
    assert found["median_part_of_oracle"]["served"] == pytest.approx(1.0)


def test_an_evaluation_for_people_has_a_row_a_period(log: Path) -> None:
    run = CliRunner().invoke(main, ["eval", "precompute", "--log", str(log)])

    assert all(month in run.stdout for month in MONTHS[1:])
    assert "median" in run.stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--budget", "0"], "0 answers"),
        (["--model", "balancd"], "balanced"),
        (["--language", "xx"], "no stems"),
        (["--saved-s", "-1"], "saved_s is -1"),
    ],
)
def test_a_wrong_option_is_refused_with_the_fix(log: Path, more: list[str], said: str) -> None:
    for command in (["precompute", "plan"], ["eval", "precompute"]):
        run = CliRunner().invoke(main, [*command, "--log", str(log), *more])

        assert run.exit_code == 1
        assert said in run.stderr
        assert run.stdout == ""


def test_prices_of_the_shell_count(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["precompute", "plan", "--log", str(log), "--model", "amazon.nova-pro-v1:0", "--fill", "--json"]
    usual = json.loads(CliRunner().invoke(main, command).stdout)["cost_usd"]
    monkeypatch.setenv("SLIPSTREAM_PRICES", '{"amazon.nova-pro-v1:0": {"input": 80.0, "output": 320.0}}')

    assert json.loads(CliRunner().invoke(main, command).stdout)["cost_usd"] > 50 * usual


def test_prices_that_are_none_are_refused(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPSTREAM_PRICES", "[1]")

    run = CliRunner().invoke(main, ["precompute", "plan", "--log", str(log)])

    assert run.exit_code == 1
    assert "SLIPSTREAM_PRICES" in run.stderr
