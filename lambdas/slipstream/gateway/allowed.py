"""Which models a key may use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from slipstream.errors import PermissionDenied


def require_model(allowed: Sequence[str], names: Iterable[str]) -> None:
    """Raise PermissionDenied unless one of ``names`` (as asked, as resolved) fits one of the ``allowed`` globs.

    ``allowed`` holds ids, aliases or globs (``anthropic.*``), compared with case; empty allows every model.
    """
    if not allowed:
        return
    from fnmatch import fnmatchcase  # only keys with a list of models need it

    names = list(names)
    if any(fnmatchcase(name, pattern) for name in names for pattern in allowed):
        return
    raise PermissionDenied(
        f"this key may not use the model '{names[0][:200]}'; it may use: {', '.join(allowed)}", param="model"
    )
