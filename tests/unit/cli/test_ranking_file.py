"""Files of ranking weights that commands are given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Shell

WAYS = ("retrieval", "--data", "{set}", "--parameters", "{file}"), (
    "fit", "{set}", "--out", "{set}/out.json", "--start", "{file}"
)  # fmt: skip


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text(json.dumps({"id": "a", "title": "A", "text": "Text of a."}))
    (folder / "queries.jsonl").write_text(json.dumps({"id": "1", "text": "What of a?"}))
    (folder / "qrels.tsv").write_text("1\ta\t1\n")
    return folder


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("content", "told"), [(None, "cannot be read: No such file"), ("weights", "these are no ranking parameters")]
)
def test_weights_that_cannot_be_used_are_told_by_their_file(
    shell: Shell, judged: Path, way: tuple[str, ...], content: str | None, told: str
) -> None:
    path = judged / "weights.json"
    if content is not None:
        path.write_text(content)

    result = shell.run("eval", *(part.format(set=judged, file=path) for part in way))

    assert result.exit_code == 1
    assert f"Error: {path}" in result.stderr
    assert told in result.stderr
