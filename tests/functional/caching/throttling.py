"""A table that has no capacity left for anybody."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager

from tests.loopback import Quiet, served

REFUSAL = json.dumps(
    {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "message": "too much"}
).encode()


class _Handler(Quiet):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(400)
        self.send_header("content-length", str(len(REFUSAL)))
        self.end_headers()
        self.wfile.write(REFUSAL)


def throttling() -> AbstractContextManager[str]:
    """Its URL."""
    return served(_Handler)
