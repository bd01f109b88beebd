"""Runs as executions of a state machine, against Step Functions as moto has them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from slipstream.aws.credentials import CredentialSource
from slipstream.aws.json_service import ServiceError
from slipstream.aws.places import Places
from slipstream.aws.sigv4 import Signer
from slipstream.aws.state_machine import StateMachine
from slipstream.aws.transport import Transport
from tests.contract.caching.conftest import CREDENTIALS
from tests.contract.caching.moto_server import REGION

ROLE = "arn:aws:iam::123456789012:role/states"


def created(boto: Any) -> str:
    """ARN of a machine that no other test has."""
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
    states = boto("stepfunctions")
    made = states.create_state_machine(name=f"m{uuid.uuid4().hex}", definition=definition, roleArn=ROLE)
    return str(made["stateMachineArn"])


@pytest.fixture
def arn(boto: Any) -> str:
    return created(boto)


def machine(arn: str, url: str) -> StateMachine:
    return StateMachine(
        arn,
        transport=Transport(),
        auth=Signer(CredentialSource(CREDENTIALS), REGION),
        places=Places(REGION, {"states": url}),
    )


def test_a_run_is_an_execution_of_its_name_and_its_state_is_the_executions(arn: str, boto: Any, moto_url: str) -> None:
    runs = machine(arn, moto_url)

    runs.start("r1", refill=True)

    (execution,) = boto("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    found = boto("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert (found["name"], found["input"]) == ("r1", '{"refill":true}')
    assert runs.state("r1") == "running"
    boto("stepfunctions").stop_execution(executionArn=execution["executionArn"])
    assert runs.state("r1") == "failed"
    assert runs.state("r2") is None


def test_a_machine_that_is_not_there_is_told(arn: str, moto_url: str) -> None:
    with pytest.raises(ServiceError, match="states:"):
        machine(f"{arn}-gone", moto_url).start("r1", refill=False)
