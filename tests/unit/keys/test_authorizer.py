import subprocess
import sys
from pathlib import Path

import pytest

from handlers.authorizer import authorize
from slipstream.errors import Unauthenticated, UpstreamUnavailable
from slipstream.gateway.http import Principal

ARN = "arn:aws:execute-api:eu-west-1:111122223333:abc123/prod/POST/v1/chat/completions"
OWNER = Principal("01KEY", "acme", frozenset({"invoke", "admin"}), ("fast", "anthropic.*"))


def check(key: str) -> Principal:
    if key != "good":
        raise Unauthenticated("no")
    return OWNER


def test_a_good_key_opens_the_whole_stage_and_says_whose_it_is() -> None:
    answer = authorize({"methodArn": ARN, "headers": {"Authorization": "Bearer good"}}, check)
    (statement,) = answer["policyDocument"]["Statement"]
    assert statement == {
        "Action": "execute-api:Invoke",
        "Effect": "Allow",
        "Resource": "arn:aws:execute-api:eu-west-1:111122223333:abc123/prod/*/*",
    }
    assert answer["principalId"] == "01KEY"
    assert answer["context"] == {
        "key_id": "01KEY",
        "tenant": "acme",
        "scopes": "admin invoke",
        "models": "fast anthropic.*",
    }


@pytest.mark.parametrize("headers", [{"authorization": "Bearer bad"}, {"X-Api-Key": "bad"}, {}, None])
def test_any_other_caller_gets_exactly_the_text_that_api_gateway_turns_into_401(headers: dict[str, str] | None) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$") as caught:
        authorize({"methodArn": ARN, "headers": headers}, check)
    assert caught.value.__suppress_context__


def test_x_api_key_is_taken_whatever_its_case() -> None:
    assert authorize({"methodArn": ARN, "headers": {"X-API-Key": "good"}}, check)["principalId"] == "01KEY"


def test_a_table_that_cannot_be_reached_is_not_taken_for_a_bad_key() -> None:
    def unreachable(key: str) -> Principal:
        raise UpstreamUnavailable("the keys table cannot be reached")

    with pytest.raises(UpstreamUnavailable):
        authorize({"methodArn": ARN, "headers": {"Authorization": "Bearer good"}}, unreachable)


def test_the_authorizer_loads_none_of_the_slow_modules() -> None:
    script = (
        "import sys, handlers.authorizer, slipstream.runtime.key_parts\n"
        "slow = {'boto3', 'botocore', 'asyncio', 'http.client', 'urllib.request', 'logging', 'ssl'}\n"
        "slow &= set(sys.modules)\n"
        "sys.exit(f'loads {slow}' if slow else 0)"
    )
    lambdas = Path(__file__).parents[3] / "lambdas"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=lambdas, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
