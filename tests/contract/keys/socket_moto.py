"""moto behind a real socket: our transport is no botocore client, which moto could catch inside the process."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from typing import Any

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.loopback import Quiet, served

SERVICES = {"DynamoDB_20120810": "dynamodb", "secretsmanager": "secretsmanager"}
REGION = "us-east-1"


class _Handler(Quiet):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        prefix, _, operation = self.headers["x-amz-target"].partition(".")
        client: Any = boto3.client(SERVICES[prefix], region_name=REGION)  # type: ignore[call-overload]
        status, answer = 200, {}
        try:
            answer = getattr(client, xform_name(operation))(**body)
        except ClientError as error:
            status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
            answer = {"__type": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}
            if "Item" in error.response:
                answer["Item"] = error.response["Item"]
        answer.pop("ResponseMetadata", None)
        reply = json.dumps(answer, default=str).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)


def socket_moto() -> AbstractContextManager[str]:
    """Base URL of a server on loopback; use inside moto's ``mock_aws``."""
    return served(_Handler)
