from __future__ import annotations

import msgspec
import numpy
import pytest
from click import ClickException

from cli.tuning_data import Corpus, Truth, hold_out, read_corpus
from cli.tuning_faiss import FaissGraph, bits_of, first_pass
from slipstream.fakes.passage_index import MemoryIndex
from slipstream.retrieval.document import Document, Passage
from slipstream.retrieval.ports import IndexSpec

DIMENSIONS = 32
SPEC = IndexSpec(dimensions=DIMENSIONS, engine="faiss")


def corpus_of(documents: int, passages: int, *, seed: int = 1) -> Corpus:
    """Clusters, as texts make them: a document's passages lie near each other."""
    random = numpy.random.default_rng(seed)
    found = []
    for number in range(documents):
        middle = random.normal(size=DIMENSIONS)
        rows = middle + 0.7 * random.normal(size=(passages, DIMENSIONS))
        rows /= numpy.linalg.norm(rows, axis=1, keepdims=True)
        found.append(one(f"d{number}", *map(tuple, rows.tolist())))
    return Corpus(found, documents * passages, 6.0)


def nothing(what: str, done: int, of: int) -> None:
    """Progress that nobody looks at."""


def one(document_id: str, *vectors: tuple[float, ...]) -> Document:
    return Document(document_id, "", "v1", tuple(Passage(at, "x", 0, 1, (), v) for at, v in enumerate(vectors)))


def test_of_a_document_only_its_best_passage_is_wanted() -> None:
    near = [(1.0, 0.01 * number) for number in range(1, 4)]
    documents = [one("a", *near), *(one(f"b{number}", (1.0, 0.1 + 0.01 * number)) for number in range(10))]
    truth = Truth(Corpus(documents, 13, 1.0), [(1.0, 0.0)])

    best, second, rest = truth.row("a", 0), truth.row("a", 1), [truth.row(f"b{number}", 0) for number in range(10)]

    assert truth.recalls([[best, second, *rest[:9]]]) == [1.0]
    assert truth.recalls([[best, second, *rest[:8]]]) == [0.9]


def test_recall_is_the_share_of_the_exact_ten() -> None:
    truth = Truth(Corpus([one(f"d{number}", (1.0, 0.05 * number)) for number in range(20)], 20, 1.0), [(1.0, 0.0)])

    assert truth.recalls([[0, 1, 2, 3, 4, 15, 16, 17, 18, 19]]) == [0.5]
    assert truth.recalls([[]]) == [0.0]


def test_copies_of_a_passage_stand_for_each_other() -> None:
    truth = Truth(Corpus([one(f"d{number}", (1.0, 0.0)) for number in range(15)], 15, 1.0), [(1.0, 0.0)])

    assert truth.recalls([list(range(5, 15))]) == [1.0]


def test_passages_that_serve_as_questions_leave_the_corpus() -> None:
    corpus = corpus_of(10, 5)

    left, questions = hold_out(corpus, 8)

    assert len(questions) == 8
    assert left.passages == 42
    assert left.total == corpus.total
    kept = {passage.vector for document in left.documents for passage in document.passages}
    assert not kept & set(questions)


def test_no_more_than_a_fifth_of_a_small_corpus_serves_as_questions() -> None:
    assert len(hold_out(corpus_of(10, 5), 200)[1]) == 10


def index_of(corpus: Corpus) -> MemoryIndex:
    memory = MemoryIndex()
    memory.create("docs", IndexSpec(dimensions=DIMENSIONS))
    assert memory.write("docs", corpus.documents) == []
    return memory


def test_a_sample_knows_how_many_passages_the_whole_index_has() -> None:
    found = read_corpus(index_of(corpus_of(300, 2)), "docs", 150, nothing)

    assert found.passages == 150
    assert found.total == 600


def test_the_same_sample_is_drawn_each_time() -> None:
    index = index_of(corpus_of(300, 2))

    assert read_corpus(index, "docs", 150, nothing) == read_corpus(index, "docs", 150, nothing)


def test_an_index_without_vectors_is_refused() -> None:
    corpus = corpus_of(20, 2)
    bare = [one(document.id, (), ()) for document in corpus.documents]
    index = index_of(Corpus(bare, 40, 6.0))

    with pytest.raises(ClickException, match="0 passages with vectors"):
        read_corpus(index, "docs", 100, nothing)


@pytest.fixture(scope="module")
def truth() -> Truth:
    left, questions = hold_out(corpus_of(400, 4), 100)
    return Truth(left, questions)


def recall(quantization: str, truth: Truth, ef_search: int = 100) -> float:
    found = FaissGraph(msgspec.structs.replace(SPEC, quantization=quantization), truth).searches(ef_search)
    assert len(found.ms) == len(found.recalls) == 100
    return sum(found.recalls) / len(found.recalls)


@pytest.mark.parametrize("quantization", ["none", "fp16"])
def test_a_graph_of_floats_finds_nearly_all(quantization: str, truth: Truth) -> None:
    assert recall(quantization, truth) > 0.98


def test_bytes_cost_little_recall(truth: Truth) -> None:
    assert recall("byte", truth) > 0.9


def test_fewer_bits_find_less(truth: Truth) -> None:
    found = [recall(f"on_disk_{times}x", truth) for times in (8, 16, 32)]

    assert found[0] > found[1] > found[2] > 0.2


def test_a_small_ef_search_finds_no_more_than_a_large_one() -> None:
    left, questions = hold_out(corpus_of(800, 4, seed=2), 100)
    graph = FaissGraph(msgspec.structs.replace(SPEC, m=4), Truth(left, questions))

    few, many = (sum(graph.searches(ef_search).recalls) for ef_search in (10, 400))

    assert few < many


@pytest.mark.parametrize(("quantization", "bits"), [("none", 0), ("byte", 0), ("on_disk_8x", 4), ("on_disk_32x", 1)])
def test_only_on_disk_are_there_bits(quantization: str, bits: int) -> None:
    assert bits_of(msgspec.structs.replace(SPEC, quantization=quantization)) == bits


@pytest.mark.parametrize(("dimensions", "candidates"), [(384, 150), (768, 100), (999, 100), (1024, 100)])
def test_oversampling_shrinks_with_the_dimensions_but_a_hundred_are_always_rescored(
    dimensions: int, candidates: int
) -> None:
    assert first_pass(50, dimensions) == candidates
