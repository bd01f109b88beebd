"""Passages follow a document's structure, hold all of it, and keep to their size."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.retrieval.blocks import Format
from slipstream.retrieval.chunking import ChunkSize, chunk
from slipstream.retrieval.pieces import pieces_of

SIZE = ChunkSize()
SENTENCE = "The gateway keeps one connection to the service and reuses it for every request that follows. "
LINES = st.sampled_from(
    [
        "# Top",
        "## Part",
        "### Detail ###",
        "####### not a heading",
        "",
        "   ",
        "```python",
        "```",
        "~~~",
        "| a | b |",
        "|---|---|",
        "- item one. It goes on.",
        "1. first",
        "A plain sentence. Another one? Yes! And more words to fill the line",
        SENTENCE * 4,
        "x" * 900,
        "这是一个没有空格的长句子，" * 30,
        "这是第一句。这是第二句！" * 12,
        "هذه جملة. وهذه جملة أخرى؟ " * 9,
        "\x00\x00nul\x00",
        "e\u0301" * 300,
        "\u2028\u200b",
        "🙂" * 200,
    ]
)
TEXTS = st.one_of(st.text(), st.lists(LINES, max_size=25).map("\n".join))
FORMATS: st.SearchStrategy[Format] = st.sampled_from(["markdown", "plain"])


@given(TEXTS, FORMATS)
def test_a_passage_is_the_stretch_of_text_that_its_offsets_name(text: str, form: Format) -> None:
    passages = chunk(text, format=form)

    assert [passage.text for passage in passages] == [text[passage.start : passage.end] for passage in passages]
    assert [passage.ordinal for passage in passages] == list(range(len(passages)))


@given(TEXTS, FORMATS)
def test_nothing_but_white_space_is_left_out(text: str, form: Format) -> None:
    reached = 0
    for passage in chunk(text, format=form):
        assert not text[reached : passage.start].strip()
        reached = max(reached, passage.end)
    assert not text[reached:].strip()


@given(TEXTS, FORMATS)
def test_each_passage_says_something_that_the_one_before_it_did_not(text: str, form: Format) -> None:
    passages = chunk(text, format=form)

    for before, after in pairwise(passages):
        assert before.start < after.start
        assert before.end < after.end
    assert all(passage.text.strip() for passage in passages)


@given(TEXTS, FORMATS)
def test_no_passage_is_longer_than_the_most_and_a_short_neighbour(text: str, form: Format) -> None:
    assert all(pieces_of(passage.text) <= SIZE.most + SIZE.least for passage in chunk(text, format=form))


@given(TEXTS, FORMATS)
def test_the_same_text_gives_the_same_passages(text: str, form: Format) -> None:
    assert chunk(text, format=form) == chunk(text, format=form)


@given(st.text(alphabet="ab\u0301\u0327", min_size=400, max_size=2000))
def test_no_passage_begins_with_a_mark_that_belongs_to_the_letter_before_it(text: str) -> None:
    assert all(passage.text[0] not in "\u0301\u0327" for passage in chunk(text, format="plain")[1:])


def test_headings_that_follow_a_repeated_sentence_and_leave_it_alone_end_nothing() -> None:
    text = (  # found by chance
        "0::0\n"
        "### 00000. ###\n"
        "0:0:0:0:0:0:0:0:0:0:000:0:000:000:0:000:000:0:000:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0\x01\u0fd9\u0fd9\uff01##\u1801\u1801\u0e00\u0e8c\u0e8c\u13e5\u13e5\u13e5\u262f\u262f\u262f\u3b2c\u3b2c\u3b2c\u0fd9\u0fd9\u0fd9\u0fd9\u0fd9\uff01\uff01\uff01\uff01\uff01\uff01\uff01\uff01\uff01\uff01\uff01\n"
        "# 00000. ####\n"
        "# P\n"
        "#"
    )
    assert "".join(passage.text for passage in chunk(text)).startswith("0::0")


def test_a_passage_names_the_headings_it_stands_under() -> None:
    text = f"# Guide\n\n{SENTENCE * 4}\n\n## Keys\n\n### Renew <a name='x'></a>\n\n{SENTENCE * 4}"

    assert [passage.heading for passage in chunk(text, title="Guide")] == [(), ("Keys", "Renew")]


def test_a_number_sign_inside_code_is_no_heading() -> None:
    text = f"# Run\n\n```\n# install\n{'make all ' * 30}\n```\n\n{SENTENCE * 4}"

    assert {passage.heading for passage in chunk(text)} == {("Run",)}


def test_plain_text_has_no_headings() -> None:
    assert chunk("# 1 apple\n\nAn apple a day.", format="plain")[0].heading == ()


def test_a_new_section_begins_a_new_passage() -> None:
    text = f"# One\n\n{SENTENCE * 4}\n\n# Two\n\n{SENTENCE * 4}"

    assert [passage.text.splitlines()[0] for passage in chunk(text)] == ["# One", "# Two"]


def test_sections_of_a_line_each_share_a_passage_under_what_they_have_in_common() -> None:
    text = "# Limits\n\n## Keys\n\nTen.\n\n## Users\n\nFive."

    (passage,) = chunk(text)
    assert passage.heading == ("Limits",)


def test_a_heading_is_never_the_end_of_a_passage() -> None:
    text = "\n\n".join(f"## Part {number}\n\n{SENTENCE * (number % 9 + 1)}" for number in range(30))

    assert not [passage for passage in chunk(text) if passage.text.splitlines()[-1].startswith("#")]


def test_a_table_that_fits_is_not_cut() -> None:
    table = "\n".join(["| Name | Limit |", "|---|---|", *(f"| resource {row} | {row} |" for row in range(20))])
    text = f"{SENTENCE * 9}\n\n{table}\n\n{SENTENCE * 9}"

    assert any(table in passage.text for passage in chunk(text))


def test_a_table_that_does_not_fit_is_cut_between_rows() -> None:
    rows = [f"| resource number {row} | its limit is {row} |" for row in range(200)]

    passages = chunk("\n".join(rows))
    assert len(passages) > 5
    assert [line for passage in passages for line in passage.text.splitlines()] == rows


def test_code_that_fits_is_not_cut() -> None:
    code = "```\n" + "\n".join(f"step_{line}(here)" for line in range(25)) + "\n```"
    text = f"{SENTENCE * 9}\n\n{code}\n\n{SENTENCE * 9}"

    assert any(code in passage.text for passage in chunk(text))


def test_prose_is_cut_between_sentences_and_the_last_one_is_repeated() -> None:
    text = " ".join(f"Sentence number {number} says a little about one thing." for number in range(60))

    passages = chunk(text)
    assert all(passage.text.startswith("Sentence") and passage.text.endswith(".") for passage in passages)
    for before, after in pairwise(passages):
        assert after.start < before.end
        assert pieces_of(text[after.start : before.end]) <= SIZE.overlap


def test_nothing_is_repeated_across_sections() -> None:
    text = f"# One\n\n{SENTENCE * 4}\n\n# Two\n\n{SENTENCE * 4}"

    first, second = chunk(text)
    assert first.end <= second.start


def test_a_document_of_one_line_is_cut() -> None:
    passages = chunk("word " * 20_000, format="plain")

    assert max(pieces_of(passage.text) for passage in passages) <= SIZE.target
    assert min(pieces_of(passage.text) for passage in passages[:-1]) > SIZE.target / 2


def test_chinese_is_cut_behind_its_full_stops() -> None:
    passages = chunk("这一句话讲的是网关怎样保持连接。" * 60, format="plain")

    assert len(passages) > 3
    assert all(passage.text.endswith("。") for passage in passages)


@pytest.mark.parametrize("text", ["", " \n\t\n", "\u2003"])
def test_no_text_gives_no_passages(text: str) -> None:
    assert chunk(text) == ()
