from __future__ import annotations

import re
from pathlib import Path

from local.opensearch.artifacts import LOCK, locked
from tests.unit.local.opensearch.conftest import artifact

ALLOWED = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "EPL-2.0", "ICU", "MIT", "MIT-0"}


def test_every_artifact_is_pinned_by_size_and_hash_under_a_licence_that_may_be_used() -> None:
    for each in locked():
        assert re.fullmatch(r"[0-9a-f]{64}", each.sha256)
        assert each.size > 0
        assert each.licence in ALLOWED


def test_no_artifact_is_listed_twice() -> None:
    coordinates = [each.coordinates for each in locked()]

    assert len(set(coordinates)) == len(coordinates)


def test_the_lock_names_no_repository() -> None:
    assert "://" not in LOCK.read_text()


def test_an_artifact_has_its_place_in_a_repository() -> None:
    plugin = artifact("org.x.y:some-plugin:1.2:zip", b"")

    assert plugin.path == Path("org/x/y/some-plugin/1.2/some-plugin-1.2.zip")


def test_a_file_of_the_right_size_and_other_content_is_not_the_artifact(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abd")

    assert not artifact("a:b:1", b"abc").is_at(tmp_path / "x")
