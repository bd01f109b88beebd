import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.constructs.fill_machine import MOST_AT_ONCE, Pace
from stacks.precompute import FILL_TIMEOUT_S
from tests.infra.conftest import synthesize
from tests.infra.template import Template, text
from tests.infra.test_search_rights import rights

Get = Callable[..., Template]
STACK = "Precompute"
EXPRESS_S = 300
"""The longest Express execution."""


@pytest.fixture
def background(template: Get) -> Template:
    return template(stack=STACK)


def made(folder: Path, **context: Any) -> Template:
    synthesize(context, folder)
    (path,) = folder.glob(f"*-{STACK}.template.json")
    return Template(json.loads(path.read_text()))


def definition(template: Template) -> dict[str, Any]:
    """The machine's, with each reference as its logical id."""
    written = template.one("AWS::StepFunctions::StateMachine")["DefinitionString"]
    parts = written["Fn::Join"][1]
    found: dict[str, Any] = json.loads(
        "".join(part if isinstance(part, str) else next(iter(part.values())) for part in parts)
    )
    return found


def schedules(template: Template) -> dict[str, dict[str, Any]]:
    """By what they say to their target."""
    found = template.all("AWS::Scheduler::Schedule").values()
    return {schedule["Target"]["Input"]: schedule for schedule in found}


