from __future__ import annotations

import gzip
import json

import pytest

from slipstream.errors import UnreadableDocument
from slipstream.retrieval.parsing.parse import is_records, parse
from slipstream.retrieval.parsing.parsed import USUAL_COLUMNS, Columns, Parsed
from tests.unit.retrieval.parsing import files


def one(raw: bytes | str, name: str, **more: str) -> Parsed:
    (document,) = parse(raw.encode() if isinstance(raw, str) else raw, name, **more)  # type: ignore[arg-type]
    assert isinstance(document, Parsed)
    return document


def records(raw: str, name: str, columns: Columns = USUAL_COLUMNS) -> list[Parsed]:
    found = list(parse(raw.encode(), name, columns=columns))
    return [document for document in found if isinstance(document, Parsed)]


# -- text


def test_a_text_s_first_line_is_its_title_when_it_stands_alone() -> None:
    document = one("Quarterly report\n\nSales rose.\n", "q3.txt")

    assert (document.title, document.text) == ("Quarterly report", "Quarterly report\n\nSales rose.")


def test_a_text_that_begins_with_a_sentence_is_titled_by_its_name() -> None:
    assert one("Sales rose.\n\nThen fell.", "notes/q3_sales-report.txt").title == "q3 sales report"


@pytest.mark.parametrize(
    ("raw", "type_"),
    [
        ("Größe: 5 €".encode("utf-8-sig"), ""),
        ("Größe: 5 €".encode("utf-16"), ""),
        ("Größe: 5 € und mehr".encode("utf-16-le"), ""),
        ("Größe: 5 €".encode("cp1252"), ""),
        ("Größe: 5 €".encode("iso-8859-15"), "text/plain; charset=iso-8859-15"),
    ],
    ids=["utf-8 with mark", "utf-16 with mark", "utf-16 without", "windows", "declared"],
)
def test_a_text_comes_out_the_same_whatever_its_encoding(raw: bytes, type_: str) -> None:
    assert one(raw, "a.txt", content_type=type_).text.startswith("Größe: 5 €")


def test_japanese_in_its_old_encoding_is_read_where_the_page_declares_it() -> None:
    page = '<html><head><meta charset="shift_jis"><title>倉庫</title></head><body>これは倉庫の説明です。</body></html>'

    document = one(page.encode("shift_jis"), "page.html")

    assert (document.title, document.text, document.language) == ("倉庫", "これは倉庫の説明です。", "ja")


def test_nul_and_control_characters_leave_a_text() -> None:
    assert one("one\0 two\x07 three\r\nfour" + " and so on" * 20, "a.txt").text.startswith("one two three\nfour")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The bucket is the place where objects are kept, and it has a name.", "en"),
        ("Der Eimer ist der Ort, an dem die Objekte liegen, und er hat einen Namen.", "de"),
        ("Le seau est l'endroit dans lequel les objets sont, et il a un nom pour la vie.", "fr"),
        ("存储桶是存放对象的地方。", "zh"),
        ("الدلو هو المكان الذي تحفظ فيه الأشياء", "ar"),
        ("הדלי הוא המקום שבו נשמרים העצמים", "he"),
        ("42 17", "en"),
    ],
)
def test_the_language_is_told_by_script_and_common_words(text: str, language: str) -> None:
    assert one(text, "a.txt").language == language


# -- Markdown


def test_markdown_keeps_structure_and_loses_link_targets_tags_and_comments() -> None:
    document = one(
        "Title here\n==========\n\n<!-- hidden\nnote -->Read [the guide](https://a.example/x(1)) or ![a map](m.png)."
        "\n\nPart\n----\n\n- **bold** <b>item</b>\n\n```py\n# not a heading\nx = [a](b)\n<!-- kept -->\n```\n\n"
        "| a | b |\n|---|---|\n",
        "x.md",
    )

    assert document.title == "Title here"
    assert document.text == (
        "# Title here\n\nRead the guide or a map.\n\n## Part\n\n- bold item\n\n"
        "```py\n# not a heading\nx = [a](b)\n<!-- kept -->\n```\n\n| a | b |\n|---|---|"
    )


