#!/usr/bin/env python3
"""Speaks what the AWS Lambda Web Adapter speaks, for a machine that has no such binary; its speed says nothing.

Registers as an extension, waits for the application's readiness check, then: next event → request to the application
→ streamed answer to the Runtime API.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from http.client import HTTPConnection
from itertools import count
from typing import Any

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
PORT = int(os.environ["AWS_LWA_PORT"])


def register() -> None:
    lambda_side = HTTPConnection(API)
    lambda_side.request(
        "POST", "/2020-01-01/extension/register", b'{"events":[]}', {"Lambda-Extension-Name": "lambda-adapter"}
    )
    registered = lambda_side.getresponse()
    registered.read()
    name = {"Lambda-Extension-Identifier": registered.headers["Lambda-Extension-Identifier"]}
    lambda_side.request("GET", "/2020-01-01/extension/event/next", headers=name)
    lambda_side.getresponse()  # lasts as long as the environment


def wait_until_ready() -> None:
    for _ in count():
        application = HTTPConnection("127.0.0.1", PORT)
        try:
            application.request("GET", os.environ["AWS_LWA_READINESS_CHECK_PATH"])
            if application.getresponse().status < 500:
                return
        except OSError:
            threading.Event().wait(0.005)
        finally:
            application.close()


def serve(event: dict[str, Any], request_id: str) -> None:
    application = HTTPConnection("127.0.0.1", PORT)
    headers = {name: values[-1] for name, values in (event["multiValueHeaders"] or {}).items()}
    headers["x-amzn-request-context"] = json.dumps(event["requestContext"])
    application.request(event["httpMethod"], event["path"], (event["body"] or "").encode(), headers)
    answer = application.getresponse()
    prelude = json.dumps({"statusCode": answer.status, "headers": dict(answer.headers), "cookies": []}).encode()
    host, _, port = API.rpartition(":")
    with socket.create_connection((host, int(port))) as lambda_side:
        lambda_side.sendall(
            f"POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\r\nHost: {API}\r\n"
            "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        for piece in (prelude + bytes(8), *iter(lambda: answer.read1(65536), b"")):
            lambda_side.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        lambda_side.sendall(b"0\r\n\r\n")
        lambda_side.recv(65536)


def main() -> None:
    threading.Thread(target=register, daemon=True).start()
    wait_until_ready()
    lambda_side = HTTPConnection(API)
    while True:
        lambda_side.request("GET", "/2018-06-01/runtime/invocation/next")
        given = lambda_side.getresponse()
        serve(json.loads(given.read()), given.headers["Lambda-Runtime-Aws-Request-Id"])


if __name__ == "__main__":
    main()
