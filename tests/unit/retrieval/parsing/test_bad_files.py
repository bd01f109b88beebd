from __future__ import annotations

import gzip
import socket
import zipfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.errors import UnreadableDocument
from slipstream.retrieval.parsing.parse import parse
from slipstream.retrieval.parsing.parsed import Limits, Parsed
from tests.unit.retrieval.parsing import files

DOCX = files.docx(body=[("Heading 1", "Names"), ("Normal", "Some text.")])
PDF = files.pdf([["Some text."], ["More text."]])


def refusal(raw: bytes, name: str, **more: Any) -> UnreadableDocument:
    with pytest.raises(UnreadableDocument) as caught:
        list(parse(raw, name, **more))
    return caught.value


@pytest.mark.parametrize("raw", [b"", b" \n\t", b"\xef\xbb\xbf", b"\0\0\0"])
@pytest.mark.parametrize("name", ["x.txt", "x.pdf", "x.docx", "x.csv"])
def test_an_empty_file_is_told_so(raw: bytes, name: str) -> None:
    error = refusal(raw, name)

    assert (error.code, error.http_status) == ("empty_document", 422)
    assert f"'{name}'" in error.message


def test_an_encrypted_pdf_is_told_so() -> None:
    assert refusal(files.pdf([["a"]], password="secret"), "x.pdf").code == "encrypted_document"


def test_an_encrypted_docx_is_told_so() -> None:
    raw = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 500

    assert refusal(raw, "x.docx").code == "encrypted_document"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize(("raw", "name"), [(PDF, "x.pdf"), (DOCX, "x.docx"), (gzip.compress(PDF), "x.pdf.gz")])
def test_a_cut_file_is_told_so_and_never_half_indexed(raw: bytes, name: str, share: float) -> None:
    error = refusal(raw[: int(len(raw) * share)], name)

    assert error.code in {"truncated_document", "unknown_format"}
    assert error.code == "truncated_document" or (name == "x.docx" and share == 0.1)


@pytest.mark.parametrize(
    ("raw", "name", "told"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "scan.pdf", "a PNG image"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old.docx", "old Office"),
        (b"\x7fELF" + bytes(range(256)), "notes.txt", "a program"),
        (bytes(range(256)) * 10, "notes.md", "binary data"),
    ],
)
def test_a_mislabelled_file_is_told_what_it_is(raw: bytes, name: str, told: str) -> None:
    error = refusal(raw, name)

    assert error.code == "unknown_format"
    assert told in error.message
    assert name in error.message


@pytest.mark.parametrize(("raw", "name"), [(PDF, "x.txt"), (DOCX, "x.pdf"), (DOCX, "x.html"), (PDF, "x.jsonl")])
def test_a_mislabelled_file_of_a_known_format_is_read_as_what_it_is(raw: bytes, name: str) -> None:
    (document,) = parse(raw, name)

    assert isinstance(document, Parsed)
    assert "Some text." in document.text


def test_a_workbook_is_told_apart_from_a_document() -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")

    assert "an Excel file" in refusal(out.getvalue(), "x.docx").message


def test_a_pdf_without_text_is_sent_to_text_recognition() -> None:
    error = refusal(files.pdf([[], []]), "scan.pdf")

    assert error.code == "no_text"
    assert "OCR" in error.message


@pytest.mark.parametrize(
    ("raw", "name", "limits", "unit"),
    [
        (b"x" * 101, "x.txt", Limits(max_bytes=100), "bytes"),
        (PDF, "x.pdf", Limits(max_pages=1), "pages"),
        (PDF, "x.pdf", Limits(max_characters=5), "characters"),
        (b"many words", "x.txt", Limits(max_characters=5), "characters"),
        (DOCX, "x.docx", Limits(max_unpacked_bytes=1000), "bytes unpacked"),
        (gzip.compress(b"x" * 100_000), "x.txt.gz", Limits(max_unpacked_bytes=1000), "bytes unpacked"),
        (b'{"text":"a"}\n{"text":"b"}\n', "x.jsonl", Limits(max_records=1), "records"),
    ],
)
def test_a_huge_file_is_told_its_size_and_the_limit(raw: bytes, name: str, limits: Limits, unit: str) -> None:
    error = refusal(raw, name, limits=limits)

    assert error.code == "document_too_large"
    assert f"{unit}, the limit is " in error.message


def test_a_document_that_is_packed_a_thousandfold_is_refused_before_it_is_unpacked() -> None:
    bomb = files.with_part(DOCX, "word/media/image1.png", b"\0" * 30_000_000)
    assert len(bomb) < 100_000

    assert refusal(bomb, "x.docx", limits=Limits(max_unpacked_bytes=10_000_000)).code == "document_too_large"


