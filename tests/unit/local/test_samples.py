"""The sample that ships, and how one is cut out of a judged set."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from local.bedrock.minilm import MODEL_SHA256, MiniLm
from local.known_vectors import KnownVectors, write
from local.places import ROOT
from local.samples import VECTORS, Size, cut, passages_of, samples
from slipstream.retrieval.judged import JudgedSet, Question, SourceText, read_set

SHIPPED = ROOT / "samples" / "aws-guides"


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True)) / (math.hypot(*left) * math.hypot(*right))


@pytest.fixture(scope="module")
def passages() -> list[str]:
    return list(passages_of(SHIPPED / "corpus.jsonl.gz"))


@pytest.fixture(scope="module")
def known() -> KnownVectors:
    return KnownVectors(SHIPPED / VECTORS, MODEL_SHA256)


def test_each_of_the_shipped_questions_is_answered_by_a_page_that_ships() -> None:
    shipped = read_set(SHIPPED)
    assert len(shipped.documents) >= 120
    assert len(shipped.questions) >= 50
    assert (shipped.unjudged, shipped.unknown) == (0, 0)


def test_most_pages_of_the_sample_answer_no_question() -> None:
    shipped = read_set(SHIPPED)
    answers = {page for gains in shipped.relevance.values() for page in gains}
    assert len(shipped.documents) > 2 * len(answers)


def test_the_passages_that_a_load_embeds_have_their_vectors_in_the_file(
    passages: list[str], known: KnownVectors
) -> None:
    missing = [text for text in passages if known.get(text) is None]
    assert len(missing) <= len(passages) / 20, "run `python -m local.samples vectors samples/aws-guides`"


def test_shipped_vectors_are_the_models(passages: list[str], known: KnownVectors) -> None:
    model = MiniLm()
    for text in passages[:: len(passages) // 8]:
        vector = known.get(text)
        assert vector is None or cosine(vector, model.embed(text)) > 0.99999


def test_a_text_that_is_not_in_the_file_has_no_vector(known: KnownVectors) -> None:
    assert known.get("Nobody embedded this sentence before.") is None


def test_vectors_of_another_model_are_refused_with_the_way_out(tmp_path: Path) -> None:
    write(tmp_path / VECTORS, {"a text": [0.5] * 384}, "ab" * 32)
    with pytest.raises(RuntimeError, match=r"abab.*local\.samples vectors"):
        KnownVectors(tmp_path / VECTORS, MODEL_SHA256).get("a text")


def test_a_damaged_file_of_vectors_is_named(tmp_path: Path) -> None:
    (tmp_path / VECTORS).write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(RuntimeError, match=VECTORS):
        KnownVectors(tmp_path / VECTORS, MODEL_SHA256).get("a text")


def test_the_same_vectors_make_the_same_file_in_any_order(tmp_path: Path) -> None:
    texts = {"one": [0.25] * 384, "two": [0.5] * 384}
    write(tmp_path / "a", texts, MODEL_SHA256)
    write(tmp_path / "b", dict(reversed(texts.items())), MODEL_SHA256)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def judged() -> JudgedSet:
    pages = [
        SourceText("birds/owl", "Owls hunt at night and hear a mouse under snow.", "Owl"),
        SourceText("birds/eagle", "Eagles hunt by day.", "Eagle"),
        SourceText("birds/finch", "Finches eat seeds.", "Finch"),
        SourceText("fish/carp", "Carp live in ponds.", "Carp"),
        SourceText("fish/shark", "Sharks hunt " + "in the sea " * 20, "Shark"),
    ]
    questions = [
        Question("q1", "When do owls hunt?"),
        Question("q2", "What do owls hear?"),
        Question("q3", "Where do carp live?"),
        Question("q4", "What do sharks hunt?"),
    ]
    answers = {"q1": "birds/owl", "q2": "birds/owl", "q3": "fish/carp", "q4": "fish/shark"}
    return JudgedSet("animals", tuple(pages), tuple(questions), {q: {page: 1.0} for q, page in answers.items()})


def test_questions_are_taken_by_turns_from_the_guides() -> None:
    _, questions = cut(judged(), Size(questions=2, pages=5))
    assert [question.id for question in questions] == ["q1", "q3"]


def test_a_page_that_is_too_long_is_left_out_with_its_question() -> None:
    pages, questions = cut(judged(), Size(questions=9, pages=9, longest_page=100))
    assert "fish/shark" not in {page.id for page in pages}
    assert [question.id for question in questions] == ["q1", "q2", "q3"]


def test_pages_that_look_like_an_answer_come_along_before_others() -> None:
    pages, _ = cut(judged(), Size(questions=1, pages=2, longest_page=100))
    assert [page.id for page in pages] == ["birds/owl", "birds/eagle"]


def test_the_command_writes_the_same_bytes_from_the_same_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        arguments = ["cut", str(SHIPPED), str(tmp_path / name), "--questions", "5", "--pages", "12"]
        assert CliRunner().invoke(samples, arguments).exit_code == 0
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["answers.jsonl.gz", "corpus.jsonl.gz", "qrels.tsv", "queries.jsonl.gz"]
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)
    assert len(read_set(tmp_path / "one").questions) == 5
    with gzip.open(tmp_path / "one" / "answers.jsonl.gz", "rt") as file:
        assert len([json.loads(line)["answer"] for line in file]) == 5
