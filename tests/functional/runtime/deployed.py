"""A small API in a real emulator: what the edge reads, authorizes with and passes on to."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import boto3

ROOT = Path(__file__).resolve().parents[3]
EMULATOR = ROOT / "build" / "tools" / "ministack" / "bin" / "python"
REGION, ACCOUNT = "us-east-1", "000000000000"
AUTHORIZER = """
import uuid
def handler(event, context):
    key = event["headers"].get("Authorization", "")
    if key == "Bearer unknown":
        raise Exception("Unauthorized")
    effect = "Deny" if key == "Bearer denied" else "Allow"
    everything = event["methodArn"].split("/")[0] + "/*/*"
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": everything}
    return {"principalId": "p", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {"key_id": str(uuid.uuid4()), "scopes": "invoke", "tenant": "t", "models": ""}}
"""
BUFFERED = """
def handler(event, context):
    return {"statusCode": 200, "headers": {"x-from": "emulator"}, "body": event["path"]}
"""
BOTH_WIRES = '{"message":$context.error.messageString,"error":{"message":$context.error.messageString}}'


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(process: subprocess.Popen[bytes], ready: Any, limit_s: float = 60.0) -> None:
    """Until ``ready()``; fails at once when the process has ended."""
    end = monotonic() + limit_s
    while not ready():
        try:
            code = process.wait(0.05)
        except subprocess.TimeoutExpired:
            assert monotonic() < end, "not ready in time"
        else:
            raise AssertionError(f"ended with {code}")


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def started(command: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out, subprocess.Popen(command, env=env, stdout=out, stderr=out, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "LAMBDA_EXECUTOR": "local",
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
    }
    command = [str(EMULATOR), "-P", str(ROOT / "local" / "emulator.py"), sys.executable]
    with started(command, env, folder / "emulator.log") as process:
        wait_for(process, lambda: answers(port))
        yield f"http://127.0.0.1:{port}"


def zipped(files: dict[str, bytes], executable: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            item = zipfile.ZipInfo(name)
            item.external_attr = (0o755 if name == executable else 0o644) << 16
            archive.writestr(item, data)
    return out.getvalue()


def chat_code(task_root: Path) -> bytes:
    files = {}
    for folder in ("slipstream", "msgspec"):
        for path in (task_root / folder).resolve().rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                files[f"{folder}/{path.relative_to((task_root / folder).resolve())}"] = path.read_bytes()
    for name in ("apps.py", "bootstrap.sh"):
        files[name] = (task_root / name).read_bytes()
    return zipped(files, "bootstrap.sh")


def deploy(url: str, task_root: Path) -> str:
    """Functions, authorizer, routes and gateway responses; returns the API's id. Its stage is ``test``."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    lambdas = boto3.client("lambda", REGION, endpoint_url=url, **keys)
    api = boto3.client("apigateway", REGION, endpoint_url=url, **keys)
    sources = {
        "chat": (chat_code(task_root), "apps.build", {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/bootstrap.sh"}),
        "authorizer": (zipped({"index.py": AUTHORIZER.encode()}), "index.handler", {}),
        "buffered": (zipped({"index.py": BUFFERED.encode()}), "index.handler", {}),
    }
    for name, (code, handler, variables) in sources.items():
        lambdas.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=f"arn:aws:iam::{ACCOUNT}:role/r",
            Handler=handler,
            Code={"ZipFile": code},
            Environment={"Variables": variables},
            Timeout=30,
            Publish=True,
        )
        lambdas.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    api_id = str(api.create_rest_api(name="edge")["id"])
    authorizer = api.create_authorizer(
        restApiId=api_id,
        name="keys",
        type="REQUEST",
        authorizerUri=uri("authorizer", "invocations"),
        identitySource="method.request.header.Authorization",
        authorizerResultTtlInSeconds=300,
    )["id"]
    root = api.get_resources(restApiId=api_id)["items"][0]["id"]
    v1 = child(api, api_id, root, "v1")
    guarded = {"authorizationType": "CUSTOM", "authorizerId": authorizer}
    method(api, api_id, child(api, api_id, v1, "{proxy+}"), uri("chat", "response-streaming-invocations"), guarded)
    method(api, api_id, child(api, api_id, v1, "keys"), uri("buffered", "invocations"), guarded)
    open_to_all = {"authorizationType": "NONE"}
    method(api, api_id, child(api, api_id, root, "echo"), uri("chat", "response-streaming-invocations"), open_to_all)
    for kind, status in (("UNAUTHORIZED", "401"), ("MISSING_AUTHENTICATION_TOKEN", "404"), ("DEFAULT_4XX", None)):
        api.put_gateway_response(
            restApiId=api_id,
            responseType=kind,
            responseParameters={"gatewayresponse.header.x-amzn-ErrorType": f"'{kind.title()}'"},
            responseTemplates={"application/json": BOTH_WIRES},
            **({"statusCode": status} if status else {}),
        )
    api.create_deployment(restApiId=api_id, stageName="test")
    lambdas.close()
    api.close()
    return api_id


def uri(function: str, tail: str) -> str:
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}:live"
    return f"arn:aws:apigateway:{REGION}:lambda:path/2021-11-15/functions/{arn}/{tail}"


def child(api: Any, api_id: str, parent: str, part: str) -> str:
    return str(api.create_resource(restApiId=api_id, parentId=parent, pathPart=part)["id"])


def method(api: Any, api_id: str, resource: str, where: str, access: dict[str, str]) -> None:
    api.put_method(restApiId=api_id, resourceId=resource, httpMethod="ANY", **access)
    api.put_integration(
        restApiId=api_id,
        resourceId=resource,
        httpMethod="ANY",
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=where,
    )


def edge_config(folder: Path, url: str, api_id: str, **changes: Any) -> Path:
    value = {
        "emulator_url": url,
        "api_id": api_id,
        "stage": "test",
        "work_dir": str(folder / "edge"),
        "ready_file": str(folder / "ready.json"),
        "max_environments": 2,
    }
    path = folder / "edge.json"
    path.write_text(json.dumps(value | changes))
    return path
