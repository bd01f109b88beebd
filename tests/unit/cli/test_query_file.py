from __future__ import annotations

import gzip
import json
from pathlib import Path

import click
import pytest

from cli.query_file import Query, read_queries, with_vectors
from cli.target import Target
from slipstream.chat.retrieval_options import Filter
from slipstream.retrieval.ports import IndexSpec
from tests.unit.cli.conftest import Gateway

SPEC = IndexSpec(embedding_model="amazon.titan-embed-text-v2:0", dimensions=2)


def written(folder: Path, text: str, name: str = "questions.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_packed_file_that_is_cut_off_is_told(tmp_path: Path) -> None:
    path = tmp_path / "questions.gz"
    path.write_bytes(gzip.compress(b"what is s3\n" * 50)[:-12])

    with pytest.raises(click.ClickException, match="no whole gzip file"):
        read_queries(path)


def nobody() -> Target:
    raise AssertionError("the gateway was asked")


def test_plain_lines_are_questions_and_empty_ones_are_not(tmp_path: Path) -> None:
    assert read_queries(written(tmp_path, "what is s3\n\n  how much  \n")) == [Query("what is s3"), Query("how much")]


def test_json_lines_bring_vectors_and_filters_and_other_fields_do_no_harm(tmp_path: Path) -> None:
    line = {"id": "q1", "text": "price", "vector": [0.6, 0.8], "filters": [{"field": "product", "any_of": ["s3"]}]}

    found = read_queries(written(tmp_path, json.dumps(line)))

    assert found == [Query("price", (0.6, 0.8), (Filter("product", ("s3",)),))]


def test_a_packed_file_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "what is s3"}\n'))

    assert read_queries(path) == [Query("what is s3")]


@pytest.mark.parametrize(
    ("text", "said"),
    [("ok\n{broken", "line 2"), ('{"id": 1}', "neither 'text' nor 'vector'"), ("\n\n", "no question"),
     ('{"text": 3}', "line 1")],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(click.ClickException, match=said):
        read_queries(written(tmp_path, text))


def test_a_packed_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="cannot be read"):
        read_queries(written(tmp_path, "plain", "questions.gz"))


def test_only_questions_without_a_vector_are_embedded_as_questions_by_the_index_s_model(gateway: Gateway) -> None:
    gateway.returns({"data": [{"embedding": [1.0, 0.0]}]})

    found = with_vectors([Query("a", (0.6, 0.8)), Query("b")], SPEC, lambda: Target(gateway.url, "key"))

    assert [query.vector for query in found] == [(0.6, 0.8), (1.0, 0.0)]
    ((_, path, body),) = gateway.asked
    assert (path, body) == ("/v1/embeddings", {"model": SPEC.embedding_model, "input": ["b"], "dimensions": 2,
                                               "input_type": "search_query"})  # fmt: skip


def test_no_gateway_is_needed_where_every_question_has_its_vector() -> None:
    assert with_vectors([Query("a", (0.6, 0.8))], SPEC, nobody) == [Query("a", (0.6, 0.8))]


def test_a_vector_of_another_length_than_the_index_s_is_refused() -> None:
    with pytest.raises(click.ClickException, match="has 3 dimensions, the index 2"):
        with_vectors([Query("a", (0.6, 0.8, 0.0))], SPEC, nobody)


def test_what_the_gateway_says_is_the_command_s_error(gateway: Gateway) -> None:
    gateway.refuses(403, {"message": "this key may not", "code": "permission_denied"})

    with pytest.raises(click.ClickException, match="this key may not"):
        with_vectors([Query("a")], SPEC, lambda: Target(gateway.url, "key"))
