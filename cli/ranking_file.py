"""A file of ranking weights, as ``slipstream index fit`` and ``slipstream eval fit`` write them."""

from __future__ import annotations

from pathlib import Path

import click

from slipstream.errors import SlipstreamError
from slipstream.retrieval.parameters import Parameters, parameters_from


def read_parameters(path: Path) -> tuple[Parameters, bytes]:
    """The weights, and the bytes they were read from. Raises click.ClickException that names the file."""
    try:
        raw = path.read_bytes()
        return parameters_from(raw), raw
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror or error}") from error
    except SlipstreamError as error:
        raise click.ClickException(f"{path}: {error.message}") from error
