"""Which models a key may use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from slipstream.errors import PermissionDenied


def require_model(allowed: Sequence[str], names: Iterable[str]) -> None:
    """Raise PermissionDenied unless one of ``names`` (as asked, as resolved) fits one of the ``allowed`` globs.

    ``allowed`` holds ids, aliases or globs (``anthropic.*``), compared with case; empty allows every model.
    """
    names = list(names)
    if may_use(allowed, names):
        return
    raise PermissionDenied(
        f"this key may not use the model '{names[0][:200]}'; it may use: {', '.join(allowed)}", param="model"
    )


def may_use(allowed: Sequence[str], names: Iterable[str]) -> bool:
    """Whether one of a model's ``names`` fits one of the ``allowed`` globs, or nothing is ruled out."""
    if not allowed:
        return True
    from fnmatch import fnmatchcase  # only keys with a list of models need it

    return any(fnmatchcase(name, pattern) for name in names for pattern in allowed)