def test_a_run_plans_and_answers_each_line_of_the_plan_by_itself(background: Template) -> None:
    states = definition(background)["States"]
    assert states["Plan"]["Parameters"]["Payload"] == {"run.$": "$$.Execution.Name", "refill.$": "$.refill"}
    answers = states["Answers"]
    assert answers["ItemReader"]["ReaderConfig"] == {"InputType": "JSONL"}
    assert answers["ItemSelector"] == {
        "BatchInput": {"run.$": "$.run"},
        "Items.$": "States.Array($$.Map.Item.Value)",
    }
    assert answers["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"


def test_a_plan_without_a_line_ends_a_run_well(background: Template) -> None:
    states = definition(background)["States"]
    assert states["Plan"]["Next"] == "Anything"
    (some,) = states["Anything"]["Choices"]
    assert (some["Variable"], some["NumericGreaterThan"], some["Next"]) == ("$.items", 0, "Answers")
    assert states[states["Anything"]["Default"]]["Type"] == "Succeed"


def test_what_answers_come_to_is_not_gathered_in_an_output_which_is_limited(background: Template) -> None:
    answers = definition(background)["States"]["Answers"]
    assert answers["ResultPath"] is None
    assert answers["ItemProcessor"]["States"]["Answer"]["OutputPath"] is None


def test_no_history_is_kept_of_questions_and_no_log(background: Template) -> None:
    assert definition(background)["States"]["Answers"]["ItemProcessor"]["ProcessorConfig"]["ExecutionType"] == "EXPRESS"
    assert "LoggingConfiguration" not in background.one("AWS::StepFunctions::StateMachine")


def test_an_answer_with_its_pause_and_its_second_attempt_fits_into_an_express_execution(background: Template) -> None:
    states = definition(background)["States"]["Answers"]["ItemProcessor"]["States"]
    (again,) = states["Answer"]["Retry"]
    attempts = 1 + again["MaxAttempts"]
    assert states["Pace"]["Seconds"] + attempts * FILL_TIMEOUT_S + again["IntervalSeconds"] < EXPRESS_S


@given(st.integers(1, 6000))
def test_never_more_answers_begin_in_a_minute_than_the_setting_says(per_minute: int) -> None:
    pace = Pace.of(per_minute)
    assert 1 <= pace.at_once <= MOST_AT_ONCE
    assert Fraction(60 * pace.at_once, pace.wait_s) <= per_minute


def test_the_machine_may_call_its_two_functions_read_plans_and_start_itself(background: Template) -> None:
    found = rights(background, "RunsRole")
    assert found.keys() == {
        "lambda:InvokeFunction", "s3:GetObject", "states:StartExecution", "states:DescribeExecution",
        "states:StopExecution",
    }  # fmt: skip
    assert ["MineLive" in arn or "FillLive" in arn for arn in found["lambda:InvokeFunction"]] == [True, True]
    assert all("/precompute/*" in arn for arn in found["s3:GetObject"])
    assert all(":stateMachine:slipstream-prod-precompute" in arn for arn in found["states:StartExecution"])


def test_the_fill_function_answers_with_the_chat_functions_environment_and_rights(template: Get) -> None:
    chat = template("searching").function("handlers.chat.build")["Environment"]["Variables"]
    fill = template("searching", STACK).function("handlers.fill.handler")["Environment"]["Variables"]
    own = {name for name in fill if name.startswith("SLIPSTREAM_PRECOMPUTE_")}
    limits = "ANSWERS", "BUDGET_USD", "HOLDS_S", "MIN_USERS", "PER_MINUTE"
    assert own == {f"SLIPSTREAM_PRECOMPUTE_{name}" for name in limits}
    assert fill["SLIPSTREAM_PRECOMPUTE_HOLDS_S"] == "93600"
    assert fill.keys() - own == chat.keys() - {"AWS_LAMBDA_EXEC_WRAPPER"}
    granted = rights(template("searching", STACK), "FillRole")
    assert granted.keys() == rights(template("searching"), "ChatRole").keys()


def test_the_planning_function_may_call_no_model_and_end_no_answer(background: Template) -> None:
    found = rights(background, "MineRole")
    assert not [action for action in found if action.startswith("bedrock:")]
    assert {action for action in found if action.startswith("dynamodb:")} == {
        "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
    }  # fmt: skip
    assert {action for action in found if action.startswith("s3:")} == {"s3:GetObject", "s3:ListBucket", "s3:PutObject"}
    assert all("/precompute/*" in arn for arn in found["s3:PutObject"])


def test_runs_begin_nightly_and_refills_hourly_in_the_time_zone_of_the_setting(tmp_path: Path) -> None:
    found = schedules(made(tmp_path, precompute_time_zone="Europe/Berlin", precompute_schedule="cron(30 2 * * ? *)"))
    nightly, refill = found['{"refill": false}'], found['{"refill": true}']
    assert (nightly["ScheduleExpression"], refill["ScheduleExpression"]) == ("cron(30 2 * * ? *)", "rate(1 hour)")
    assert {one["ScheduleExpressionTimezone"] for one in (nightly, refill)} == {"Europe/Berlin"}
    assert nightly["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}


def test_every_schedule_is_tried_again_and_what_is_given_up_rings(background: Template) -> None:
    ((queue, _),) = background.all("AWS::SQS::Queue").items()
    for schedule in schedules(background).values():
        assert schedule["Target"]["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": [queue, "Arn"]}
        assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] >= 1
    alarms = background.all("AWS::CloudWatch::Alarm").values()
    assert any(queue in text(alarm.get("Dimensions", "")) for alarm in alarms)
    topics = background.all("AWS::SNS::Topic")
    assert all(alarm["AlarmActions"] == [{"Ref": topic}] for alarm in alarms for topic in topics)
    assert {alarm["MetricName"] for alarm in alarms} >= {"ExecutionsFailed", "ExecutionsTimedOut", "Errors"}


def test_a_schedules_role_may_call_its_target_and_be_taken_by_schedules_of_its_group_alone(
    background: Template,
) -> None:
    targets = {"states:StartExecution", "lambda:InvokeFunction"}
    groups = background.all("AWS::Scheduler::ScheduleGroup")
    roles = background.all("AWS::IAM::Role")
    mine = {name: role for name, role in roles.items() if "scheduler.amazonaws.com" in text(role)}
    assert len(mine) == 3
    for name, role in mine.items():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Condition"]["StringEquals"]["aws:SourceArn"]["Fn::GetAtt"][0] in groups
        assert trust["Condition"]["StringEquals"].keys() == {"aws:SourceAccount", "aws:SourceArn"}
        found = rights(background, name)
        assert len(found.keys() & targets) == 1
        assert found.keys() - targets == {"sqs:SendMessage"}


def test_with_search_alarms_go_where_searchs_go(template: Get) -> None:
    assert not template("searching", STACK).all("AWS::SNS::Topic")
    alarms = template("searching", STACK).all("AWS::CloudWatch::Alarm").values()
    assert all("Fn::ImportValue" in text(alarm["AlarmActions"]) for alarm in alarms)


def test_what_is_switched_off_is_not_there(tmp_path: Path) -> None:
    learning = made(tmp_path / "learning", precompute="off")
    assert [f["Handler"] for f in learning.all("AWS::Lambda::Function").values()] == ["handlers.learning.handler"]
    filling = made(tmp_path / "filling", cache_semantic="off", precompute_refill_schedule="")
    assert len(schedules(filling)) == 1
    assert "handlers.learning.handler" not in text(filling.all("AWS::Lambda::Function"))
    synthesize({"precompute": "off", "cache_semantic": "off"}, tmp_path / "neither")
    assert not list((tmp_path / "neither").glob(f"*-{STACK}.template.json"))


def test_the_api_starts_the_machine_that_is_there(template: Get) -> None:
    name = template(stack=STACK).one("AWS::StepFunctions::StateMachine")["StateMachineName"]
    told = template().function("handlers.precompute.handler")["Environment"]["Variables"]
    arn = text(told["SLIPSTREAM_PRECOMPUTE_MACHINE_ARN"])
    assert arn.endswith(f':stateMachine:{name}"]]}}')
    assert rights(template(), "PrecomputeRole")["states:StartExecution"] == [arn]
