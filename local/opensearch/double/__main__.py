"""``python -m local.opensearch.double --port N``."""

from __future__ import annotations

import argparse
import asyncio
import sys

from local.opensearch.double.serve import serve


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; 1 where the port is taken."""
    parser = argparse.ArgumentParser(prog="local.opensearch.double", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on loopback; 0: any free one")
    port = parser.parse_args(arguments).port
    try:
        asyncio.run(serve(port))
    except OSError as error:
        print(f"cannot listen on port {port} ({error.strerror}): name another, or 0 for any", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
