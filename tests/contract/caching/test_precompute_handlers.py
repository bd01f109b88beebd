"""The three functions of pre-computation, built from their environment over table, bucket and Step Functions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from handlers import precompute
from slipstream.aws.fill_runs import DynamoRuns
from slipstream.caching.filling.runs import Run
from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.precompute_routes import build_api
from slipstream.runtime.settings import read_settings
from tests.contract.caching.conftest import CREDENTIALS, Services
from tests.contract.caching.moto_server import BUCKET, REGION, TABLE
from tests.contract.caching.test_state_machine import created

LAMBDAS = Path(__file__).resolve().parents[3] / "lambdas"


@pytest.fixture
def environ(boto: Any, moto_url: str) -> dict[str, str]:
    return {
        "AWS_REGION": REGION, **CREDENTIALS, "AWS_ENDPOINT_URL": moto_url, "SLIPSTREAM_CACHE": "on",
        "SLIPSTREAM_CACHE_TABLE": TABLE, "SLIPSTREAM_CACHE_BUCKET": BUCKET, "SLIPSTREAM_QUERY_LOG_SHARE": "0.5",
        "SLIPSTREAM_PRECOMPUTE_MACHINE_ARN": created(boto),
    }  # fmt: skip


def event(method: str, path: str, body: str | None = None) -> dict[str, Any]:
    who = {"key_id": "boss", "tenant": "t", "scopes": "admin", "models": ""}
    context = {"requestId": "r-1", "authorizer": who}
    return {"httpMethod": method, "path": path, "resource": "", "requestContext": context, "body": body}


def test_a_run_that_is_posted_is_an_execution_and_is_told_by_its_name(
    environ: dict[str, str], services: Services, boto: Any
) -> None:
    api, written = build_api(read_settings(environ), environ), StringIO()
    logger = Logger(service="precompute-test", stream=written)

    def ask(*request: Any) -> dict[str, Any]:
        return precompute.reply(event(*request), api, (), logger)

    posted = ask("POST", "/v1/precompute", '{"refill": true}')

    run = json.loads(posted["body"])["id"]
    arn = environ["SLIPSTREAM_PRECOMPUTE_MACHINE_ARN"]
    (execution,) = boto("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    assert (posted["statusCode"], execution["name"]) == (202, run)
    assert json.loads(ask("GET", f"/v1/precompute/{run}")["body"])["state"] == "planning"
    DynamoRuns(services.table).put(Run(run=run, started_s=1.0, refill=True, items=0))
    told = json.loads(ask("GET", "/v1/precompute")["body"])
    assert [(one["id"], one["state"]) for one in told["data"]] == [(run, "done")]
    assert told["query_log"] == {"share": 0.5, "days": 90}
    assert run in written.getvalue()


def test_without_its_machine_the_function_says_what_is_missing(environ: dict[str, str]) -> None:
    del environ["SLIPSTREAM_PRECOMPUTE_MACHINE_ARN"]

    with pytest.raises(BadSetting, match="SLIPSTREAM_PRECOMPUTE_MACHINE_ARN is not set"):
        build_api(read_settings(environ), environ)


PLAN = "from handlers import mine; print(mine.handler({'run': 'r1', 'refill': False}, None))"
FILL = """
from types import SimpleNamespace
from handlers import fill
left = SimpleNamespace(get_remaining_time_in_millis=lambda: 60000)
item = dict(namespace="tenant:a", family="f", key="k", question="q", expected_hits=1.0, cost_usd=0.1)
print(fill.handler({"BatchInput": {"run": "r1"}, "Items": [item]}, left))
"""
ADMIN = "from handlers import precompute; print(precompute._parts()[1])"


@pytest.mark.parametrize(
    ("code", "absent", "says"),
    [
        (PLAN, "boto3 opensearchpy aws_lambda_powertools lxml", "'items': 0"),
        (FILL, "boto3 numpy opensearchpy aws_lambda_powertools lxml", "'failed': 1"),
        (ADMIN, "numpy Stemmer opensearchpy lxml", "()"),
    ],
    ids=["mine", "fill", "precompute"],
)
def test_each_function_runs_with_what_its_bundle_has(
    code: str, absent: str, says: str, environ: dict[str, str]
) -> None:
    blocked = f"import sys; sys.modules |= dict.fromkeys({absent.split()!r}); "

    run = subprocess.run(
        [sys.executable, "-c", blocked + "\n" + code], env=environ | {"PYTHONPATH": str(LAMBDAS), "PATH": os.defpath},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert run.returncode == 0, run.stderr
    assert says in run.stdout
