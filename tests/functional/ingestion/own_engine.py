"""An OpenSearch of a test's own, which it may kill: the installed one, over one data folder for all its starts."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from local.environments import Unprepared
from local.opensearch.choice import choose
from local.opensearch.probe import wait_until_healthy
from local.parts import Part, free_port


class OwnEngine:
    """Started and healthy; ``kill`` ends it as a power failure would, ``start`` starts it on what it had written."""

    def __init__(self, folder: Path) -> None:
        environ = {**os.environ, "SLIPSTREAM_SEARCH": "maven", "SLIPSTREAM_OPENSEARCH_KEEP": "1"}
        try:
            engine = choose(environ, folder, folder / "opensearch.log", lambda line: None, free_port())
        except Unprepared as reason:
            pytest.skip(str(reason))
        assert engine.part is not None
        self.url = engine.url
        self._part: Part = engine.part

    def start(self) -> None:
        self._part.start()
        wait_until_healthy(self._part, self.url, lambda line: None)

    def kill(self) -> None:
        """Without a word of warning."""
        os.killpg(self._part.pid, signal.SIGKILL)
        assert self._part.process is not None
        self._part.process.wait()

    def stop(self) -> None:
        self._part.stop()
