import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from slipstream.errors import UpstreamUnavailable
from slipstream.runtime.custom_resource import settle


class CloudFormation:
    """Where CloudFormation waits for an answer."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.content_types: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                outer.content_types.append(self.headers.get("content-type"))
                outer.answers.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def event(self, kind: str) -> dict[str, Any]:
        return {
            "RequestType": kind,
            "ResponseURL": f"http://127.0.0.1:{self.server.server_port}/answer?X-Amz-Signature=x",
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Contents",
            "ResourceProperties": {"ServiceToken": "arn", "slow_log_s": "0.5"},
        }


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    found = CloudFormation()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_what_was_done_is_told_to_whoever_waits(cloudformation: CloudFormation, kind: str) -> None:
    settle(cloudformation.event(kind), lambda properties: [properties["slow_log_s"]], physical_id="one")

    assert cloudformation.answers == [
        {
            "Status": "SUCCESS", "Reason": "in place: 0.5", "PhysicalResourceId": "one", "StackId": "stack",
            "RequestId": "request", "LogicalResourceId": "Contents",
        }
    ]  # fmt: skip
    assert cloudformation.content_types == [""]


def test_a_deletion_does_nothing_and_is_answered(cloudformation: CloudFormation) -> None:
    def work(_: object) -> list[str]:
        raise AssertionError("nothing is to be done")

    settle(cloudformation.event("Delete"), work, physical_id="one")

    assert cloudformation.answers[0]["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UpstreamUnavailable("the search engine cannot be reached"), "the search engine cannot be reached"),
        (KeyError("version"), "KeyError: 'version'"),
    ],
)
def test_a_failure_is_told_with_its_reason_instead_of_an_hours_silence(
    cloudformation: CloudFormation, error: Exception, reason: str
) -> None:
    def work(_: object) -> list[str]:
        raise error

    settle(cloudformation.event("Create"), work, physical_id="one")

    assert cloudformation.answers[0]["Status"] == "FAILED"
    assert reason in cloudformation.answers[0]["Reason"]
