"""Send generated requests to a running gateway, over one kept-alive connection.

assert complaints(openai_requests.cases(1, 10_000), port=port, path="/v1/chat/completions") == []
"""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Mapping

from tests.fuzz.openai_requests import Case, complaint

TIMEOUT_S = 60


def complaints(
    cases: Iterable[Case], *, port: int, path: str, host: str = "127.0.0.1", headers: Mapping[str, str] | None = None
) -> list[str]:
    """POST every case and say what is wrong with the answers: nothing, for a good gateway."""
    found = []
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        for case in cases:
            connection.request("POST", path, case.body, {"content-type": "application/json", **(headers or {})})
            response = connection.getresponse()
            complained = complaint(case, response.status, response.read())
            if complained is not None:
                found.append(complained)
    finally:
        connection.close()
    return found
