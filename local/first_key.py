"""The first key of a deployment: nobody has one yet that could ask for it over HTTP.

The deployed keys function is invoked directly, with the event that API Gateway would send for an operator; whoever
may invoke it holds the account's own credentials.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

SCOPES = ("invoke", "admin")


class NoKey(Exception):
    """The keys function refused or failed."""


def event(method: str, body: dict[str, Any] | None) -> dict[str, Any]:
    """A request to /v1/keys as API Gateway hands it on, asked by an operator."""
    return {
        "resource": "/v1/keys",
        "path": "/v1/keys",
        "httpMethod": method,
        "headers": {"content-type": "application/json"},
        "multiValueHeaders": {"content-type": ["application/json"]},
        "queryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "requestId": "first-key",
            "httpMethod": method,
            "path": "/v1/keys",
            "authorizer": {"key_id": "deployment", "tenant": "default", "scopes": " ".join(SCOPES), "models": ""},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def create_key(client: Any, function: str, name: str) -> str:
    """Make a key through the keys function, with a boto3 Lambda client. Raises NoKey with what it said."""
    return str(_ask(client, function, event("POST", {"name": name, "scopes": list(SCOPES)}))["key"])


def usable_keys(client: Any, function: str) -> int:
    """How many keys are neither revoked nor expired. Raises NoKey."""
    now_s = time.time()
    keys = _ask(client, function, event("GET", None))["data"]
    return sum(not key["revoked_at"] and (not key["expires_at"] or key["expires_at"] > now_s) for key in keys)


def _ask(client: Any, function: str, asked: dict[str, Any]) -> dict[str, Any]:
    answer = client.invoke(FunctionName=function, Payload=json.dumps(asked).encode())
    payload = json.loads(answer["Payload"].read())
    if answer.get("FunctionError") or payload.get("statusCode") not in {200, 201}:
        raise NoKey(f"{function} did not do what was asked: {json.dumps(payload)[:500]}")
    told: dict[str, Any] = json.loads(payload["body"])
    return told


def create_first_key(env: Mapping[str, str], function: str) -> str:
    """A key of the emulated deployment. Raises NoKey."""
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "lambda",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}),  # this process has the user's own environment, and the emulator is on loopback
    )
    return create_key(client, function, "local stack")
