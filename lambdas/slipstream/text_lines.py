"""Lines of a user's text file, plain or gzip, with their numbers, for messages that name them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

from slipstream.errors import InvalidRequest


def numbered(
    path: Path, *, param: str, encoding: str = "utf-8", newline: str | None = None
) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line that is not blank, without its end; gzip where the name ends in ``.gz``.

    ``newline`` as ``open`` has it. Raises InvalidRequest, with ``param``, for a file that cannot be read.
    """
    try:
        with (
            gzip.open(path, "rt", encoding=encoding, newline=newline)
            if path.suffix == ".gz"
            else path.open(encoding=encoding, newline=newline) as file
        ):
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"{path} cannot be read: {error}. It should be UTF-8 text, or gzip of it.", param=param
        ) from error
