"""The chat function: both wires, streamed. The loop calls ``build`` while the environment initialises."""

from __future__ import annotations

import os

from slipstream.runtime import wiring
from slipstream.runtime.settings import read_settings


def build() -> wiring.Built:
    """The application and what has to run after a SnapStart restore, from the function's environment."""
    return wiring.build(read_settings(os.environ), os.environ)
