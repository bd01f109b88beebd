"""Starts MiniStack inside its own environment; run as a script by that environment's interpreter.

MiniStack runs Python functions with ``sys.executable``, whose packages would then be on the functions' path before
anything is missed there. The interpreter given as the first argument is used instead: one with nothing installed.
"""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    """Run MiniStack; its settings come from the environment (GATEWAY_PORT, BIND_HOST, …)."""
    sys.executable = sys.argv.pop(1)
    importlib.import_module("ministack.app").main()


if __name__ == "__main__":
    main()
