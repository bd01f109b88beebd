"""What works on kept answers behind the requests: answers before the question, and learning from wrong ones."""

from __future__ import annotations

import json

from aws_cdk import CfnOutput, Duration, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from stacks.answering import Answering, caching_environment
from stacks.constructs.alarm import Rings, add_alarm
from stacks.constructs.alarm_topic import AlarmTopic
from stacks.constructs.bundle import Bundle
from stacks.constructs.cache_rights import allow_caching, allow_planning
from stacks.constructs.fill_machine import FillMachine, machine_name
from stacks.constructs.private_queue import private_queue
from stacks.constructs.python_function import FunctionSettings, PythonFunction
from stacks.constructs.target import Target
from stacks.constructs.timer import Called, Timer, Times
from stacks.data import DataStack
from stacks.log_retention import retention
from stacks.review import acknowledge
from stacks.search import SearchStack
from stacks.settings import DeploySettings

BACKGROUND_MEMORY_MB = 1769
"""What comes with one whole processor: fitting keeps it busy."""
MINE_TIMEOUT_S, LEARN_TIMEOUT_S = 900, 300
FILL_TIMEOUT_S = 120
"""Twice that, with a pause between, is within the five minutes of an Express execution."""
WINDOW_MINUTES = 15
"""Deployments of one account and hour do not all begin at the same second."""


