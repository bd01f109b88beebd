"""Vectors of the local embedding model, each text computed once a machine: in processes side by side, kept on disk."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from local.bedrock.minilm import DIMENSIONS, MODEL_SHA256, MiniLm

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

_BATCH = 64
_ASKED_AT_ONCE = 500
_model = MiniLm()


def cache_folder() -> Path:
    """Where vectors are kept: the user's cache folder, as XDG names it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipstream" / "embeddings"


class VectorCache:
    """Unit vectors of 384 by the text's hash, in one SQLite file a model; several processes may share it."""

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(folder / f"minilm-{MODEL_SHA256[:16]}.sqlite", timeout=60)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")

    def embed(
        self, texts: Sequence[str], *, workers: int | None = None, progress: Callable[[int, int], None] | None = None
    ) -> NDArray[numpy.float32]:
        """One row a text. What is not kept yet is computed on ``workers`` processes (None: one a core) and kept.

        ``progress`` is told how many of the missing texts are done, and of how many.
        """
        import numpy

        keys = list(map(_key, texts))
        known = self._known(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        done = 0
        for batch in self._computed(list(missing.items()), workers or os.cpu_count() or 1):
            self._write(batch)
            known.update(batch)
            done += len(batch)
            if progress:
                progress(done, len(missing))
        rows = numpy.frombuffer(b"".join(known[key] for key in keys), numpy.float32)
        return rows.reshape(len(texts), DIMENSIONS)

    def keep(self, texts: Sequence[str], vectors: NDArray[numpy.float32]) -> None:
        """Take in vectors of the same model that were computed elsewhere, one row a text."""
        self._write([(_key(text), row.tobytes()) for text, row in zip(texts, vectors, strict=True)])

    def _write(self, batch: Sequence[tuple[bytes, bytes]]) -> None:
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", batch)

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        known: dict[bytes, bytes] = {}
        for at in range(0, len(keys), _ASKED_AT_ONCE):
            part = keys[at : at + _ASKED_AT_ONCE]
            marks = ",".join("?" * len(part))
            known.update(self._database.execute(f"SELECT text, vector FROM vectors WHERE text IN ({marks})", part))  # noqa: S608 - question marks
        return known

    def _computed(self, items: list[tuple[bytes, str]], workers: int) -> Iterator[list[tuple[bytes, bytes]]]:
        batches = [items[at : at + _BATCH] for at in range(0, len(items), _BATCH)]
        if len(batches) <= 1 or workers == 1:
            yield from map(_compute, batches)
            return
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            yield from pool.map(_compute, batches)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).digest()


def _compute(items: Iterable[tuple[bytes, str]]) -> list[tuple[bytes, bytes]]:
    import numpy

    done = []
    for key, text in items:
        vector = numpy.array(_model.embed(text), numpy.float32)
        done.append((key, (vector / numpy.linalg.norm(vector)).astype(numpy.float32).tobytes()))
    return done
