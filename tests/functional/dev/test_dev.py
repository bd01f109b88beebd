"""`slipstream dev` as its user has it: real processes, a file that changes, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
from openai import OpenAI

from local.parts import free_port
from local.places import ROOT

PATIENCE_S = 60.0
CHANGED = ROOT / "lambdas" / "slipstream" / "errors.py"
DEV = [sys.executable, "-c", "from cli.main import main; main()", "dev"]


class Developer:
    """The running command and the port it serves."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port

    def ask(self) -> str | None:
        """The answer to a question, None while nothing listens."""
        body = {"model": "fast", "max_tokens": 40, "messages": [{"role": "user", "content": "What is a queue?"}]}
        headers = {"authorization": "Bearer any", "content-type": "application/json"}
        url = f"http://127.0.0.1:{self.port}/v1/chat/completions"
        try:
            with urlopen(Request(url, json.dumps(body).encode(), headers), timeout=PATIENCE_S) as answer:
                return str(json.load(answer)["choices"][0]["message"]["content"])
        except (URLError, ConnectionError):
            return None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer, also of a refusal. Asked again where the gateway was just being started anew."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": "Bearer any", "content-type": "application/json"}
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urlopen(Request(url, data, headers, method=method), timeout=PATIENCE_S) as answer:
                return json.load(answer)
        except HTTPError as error:
            return json.load(error)
        except ConnectionError:
            assert until(self.ask)
            return self.call(method, path, body)

    def children(self) -> dict[int, str]:
        """Process id → command line of what it has started."""
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
        rows = (line.split(None, 2) for line in listed.stdout.splitlines())
        return {int(row[0]): row[2] for row in rows if int(row[1]) == self.process.pid and "defunct" not in row[2]}

    def server(self) -> set[int]:
        """Process id of the gateway."""
        return {pid for pid, command in self.children().items() if "slipstream.runtime.serve" in command}


def until(happened: Callable[[], object]) -> bool:
    """Whether it comes true before patience ends."""
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def gone(pids: set[int]) -> bool:
    """Whether none of the processes is there any more."""
    return bool(subprocess.run(["ps", "-p", ",".join(map(str, pids))], capture_output=True, check=False).returncode)


@pytest.fixture
def developer(tmp_path: Path) -> Iterator[Developer]:
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLIPSTREAM_"))}
    env["SLIPSTREAM_LOCAL_DIR"] = str(tmp_path)
    env["SLIPSTREAM_SEARCH"] = "memory"
    with (
        (tmp_path / "out").open("w") as out,
        subprocess.Popen([*DEV, "--port", str(port)], cwd=ROOT, env=env, stdout=out, stderr=out, text=True) as process,
    ):
        running = Developer(process, port)
        try:
            assert until(running.ask), (tmp_path / "out").read_text()
            yield running
        finally:
            process.terminate()


def test_a_change_starts_the_gateway_again_and_ctrl_c_ends_everything(developer: Developer) -> None:
    before = developer.server()

    os.utime(CHANGED)
    changed = until(lambda: developer.server() - before and developer.ask())
    kin = set(developer.children())
    developer.process.send_signal(signal.SIGINT)
    code = developer.process.wait(PATIENCE_S)

    assert len(before) == 1
    assert changed
    assert len(kin) == 3, "the new gateway, the Bedrock server and the search engine, the old gateway no more"
    assert code == 0
    assert until(lambda: gone(kin))
    assert developer.ask() is None


def test_an_index_is_made_filled_asked_and_dropped_and_outlives_a_change_of_the_code(developer: Developer) -> None:
    made = developer.call("PUT", "/v1/indexes/docs", {"dimensions": 256})
    text = "A queue holds messages until a consumer takes them."
    loaded = developer.call("POST", "/v1/indexes/docs/documents", {"documents": [{"id": "q", "text": text}]})
    before = developer.server()
    os.utime(CHANGED)
    assert until(lambda: developer.server() - before and developer.ask())
    search = {"index": "docs", "query": "What holds messages?", "retrieval": {"rerank": "bedrock"}, "explain": True}
    found = developer.call("POST", "/v1/search", search)
    client = OpenAI(base_url=f"http://127.0.0.1:{developer.port}/v1", api_key="any")
    asked = client.chat.completions.create(
        model="rag:docs", messages=[{"role": "user", "content": "What does a queue hold?"}], max_tokens=60
    )
    dropped = developer.call("DELETE", "/v1/indexes/docs")

    assert (made["documents"], loaded["added"]) == (0, 1)
    assert [each["document"] for each in found["results"]] == ["q"]
    assert "messages" in str(asked.choices[0].message.content)
    assert asked.model_extra is not None
    assert [each["document"] for each in asked.model_extra["slipstream"]["rag"]["citations"]] == ["q"]
    assert dropped["deleted"]
    assert developer.call("GET", "/v1/indexes")["data"] == []


def test_what_needs_a_bucket_is_refused_with_what_to_do_instead(developer: Developer) -> None:
    developer.call("PUT", "/v1/indexes/docs", {})

    refused = developer.call("POST", "/v1/indexes/docs/load", {"uri": "s3://bucket/docs/"})["error"]

    assert (refused["code"], refused["param"]) == ("invalid_request", "uri")
    assert "slipstream index load NAME DIR" in refused["message"]


def test_a_port_that_is_taken_is_said_in_a_line(developer: Developer) -> None:
    second = subprocess.run(
        [*DEV, "--port", str(developer.port)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert second.returncode == 1
    assert str(developer.port) in second.stderr
    assert "Traceback" not in second.stderr