class PrecomputeStack(Stack):
    """Only where answers are kept. Outputs: PrecomputeMachine, PrecomputeSchedule (group/name),
    BackgroundDeadLetterQueue; without search AlarmTopic, else alarms go to search's.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploySettings,
        data: DataStack,
        answers: dynamodb.Table,
        search: SearchStack | None,
        env: Environment | None = None,
    ) -> None:
        super().__init__(scope, construct_id, env=env, description="Slipstream: answers before the question, learning")
        self._settings, self._data, self._answers = settings, data, answers
        self._target = Target.local() if settings.is_local else Target.cloud(settings.architecture)
        self._background = Bundle("background", self._target)
        self._topic = search.alarms if search else AlarmTopic(self, "Alarms", email=settings.alarm_email).topic
        if search is None:
            CfnOutput(self, "AlarmTopic", value=self._topic.topic_arn)
        self._group = scheduler.CfnScheduleGroup(self, "Schedules")
        self._dead_letters = private_queue(self, "DeadLetters")
        acknowledge(self._dead_letters, "AwsSolutions-SQS3", "it is where calls go that could not be delivered")
        given_up = Rings("BackgroundDeadLetters", 1, "a scheduled call could not be made: see the dead-letter queue")
        waiting = self._dead_letters.metric_approximate_number_of_messages_visible()
        add_alarm(self, metric=waiting, rings=given_up, topic=self._topic)
        CfnOutput(self, "BackgroundDeadLetterQueue", value=self._dead_letters.queue_url)
        if settings.precomputes:
            self._precompute(Answering(self, settings=settings, data=data, search=search))
        if settings.finds_other_wordings:
            self._learn()

    def _precompute(self, answering: Answering) -> None:
        chosen = self._settings
        limits = {
            "SLIPSTREAM_PRECOMPUTE_ANSWERS": str(chosen.precompute_answers),
            "SLIPSTREAM_PRECOMPUTE_BUDGET_USD": f"{chosen.precompute_budget_usd:g}",
            "SLIPSTREAM_PRECOMPUTE_MIN_USERS": str(chosen.precompute_min_users),
            "SLIPSTREAM_PRECOMPUTE_PER_MINUTE": str(chosen.precompute_per_minute),
            "SLIPSTREAM_PRECOMPUTE_HOLDS_S": f"{chosen.precompute_hours * 3600:g}",
        }
        mine = self._function(
            "Mine", "handlers.mine.handler", "plans answers of the next period", limits, MINE_TIMEOUT_S
        )
        allow_planning(mine.role, table=self._answers, bodies=self._data.bodies)
        fill = PythonFunction(
            self,
            "Fill",
            bundle=Bundle("chat", self._target),
            handler="handlers.fill.handler",
            description="Slipstream: answers before the question",
            environment=answering.environment() | limits,
            settings=FunctionSettings(
                memory_mb=chosen.memory_mb,
                timeout_s=FILL_TIMEOUT_S,
                architecture=self._target.architecture,
                log_retention=retention(chosen),
                role_name=answering.role_name("fill"),
            ),
            network=answering.network(),
        )
        answering.allow(fill.role)
        machine = FillMachine(
            self,
            "Runs",
            name=machine_name(chosen.stage),
            mine=mine.alias,
            fill=fill.alias,
            bodies=self._data.bodies,
            per_minute=chosen.precompute_per_minute,
        )
        self._data.allow_decryption(machine.role)
        self._watch_runs(machine)
        nightly = self._start(machine, "Nightly", chosen.precompute_schedule, refill=False)
        if chosen.precompute_refill_schedule:
            self._start(machine, "Refill", chosen.precompute_refill_schedule, refill=True)
        CfnOutput(self, "PrecomputeMachine", value=machine.arn)
        CfnOutput(self, "PrecomputeSchedule", value=f"{self._group.ref}/{nightly.name}")

    def _start(self, machine: FillMachine, name: str, expression: str, *, refill: bool) -> Timer:
        times = Times(expression, self._settings.precompute_time_zone, WINDOW_MINUTES)
        called = Called(machine.arn, "states:StartExecution", {"refill": refill})
        return Timer(self, name, times=times, called=called, group=self._group, dead_letters=self._dead_letters)

    def _watch_runs(self, machine: FillMachine) -> None:
        for metric, says in (
            ("ExecutionsFailed", "answers before the question: a run failed; `slipstream precompute status`"),
            ("ExecutionsTimedOut", "answers before the question: a run took too long; raise precompute_per_minute"),
        ):
            counted = cloudwatch.Metric(
                namespace="AWS/States",
                metric_name=metric,
                dimensions_map={"StateMachineArn": machine.arn},
                statistic="Sum",
                period=Duration.minutes(5),
            )
            add_alarm(self, metric=counted, rings=Rings(metric, 1, says), topic=self._topic)

    def _learn(self) -> None:
        minutes = self._settings.cache_learning_minutes
        learn = self._function(
            "Learn", "handlers.learning.handler", "learns from checks and reports", {}, LEARN_TIMEOUT_S
        )
        allow_caching(learn.role, table=self._answers, bodies=self._data.bodies)
        Timer(
            self,
            "Learning",
            times=Times("rate(1 minute)" if minutes == 1 else f"rate({minutes} minutes)"),
            called=Called(learn.alias.function_arn, "lambda:InvokeFunction", {}),
            group=self._group,
            dead_letters=self._dead_letters,
        )
        failing = learn.alias.metric_errors(period=Duration.hours(1))
        rings = Rings("LearningErrors", 3, "the semantic cache does not learn: see the log of the function Learn")
        add_alarm(self, metric=failing, rings=rings, topic=self._topic)

    def _function(
        self, name: str, handler: str, does: str, environment: dict[str, str], timeout_s: int
    ) -> PythonFunction:
        """A function of the background bundle: it calls no model, and the tables and the bucket from anywhere."""
        chosen = self._settings
        function = PythonFunction(
            self,
            name,
            bundle=self._background,
            handler=handler,
            description=f"Slipstream: {does}",
            environment={
                "SLIPSTREAM_ALIASES": json.dumps(chosen.aliases, sort_keys=True),
                "SLIPSTREAM_PRICES": json.dumps(chosen.prices, sort_keys=True),
                **caching_environment(chosen, self._data),
                **environment,
            },
            settings=FunctionSettings(
                memory_mb=BACKGROUND_MEMORY_MB,
                timeout_s=timeout_s,
                architecture=self._target.architecture,
                log_retention=retention(chosen),
            ),
        )
        self._data.allow_decryption(function.role)
        return function
