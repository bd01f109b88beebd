"""A file of questions: one a line, or JSON lines with ``text``, ``vector`` and ``filters``."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from cli.gateway_client import CallFailed, call
from cli.target import Target
from slipstream.chat.retrieval_options import Filter
from slipstream.retrieval.ports import IndexSpec

BATCH = 64


class Query(msgspec.Struct, frozen=True):
    """A question, its vector where it is known, and what it is narrowed to."""

    text: str = ""
    vector: tuple[float, ...] = ()
    filters: tuple[Filter, ...] = ()


def read_queries(path: Path) -> list[Query]:
    """The questions in the file's order. Raises click.ClickException that names the line."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = raw.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise click.ClickException(f"{path} is no whole gzip file: pack it again, or give it unpacked") from error
    except UnicodeDecodeError:
        raise click.ClickException(f"{path} is not a text in UTF-8") from None
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found.append(_query(path, number, line) if line.lstrip().startswith("{") else Query(line.strip()))
    if not found:
        raise click.ClickException(f"{path} has no question in it")
    return found


def with_vectors(queries: list[Query], spec: IndexSpec, gateway: Callable[[], Target]) -> list[Query]:
    """The same, each with its vector: ``gateway`` embeds those that have none. Raises click.ClickException."""
    missing = [query.text for query in queries if not query.vector]
    vectors: list[tuple[float, ...]] = []
    for at in range(0, len(missing), BATCH):
        vectors += embed(missing[at : at + BATCH], spec, gateway())
    rest = iter(vectors)
    full = [query if query.vector else msgspec.structs.replace(query, vector=next(rest)) for query in queries]
    for query in full:
        if len(query.vector) != spec.dimensions:
            raise click.ClickException(
                f"a vector of the questions has {len(query.vector)} dimensions, the index {spec.dimensions}: "
                "embed them with the index's model, or leave the vectors out"
            )
    return full


def embed(texts: list[str], spec: IndexSpec, target: Target) -> list[tuple[float, ...]]:
    """Vectors of questions, by the index's model. Raises click.ClickException with the gateway's words."""
    body = {"model": spec.embedding_model, "input": texts, "dimensions": spec.dimensions, "input_type": "search_query"}
    try:
        found = call(target, "POST", "/v1/embeddings", body)
    except CallFailed as error:
        raise click.ClickException(str(error)) from error
    return [tuple(each["embedding"]) for each in found["data"]]


def _query(path: Path, number: int, line: str) -> Query:
    try:
        query = msgspec.json.decode(line, type=Query)
    except msgspec.MsgspecError as error:
        raise click.ClickException(f"{path}, line {number}: {error}") from error
    if not query.text.strip() and not query.vector:
        raise click.ClickException(f"{path}, line {number}: neither 'text' nor 'vector'")
    return query
