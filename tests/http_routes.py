"""Routes behind a real socket, as a client on the network sees them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from slipstream.errors import SlipstreamError
from slipstream.gateway.http import HttpRequest, Principal
from slipstream.gateway.openai.errors import encode
from tests.loopback import Quiet, served

Answer = Callable[[HttpRequest], tuple[int, dict[str, Any]]]
ADMIN = Principal("k", scopes=frozenset({"admin"}))


def serving(answer: Answer, *, now_s: Callable[[], float] = perf_counter) -> AbstractContextManager[str]:
    """The address at which ``answer`` is asked, a thread a connection, by a caller who may everything.

    ``now_s`` tells when a request came, on the clock of the routes' own deadlines.
    """

    class Handler(Quiet):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            url = urlsplit(self.path)
            query = dict(parse_qsl(url.query))
            request = HttpRequest(
                self.command, url.path, headers, body, query=query, principal=ADMIN, received_s=now_s()
            )
            try:
                status, told = answer(request)
                raw = json.dumps(told).encode()
            except SlipstreamError as error:
                status, _, raw = encode(error)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    return served(Handler)
