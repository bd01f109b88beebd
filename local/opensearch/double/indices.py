"""All indexes of one double, and the names that lead to them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from local.opensearch.double.refusals import Refused, illegal, no_index, unsupported
from local.opensearch.double.stored import StoredIndex

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,254}")


class Indices:
    """Not safe for threads. ``templates`` and ``pipelines`` are kept to be shown and have no effect."""

    def __init__(self) -> None:
        self._indexes: dict[str, StoredIndex] = {}
        self.templates: dict[str, Any] = {}
        self.pipelines: dict[str, Any] = {}

    def find(self, expression: str) -> list[StoredIndex]:
        """What a name, an alias, or several with commas and wildcards lead to, by name.

        Raises Refused for one without a wildcard that leads nowhere.
        """
        found: dict[str, StoredIndex] = {}
        for part in expression.split(","):
            pattern = "*" if part == "_all" else part
            some = {
                name: each
                for name, each in self._indexes.items()
                if any(fnmatchcase(called, pattern) if "*" in pattern else called == pattern
                       for called in (name, *each.aliases))
            }  # fmt: skip
            if not some and "*" not in pattern:
                raise no_index(part)
            found |= some
        return [found[name] for name in sorted(found)]

    def one(self, name: str) -> StoredIndex:
        """The one index behind a name or an alias. Raises Refused."""
        found = self.find(name)
        if len(found) != 1:
            raise unsupported(f"search in several indexes at once ([{name}] leads to {len(found)})")
        return found[0]

    def create(self, name: str, mappings: dict[str, Any], settings: dict[str, str], aliases: Iterable[str]) -> None:
        """Make one. Raises Refused."""
        if not _NAME.fullmatch(name):
            raise Refused(400, "invalid_index_name_exception", f"Invalid index name [{name}]", index=name)
        if name in self._indexes:
            reason = f"index [{name}] already exists"
            raise Refused(400, "resource_already_exists_exception", reason, index=name)
        if any(name in each.aliases for each in self._indexes.values()):
            reason = f"Invalid index name [{name}], already exists as alias"
            raise Refused(400, "invalid_index_name_exception", reason, index=name)
        for alias in aliases:
            self._check_alias(alias)
        self._indexes[name] = StoredIndex(name, mappings, settings, set(aliases))

    def delete(self, expression: str) -> None:
        """Remove what is named. Raises Refused, also for an alias."""
        found = self.find(expression)
        for each in found:
            if expression in each.aliases:
                raise illegal(
                    f"The provided expression [{expression}] matches an alias, specify the corresponding concrete "
                    "indices instead."
                )
        for each in found:
            del self._indexes[each.name]

    def move_aliases(self, actions: list[dict[str, Any]]) -> None:
        """Add and remove aliases in one step: all of it, or nothing. Raises Refused."""
        after = {name: set(each.aliases) for name, each in self._indexes.items()}
        for action in actions:
            match action:
                case {"add": {"index": str(index), "alias": str(alias)}}:
                    self._check_alias(alias)
                    for each in self.find(index):
                        after[each.name].add(alias)
                case {"remove": {"index": str(index), "alias": str(alias), **rest}}:
                    held = [each for each in self.find(index) if alias in after[each.name]]
                    if not held and rest.get("must_exist") is not False:
                        raise Refused(404, "aliases_not_found_exception", f"aliases [{alias}] missing")
                    for each in held:
                        after[each.name].discard(alias)
                case other:
                    raise unsupported(f"action {other} of _aliases")
        for name, aliases in after.items():
            self._indexes[name].aliases = aliases

    def _check_alias(self, alias: str) -> None:
        if alias in self._indexes:
            reason = f"Invalid alias name [{alias}]: an index or data stream exists with the same name as the alias"
            raise Refused(400, "invalid_alias_name_exception", reason, index=alias)
