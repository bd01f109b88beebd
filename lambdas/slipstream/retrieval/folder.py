"""A folder, or one file, as a source of documents."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from slipstream.errors import InvalidRequest
from slipstream.retrieval.drafts import Item


class Folder:
    """Every file below ``path`` but hidden ones. Ids are paths from there, with ``/``; linked folders are left out."""

    def __init__(self, path: Path, *, include: str = "*") -> None:
        if not path.exists():
            raise InvalidRequest(f"there is no '{path}': give a folder, a file or an s3:// URI", param="source")
        self._path = path
        self._include = include

    def items(self) -> Iterator[Item]:
        """See Source. A file alone is called by its name."""
        if self._path.is_file():
            yield _item(self._path, self._path.name)
            return
        for path in sorted(self._files()):
            name = path.relative_to(self._path).as_posix()
            if fnmatch(name, self._include) or fnmatch(path.name, self._include):
                yield _item(path, name)

    def _files(self) -> Iterator[Path]:
        for folder, folders, files in os.walk(self._path):
            folders[:] = [name for name in folders if not name.startswith(".")]
            yield from (Path(folder, name) for name in files if not name.startswith("."))


def _item(path: Path, name: str) -> Item:
    try:
        changed: float | None = path.stat().st_mtime
    except OSError:
        changed = None  # reading it will say why
    return Item(id=name, origin=name, read=path.read_bytes, source=name, updated_at_s=changed)
