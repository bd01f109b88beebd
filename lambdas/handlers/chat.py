"""The chat function: both wires, streamed. Built when the environment starts; the loop calls ``app``."""

from __future__ import annotations

import os

from slipstream.runtime.settings import read_settings
from slipstream.runtime.wiring import build

app, restore = build(read_settings(os.environ), os.environ)
