"""The first key of a deployment: nobody has one yet that could ask for it over HTTP.

The deployed keys function is invoked directly, with the event that API Gateway would send for an operator; whoever
may invoke it holds the account's own credentials.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

SCOPES = ("invoke", "admin")


class NoKey(Exception):
    """The keys function did not make one."""


def event(name: str) -> dict[str, Any]:
    """POST /v1/keys as API Gateway hands it on, asked by an operator."""
    return {
        "resource": "/v1/keys",
        "path": "/v1/keys",
        "httpMethod": "POST",
        "headers": {"content-type": "application/json"},
        "multiValueHeaders": {"content-type": ["application/json"]},
        "queryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "requestId": "first-key",
            "httpMethod": "POST",
            "path": "/v1/keys",
            "authorizer": {"key_id": "deployment", "tenant": "default", "scopes": " ".join(SCOPES), "models": ""},
        },
        "body": json.dumps({"name": name, "scopes": list(SCOPES)}),
        "isBase64Encoded": False,
    }


def create_key(client: Any, function: str, name: str) -> str:
    """Invoke the keys function with a boto3 Lambda client. Raises NoKey with what it said."""
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event(name)).encode())
    payload = json.loads(answer["Payload"].read())
    if answer.get("FunctionError") or payload.get("statusCode") not in {200, 201}:
        raise NoKey(f"{function} made no key: {json.dumps(payload)[:500]}")
    key = json.loads(payload["body"])["key"]
    return str(key)


def create_first_key(env: Mapping[str, str], function: str) -> str:
    """A key of the emulated deployment. Raises NoKey."""
    import boto3

    client = boto3.client(
        "lambda",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )
    return create_key(client, function, "local stack")


def main() -> None:
    """Print a first key for the deployment whose keys function is the argument, with the caller's own credentials."""
    import boto3

    try:
        print(create_key(boto3.client("lambda"), sys.argv[1], "first key"))
    except NoKey as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
