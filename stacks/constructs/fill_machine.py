"""The run that answers beforehand: a plan is made, then each question of it is answered, so many a minute."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from aws_cdk import JsonNull, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.cache_rights import allow_reading_plans
from stacks.review import acknowledge, acknowledge_wildcard

ANSWER_S = 5
"""What an answer usually takes."""
MOST_AT_ONCE = 40
"""Answers side by side: more would take functions from users, whatever the rate."""
TOLERATED_PERCENT = 20
"""Failing questions that do not fail a run; beyond, something is wrong with all of them."""
AGAIN_AFTER_S = 300
"""What a run waits before it goes through its questions once more; those that are answered are passed over."""
LONGEST_S = 6 * 3600
UNNAMED_RUNS = "an execution's name is made when it starts; the machine is named exactly"
SERVICE_ERRORS = [
    f"Lambda.{name}"
    for name in ("ServiceException", "AWSLambdaException", "SdkClientException", "TooManyRequestsException")
]


@dataclass(frozen=True, slots=True)
class Pace:
    """``at_once`` questions side by side, each of which takes ``wait_s`` longer than its answer does: so never more
    than ``at_once`` begin in ``wait_s`` seconds.
    """

    at_once: int
    wait_s: int

    @classmethod
    def of(cls, per_minute: int) -> Pace:
        """The pace that keeps to a rate; near it, where an answer takes a few seconds."""
        at_once = min(MOST_AT_ONCE, ceil(per_minute * ANSWER_S / 60))
        return cls(at_once, ceil(60 * at_once / per_minute))


class FillMachine(Construct):
    """Input ``{"refill": bool}``. ``mine`` is called with that and ``run``, the execution's name, and writes the lines
    of a plan; ``fill`` with one of them at a time, as ``{"BatchInput": {"run"}, "Items": [line]}``.

    Standard, so that it may take hours; its questions are Express, of which no history is kept: they are users' words.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        mine: lambda_.IAlias,
        fill: lambda_.IAlias,
        bodies: s3.Bucket,
        per_minute: int,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        pace = Pace.of(per_minute)
        self.arn = machine_arn(stack, name)
        self.role = role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        self._allow(role, name, mine, fill)
        allow_reading_plans(role, bodies=bodies)
        self.machine = sfn.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=name,
            state_machine_type="STANDARD",
            role_arn=role.role_arn,
            definition_string=stack.to_json_string(_definition(mine, fill, bodies, pace)),
        )
        self.machine.node.add_dependency(role)  # with its rights
        acknowledge(
            self.machine,
            "AwsSolutions-SF1",
            "Step Functions keeps the history of a Standard execution for 90 days; questions, which are users' words, "
            "must be in no log",
        )
        acknowledge(self.machine, "AwsSolutions-SF2", "a run takes minutes, and the functions tell where they went")

    def _allow(self, role: iam.Role, name: str, mine: lambda_.IAlias, fill: lambda_.IAlias) -> None:
        """Call the two functions; start, look at and stop what a distributed map starts: executions of itself."""
        executions = f"{execution_arn(Stack.of(self), name)}:*"
        for actions, resources in (
            (["lambda:InvokeFunction"], [mine.function_arn, fill.function_arn]),
            (["states:StartExecution"], [self.arn]),
            (["states:DescribeExecution", "states:StopExecution"], [executions]),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))
        acknowledge_wildcard(
            role, executions, "an execution's name is made when it starts; the machine is named exactly"
        )


def machine_name(stage: str) -> str:
    """Of a deployment's machine: given, so that who starts it needs not wait for it to exist."""
    return f"slipstream-{stage}-precompute"


def machine_arn(stack: Stack, name: str) -> str:
    """ARN of the machine of that name in the stack's account and region."""
    return f"arn:{stack.partition}:states:{stack.region}:{stack.account}:stateMachine:{name}"


def execution_arn(stack: Stack, name: str) -> str:
    """What ARNs of the machine's executions begin with."""
    return f"arn:{stack.partition}:states:{stack.region}:{stack.account}:execution:{name}"


def _definition(mine: lambda_.IAlias, fill: lambda_.IAlias, bodies: s3.Bucket, pace: Pace) -> dict[str, Any]:
    """In Amazon States Language, JSONPath."""
    plan = {"run": "$$.Execution.Name", "refill": "$.refill"}
    told = {name: f"$.Payload.{name}" for name in ("run", "key", "items")}
    return {
        "Comment": "Slipstream: answers before the question",
        "StartAt": "Plan",
        "TimeoutSeconds": LONGEST_S,
        "States": {
            "Plan": {
                **_call(mine, {f"{name}.$": path for name, path in plan.items()}),
                "ResultSelector": {f"{name}.$": path for name, path in told.items()},
                "Retry": [_retry(SERVICE_ERRORS, 5, attempts=3)],
                "Next": "Anything",
            },
            "Anything": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.items", "NumericGreaterThan": 0, "Next": "Answers"}],
                "Default": "Done",
            },
            "Answers": {
                "Type": "Map",
                "Label": "Answers",
                "ItemReader": {
                    "Resource": "arn:aws:states:::s3:getObject",
                    "ReaderConfig": {"InputType": "JSONL"},
                    "Parameters": {"Bucket": bodies.bucket_name, "Key.$": "$.key"},
                },
                # As an ItemBatcher would give them, with one item: so each is retried, and passed over, by itself.
                "ItemSelector": {"BatchInput": {"run.$": "$.run"}, "Items.$": "States.Array($$.Map.Item.Value)"},
                "MaxConcurrency": pace.at_once,
                "ToleratedFailurePercentage": TOLERATED_PERCENT,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                    "StartAt": "Pace",
                    "States": {
                        "Pace": {"Type": "Wait", "Seconds": pace.wait_s, "Next": "Answer"},
                        "Answer": {
                            **_call(fill, "$"),
                            "OutputPath": JsonNull.INSTANCE,  # what it did is in the run's items
                            "Retry": [_retry(["States.TaskFailed"], 20, attempts=1)],
                            "End": True,
                        },
                    },
                },
                "Retry": [_retry(["States.ExceedToleratedFailureThreshold"], AGAIN_AFTER_S, attempts=1)],
                "ResultPath": JsonNull.INSTANCE,
                "Next": "Done",
            },
            "Done": {"Type": "Succeed"},
        },
    }


def _call(function: lambda_.IAlias, payload: dict[str, str] | str) -> dict[str, Any]:
    given = {"Payload.$": payload} if isinstance(payload, str) else {"Payload": payload}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function.function_arn, **given},
    }


def _retry(errors: list[str], after_s: int, *, attempts: int) -> dict[str, Any]:
    return {"ErrorEquals": errors, "IntervalSeconds": after_s, "MaxAttempts": attempts, "BackoffRate": 2}