def test_front_matter_says_title_date_and_attributes() -> None:
    document = one(
        "---\ntitle: 'Buckets: an introduction'\ndate: 2024-05-01\nproduct: s3\nviews: 12\n---\n\nText.\n", "x.md"
    )

    assert (document.title, document.text, document.popularity) == ("Buckets: an introduction", "Text.", 12.0)
    assert document.updated_at_s == 1_714_521_600
    assert document.attributes == {"product": "s3"}


def test_a_rule_below_a_list_makes_no_heading() -> None:
    assert one("- item\n---\n\ntext", "x.md").text == "- item\n---\n\ntext"


# -- HTML


PAGE = """<!DOCTYPE html><html lang="de-CH"><head><title>Shop - Buckets</title><script>x = "<p>no</p>"</script></head>
<body><nav><ul><li>Home</li></ul></nav><main><h1>Buckets</h1><p>A <b>bucket</b> holds
 objects.<br>Use <code>mb</code>.</p><h2 id=a>Names</h2><ul><li>one<ul><li>inner</li></ul></li><li>two</li></ul>
<pre class="language-sh"><code>aws s3 mb
  s3://x</code></pre><table><tr><th>Name</th><th>Limit</th></tr><tr><td>a|b</td><td><p>5</p></td></tr></table>
<p># not a heading</p></main><footer>(c)</footer></body></html>"""


def test_html_becomes_markdown_of_its_main_part() -> None:
    document = one(PAGE, "b.html")

    assert (document.title, document.language) == ("Buckets", "de")
    assert document.text == (
        "# Buckets\n\nA bucket holds objects.\nUse `mb`.\n\n## Names\n\n- one\n  - inner\n- two\n\n"
        "```sh\naws s3 mb\n  s3://x\n```\n\n| Name | Limit |\n| --- | --- |\n| a\\|b | 5 |\n\n\\# not a heading"
    )


def test_a_page_named_text_is_still_read_as_html() -> None:
    assert one(PAGE, "b.txt").title == "Buckets"


def test_a_page_nested_deeper_than_its_parser_goes_keeps_its_text() -> None:
    page = "<html><body>" + "<div>" * 3000 + "deep" + "</div>" * 3000 + "<p>after</p></body></html>"

    assert one(page, "x.html").text == "deep\n\nafter"


def test_a_table_that_only_lays_out_a_page_is_read_as_its_content() -> None:
    page = "<html><body><table><tr><td><h2>Menu</h2><table><tr><td>a<td>b</table></td></tr></table></body></html>"

    assert one(page, "x.html").text == "## Menu\n\n| a | b |\n| --- | --- |"


# -- DOCX


def test_docx_keeps_headings_lists_and_tables_in_order() -> None:
    raw = files.docx(
        title="Ignored",
        body=[("Title", "Handbook"), ("Heading 1", "Names"), ("Normal", "Keep  them short."), ("List Bullet", "one"),
              ("List Bullet", "two"), ("Heading 2", "Limits")],
        rows=[["Name", "Limit"], ["a", "5"]],
    )  # fmt: skip

    document = one(raw, "h.docx")

    assert document.title == "Handbook"
    assert document.text == (
        "# Handbook\n\n# Names\n\nKeep them short.\n\n- one\n- two\n\n## Limits\n\n"
        "| Name | Limit |\n| --- | --- |\n| a | 5 |"
    )


# -- PDF


def test_pdf_text_comes_page_by_page_with_the_outline_s_headings() -> None:
    raw = files.pdf(
        [["Chapter one", "First line of a para-", "graph."], ["More text", "Limits", "Five."]],
        title="A Handbook",
        outline=[("Chapter one", 0), ("Limits", 1)],
    )

    document = one(raw, "h.pdf")

    assert document.title == "A Handbook"
    assert document.text == ("## Chapter one\n\nFirst line of a paragraph.\n\nMore text\n\n## Limits\n\nFive.")


def test_running_heads_and_page_numbers_are_left_out() -> None:
    raw = files.pdf([["Handbook 2024", f"Text number {word}.", f"Page {n}"] for n, word in enumerate("abcde")])

    assert one(raw, "h.pdf").text == "\n\n".join(f"Text number {word}." for word in "abcde")


