"""Judged sets are read from plain or packed files; what is wrong with one is said with its line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from slipstream.errors import InvalidRequest
from slipstream.retrieval.judged import read_judgements, read_set

CORPUS = [{"id": "a", "title": "A", "text": "about a"}, {"id": "b", "text": "about b"}]
QUERIES = [{"id": "q1", "text": "what is a?"}, {"id": "q2", "text": "what is nothing?"}]
QRELS = "query-id\tcorpus-id\tscore\nq1\ta\t1\n"


def write(folder: Path, *, corpus: str | None = None, queries: str | None = None, qrels: str = QRELS) -> Path:
    (folder / "corpus.jsonl").write_text(corpus if corpus is not None else "\n".join(map(json.dumps, CORPUS)))
    (folder / "queries.jsonl").write_text(queries if queries is not None else "\n".join(map(json.dumps, QUERIES)))
    (folder / "qrels.tsv").write_text(qrels)
    return folder


def test_a_plain_folder_is_read(tmp_path: Path) -> None:
    judged = read_set(write(tmp_path))

    assert [document.title for document in judged.documents] == ["A", ""]
    assert judged.relevance == {"q1": {"a": 1.0}}


def test_packed_files_are_read_as_plain_ones(tmp_path: Path) -> None:
    plain = read_set(write(tmp_path))
    for file in list(tmp_path.iterdir()):
        (tmp_path / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()

    assert read_set(tmp_path) == plain


def test_questions_without_a_relevant_document_are_left_out_and_counted(tmp_path: Path) -> None:
    judged = read_set(write(tmp_path, qrels=QRELS + "q2\ta\t0\n"))

    assert [question.id for question in judged.questions] == ["q1"]
    assert judged.unjudged == 1


def test_judgements_of_unknown_documents_count_as_not_found(tmp_path: Path) -> None:
    judged = read_set(write(tmp_path, qrels=QRELS + "q1\tgone\t1\n"))

    assert judged.relevance["q1"] == {"a": 1.0, "gone": 1.0}
    assert judged.unknown == 1


def test_judgements_need_no_header_and_may_be_graded(tmp_path: Path) -> None:
    judged = read_set(write(tmp_path, qrels="q1\ta\t2\r\nq1\tb\t0.5\r\n\r\n"))

    assert judged.relevance["q1"] == {"a": 2.0, "b": 0.5}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"corpus": '{"id": "a", "text": "x"}\nnot json'}, r"corpus.jsonl line 2.*id, text, title"),
        ({"corpus": '{"id": "a"}'}, r"corpus.jsonl line 1.*text"),
        ({"corpus": '{"id": 3, "text": "x"}'}, r"corpus.jsonl line 1"),
        ({"corpus": '{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}'}, "'a' twice"),
        ({"corpus": ""}, "no document"),
        ({"queries": ""}, "no question"),
        ({"qrels": ""}, "no question"),
        ({"qrels": "query-id\tcorpus-id\tscore\nq1 a 1\n"}, "qrels.tsv line 2.*TAB"),
        ({"qrels": "q\tc\ts\nq1\ta\tmuch\n"}, "qrels.tsv line 2"),
        ({"qrels": "q\tc\ts\nq1\ta\tnan\n"}, "qrels.tsv line 2"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, change: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        read_set(write(tmp_path, **change))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "qrels.tsv").unlink()

    with pytest.raises(InvalidRequest, match=r"neither qrels.tsv nor qrels.tsv.gz"):
        read_set(tmp_path)


@pytest.mark.parametrize(
    "raw",
    [b"not gzip", gzip.compress(b"q1\ta\t1\n")[:-4], gzip.compress(b"\xff\xfe\xff\n")],
    ids=["no", "cut", "utf-8"],
)
def test_a_packed_file_that_is_broken_is_named(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "qrels.tsv.gz").write_bytes(raw)

    with pytest.raises(InvalidRequest, match=r"qrels.tsv.gz cannot be read"):
        read_judgements(tmp_path / "qrels.tsv.gz")