def _with_entities(declaration: str) -> bytes:
    xml = files.part_of(DOCX, "word/document.xml").decode()
    head, _, rest = xml.partition("?>")
    return files.with_part(
        DOCX, "word/document.xml", f"{head}?>{declaration}{rest.replace('Some text.', 'Some text. &x;')}".encode()
    )


def _outcome(raw: bytes, name: str) -> str:
    try:
        return "".join(d.text if isinstance(d, Parsed) else d.message for d in parse(raw, name))
    except UnreadableDocument as error:
        return error.message


@pytest.fixture
def no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a parser opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)


@pytest.mark.usefixtures("no_socket")
def test_entities_of_a_docx_neither_read_files_nor_the_network(tmp_path: Any) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")

    for declaration in (
        f'<!DOCTYPE d [<!ENTITY x SYSTEM "file://{secret}">]>',
        '<!DOCTYPE d [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]>',
        '<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd">',
    ):
        assert "hunter2" not in _outcome(_with_entities(declaration), "x.docx")


def test_entities_that_multiply_are_not_expanded() -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol"}">' for n in range(9))

    assert len(_outcome(_with_entities(f'<!DOCTYPE d [{levels}<!ENTITY x "&e8;">]>'), "x.docx")) < 10_000


@pytest.mark.usefixtures("no_socket")
def test_a_page_s_references_are_not_followed() -> None:
    page = (
        '<!DOCTYPE html SYSTEM "http://127.0.0.1:9/x.dtd"><html><head><link rel=stylesheet href="http://127.0.0.1:9/a">'
        '<base href="http://127.0.0.1:9/"></head><body><img src="/b.png" alt="B"><iframe src="/c"></iframe>text'
        "</body></html>"
    )

    assert _outcome(page.encode(), "x.html") == "Btext"


def test_an_open_quote_in_a_csv_is_told_with_its_line() -> None:
    (error,) = parse(b'id,text\n1,"never closed\n2,b\n', "x.csv")

    assert isinstance(error, UnreadableDocument)
    assert error.code == "truncated_document"


def test_a_row_with_too_many_fields_is_told_and_the_others_follow() -> None:
    first, error, last = parse(b"id,text\n1,a\n2,b,c\n3,d\n", "x.csv")

    assert isinstance(error, UnreadableDocument)
    assert "row 3" in error.message
    assert isinstance(first, Parsed)
    assert isinstance(last, Parsed)
    assert (first.text, last.text) == ("a", "d")


def test_a_column_that_is_not_there_is_told_with_those_that_are() -> None:
    from slipstream.retrieval.parsing.parsed import Columns

    error = refusal(b"id,text\n1,a\n", "x.csv", columns=Columns(title="label"))

    assert "'label'" in error.message
    assert "'id', 'text'" in error.message


NAMES = ("x.txt", "x.md", "x.html", "x.jsonl", "x.csv", "x.pdf", "x.docx", "x.gz", "x")
PREFIXES = (b"", b"%PDF-1.7\n", b"PK\x03\x04word/document", b"\x1f\x8b\x08", b"<html>", b"---\n", b'{"', b"\xff\xfe")
MANGLERS: tuple[Callable[[bytes, int, int], bytes], ...] = (
    lambda raw, at, _: raw[: at % len(raw)],
    lambda raw, at, byte: raw[: at % len(raw)] + bytes([byte]) + raw[at % len(raw) + 1 :],
    lambda raw, at, byte: raw[: at % len(raw)] + bytes([byte]) * 9 + raw[at % len(raw) :],
)


def _settles(raw: bytes, name: str) -> None:
    for document in parse(raw, name):
        if isinstance(document, Parsed):
            assert document.text
            assert "\0" not in document.text


@given(
    st.sampled_from(PREFIXES), st.binary(max_size=300) | st.text(max_size=200).map(str.encode), st.sampled_from(NAMES)
)
def test_any_bytes_give_a_document_or_a_reason(prefix: bytes, rest: bytes, name: str) -> None:
    with suppress(UnreadableDocument):
        _settles(prefix + rest, name)


@given(st.sampled_from([PDF, DOCX]), st.sampled_from(MANGLERS), st.integers(0, 100_000), st.integers(0, 255))
def test_a_damaged_file_gives_a_document_or_a_reason(
    raw: bytes, mangle: Callable[[bytes, int, int], bytes], at: int, byte: int
) -> None:
    with suppress(UnreadableDocument):
        _settles(mangle(raw, at, byte), "x")
