from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from slipstream.aws.document_index import OpenSearchDocuments, connect
from slipstream.errors import IndexNotFound
from slipstream.fakes.embedder import HashingEmbedder
from slipstream.models.resolve import Resolver
from slipstream.retrieval.drafts import drafts
from slipstream.retrieval.folder import Folder
from slipstream.retrieval.ingest import EVERYTHING, Ingestion
from slipstream.retrieval.ingest_report import Report
from slipstream.retrieval.ports import IndexSpec
from slipstream.retrieval.reindex import begin, step

ROOT = Path(__file__).resolve().parents[3]
resolve = Resolver(region="us-east-1").target
SECTION = "## {0}\n\n" + "The {0} is described here in a sentence of its own, with words. " * 20 + "\n\n"


class Desk:
    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.client = connect(url)
        self.index = OpenSearchDocuments(self.client)
        self.name = f"load-{uuid.uuid4().hex[:12]}"
        self.embedder = HashingEmbedder()
        self.folder = folder
        self.index.create(self.name, IndexSpec(dimensions=256))

    def load(self, remove_missing: str | None = None) -> Report:
        ingestion = Ingestion(self.index, self.name, self.embedder, resolve)
        return ingestion.run(drafts(Folder(self.folder).items()), remove_missing=remove_missing)

    @property
    def embedded(self) -> int:
        return sum(len(call.texts) for call in self.embedder.calls)


@pytest.fixture(params=["double_url", "opensearch_url"], ids=["double", "opensearch"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(request.getfixturevalue(request.param), tmp_path)
    yield made
    with suppress(IndexNotFound):
        made.index.drop(made.name)
    made.client.close()


def test_an_index_follows_its_folder_and_embeds_only_what_is_new(desk: Desk) -> None:
    (desk.folder / "a.md").write_text("".join(SECTION.format(word) for word in ("bucket", "object", "region")))
    (desk.folder / "b.jsonl").write_text('{"id": "x", "text": "One."}\n{"id": "y", "text": "Two.", "year": 2024}\n')
    first = desk.load()
    assert (first.added, first.failed, first.stopped) == (3, [], None)
    embedded = desk.embedded

    assert desk.load().unchanged == 3
    assert desk.embedded == embedded

    (desk.folder / "a.md").write_text("".join(SECTION.format(word) for word in ("bucket", "object", "policy")))
    changed = desk.load()
    assert changed.changed == 1
    assert 0 < desk.embedded - embedded < changed.passages

    (desk.folder / "b.jsonl").write_text('{"id": "y", "text": "Two.", "year": 2024}\n')
    assert desk.load(EVERYTHING).deleted == 1
    assert sorted(desk.index.versions(desk.name)) == ["a.md", "y"]


def test_a_reindex_beside_a_load_loses_nothing(desk: Desk) -> None:
    for number in range(60):
        (desk.folder / f"{number:02d}.md").write_text(f"# Page {number}\n\nText of page {number}.")
    desk.load()
    begin(desk.index, desk.name, IndexSpec(dimensions=512))
    first = step(desk.index, desk.name, desk.embedder, resolve, deadline_s=0.0)
    (desk.folder / "00.md").write_text("# Page 0\n\nOther text.")
    (desk.folder / "99.md").write_text("# Page 99\n\nText of page 99.")
    (desk.folder / "59.md").unlink()
    report = desk.load(EVERYTHING)

    last = step(desk.index, desk.name, desk.embedder, resolve)

    assert (first.finished, last.finished, report.stopped) == (False, True, None)
    assert sorted(desk.index.versions(desk.name)) == sorted(path.name for path in desk.folder.iterdir())
    assert desk.load().unchanged == 60
    (generation,) = desk.index.generations(desk.name)
    (document,) = desk.index.read(desk.name, ["00.md"])
    assert (generation.spec.dimensions, generation.documents) == (512, 60)
    assert ("Other text." in document.passages[0].text, len(document.passages[0].vector)) == (True, 512)


def test_a_load_whose_process_was_killed_goes_on_where_it_was(desk: Desk) -> None:
    names = [f"{number:02d}.md" for number in range(40)]
    for name in names:
        (desk.folder / name).write_text(f"# {name}\n\nText of {name}.")
    command = [sys.executable, "-m", "tests.functional.ingestion.loader", desk.url, desk.name, str(desk.folder)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "lambdas")])}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(3):
            assert process.stdout.readline() == b"written\n"
            process.stdin.write(b"on\n")
            process.stdin.flush()
        process.stdout.readline()  # the fourth batch is written, and its writer waits
        process.send_signal(signal.SIGKILL)
    done = desk.index.versions(desk.name)
    assert len(done) == 20

    report = desk.load()

    assert (report.unchanged, report.added, report.failed) == (20, 20, [])
    assert desk.embedded == 20
    assert sorted(desk.index.versions(desk.name)) == names