def test_a_pdf_that_anyone_may_open_is_read_though_it_is_encrypted() -> None:
    assert one(files.pdf([["Open to all"]], password=""), "h.pdf").text == "Open to all"


# -- records


def test_each_line_of_jsonl_is_a_document() -> None:
    raw = "\n".join(
        json.dumps(record)
        for record in [
            {
                "id": "a",
                "title": "A",
                "text": "First.",
                "url": "https://a.example",
                "year": 2024,
                "attributes": {"b": True},
            },
            {"_id": 7, "text": "Second.", "updated_at": "2024-05-01T00:00:00Z"},
        ]
    )

    first, second = records(raw, "x.jsonl")

    assert (first.id, first.title, first.text, first.source) == ("a", "A", "First.", "https://a.example")
    assert first.attributes == {"year": 2024.0, "b": True}
    assert (second.id, second.updated_at_s) == ("7", 1_714_521_600)


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1e"])
def test_a_separator_inside_a_record_s_text_does_not_cut_the_record(odd: str) -> None:
    record = json.dumps({"id": "a", "text": f"one{odd}two"}, ensure_ascii=False)

    (document,) = records(f"{record}\n", "x.jsonl")

    assert (document.id, document.text[:3], document.text[-3:]) == ("a", "one", "two")


def test_a_packed_corpus_is_unpacked() -> None:
    raw = gzip.compress(b'{"id": "a", "text": "First."}\n') + gzip.compress(b'{"id": "b", "text": "Second."}\n')

    assert [document.id for document in parse(raw, "corpus.jsonl.gz") if isinstance(document, Parsed)] == ["a", "b"]
    assert is_records(raw, "corpus.jsonl.gz")


def test_a_list_of_objects_and_a_single_object_are_records_too() -> None:
    assert [d.text for d in records('[{"text": "a"},\n {"text": "b"}]', "x.json")] == ["a", "b"]
    assert [d.text for d in records('{\n "text": "a"\n}', "x.json")] == ["a"]


def test_each_row_of_a_csv_is_a_document_and_a_column_has_one_type() -> None:
    raw = 'id;name;description;price;size\n1;Lamp;"bright; and\nsmall";12.5;3\n2;Desk;wide;80;large\n'

    first, second = records(raw, "x.csv")

    assert (first.id, first.title, first.text) == ("1", "Lamp", "bright; and\nsmall")
    assert first.attributes == {"price": 12.5, "size": "3"}
    assert second.attributes == {"price": 80.0, "size": "large"}


def test_the_columns_setting_says_what_a_row_s_fields_mean() -> None:
    columns = Columns(id="sku", title="label", text=("long", "short"), attributes=("price",))

    (document,) = records("sku,label,short,long,price,secret\nx1,Lamp,S,L,5,z\n", "x.csv", columns)

    assert (document.id, document.title, document.text) == ("x1", "Lamp", "L\n\nS")
    assert document.attributes == {"price": 5.0}


def test_a_row_without_a_text_column_is_told_field_by_field() -> None:
    (document,) = records("city\tmayor\nBern\tA. Person\n", "x.tsv")

    assert document.text == "city: Bern\nmayor: A. Person"


@pytest.mark.parametrize("name", ["x.pdf", "x.docx", "x.md", "x.txt"])
def test_a_file_with_one_document_has_no_records(name: str) -> None:
    raw = {"x.pdf": files.pdf([["a"]]), "x.docx": files.docx(body=[("Normal", "a")])}.get(name, b"# a\n\ntext")

    assert not is_records(raw, name)


def test_a_bad_record_is_told_and_the_others_follow() -> None:
    found = list(parse(b'{"text": "a"}\n[1]\nnot json\n{"text": ""}\n{"text": "b"}\n{"text": "c', "x.jsonl"))

    assert [d.text for d in found if isinstance(d, Parsed)] == ["a", "b"]
    errors = [error for error in found if isinstance(error, UnreadableDocument)]
    assert [(error.code, error.message[:6]) for error in errors] == [
        ("bad_record", "line 2"),
        ("bad_record", "line 3"),
        ("empty_document", "line 4"),
        ("truncated_document", "line 6"),
    ]
