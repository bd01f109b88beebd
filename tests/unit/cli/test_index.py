from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import Result

from cli.index import MOST_STUCK
from slipstream.errors import SlipstreamError, Throttled, UpstreamUnavailable
from slipstream.gateway.http import HttpRequest
from slipstream.retrieval.failures import FailureRecord
from slipstream.retrieval.parameters import Provenance, shipped
from tests.http_routes import serving
from tests.unit.cli.conftest import Shell
from tests.unit.retrieval.parsing import files
from tests.unit.retrieval.test_indexes_api import Desk


class Server:
    """The routes behind a real socket. ``refuses`` may raise before a request is served."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.asked: list[tuple[str, str]] = []
        self.sent: list[list[str]] = []
        self.refuses: Callable[[str, str], None] = lambda method, path: None
        self.url = ""

    def answer(self, request: HttpRequest) -> tuple[int, dict[str, Any]]:
        self.asked.append((request.method, request.path))
        if request.path.endswith("/documents") and request.method == "POST":
            self.sent.append(ids(request))
        self.refuses(request.method, request.path)
        return self.desk.api(request)


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()
    with serving(told.answer, now_s=lambda: 0.0) as told.url:
        yield told


@pytest.fixture
def run(shell: Shell, server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr("cli.loading.FIRST_WAIT_S", 0.0)
    online = Shell(shell.folder, {**shell.env, "SLIPSTREAM_BASE_URL": server.url, "SLIPSTREAM_API_KEY": "sk-slip-k"})
    assert online.run("index", "create", "docs", "--dimensions", "256").exit_code == 0
    return lambda *arguments: online.run("index", *arguments)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    (root / "guide").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("not a document")
    (root / "a.md").write_text("# A\n\nText of a.")
    (root / "guide" / "b.pdf").write_bytes(files.pdf([["Text of b."]]))
    (root / "c.jsonl").write_text('{"id": "x", "title": "X", "text": "One."}\n{"text": "Two."}\n')
    return root


def report(result: Result) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_a_folder_is_loaded_with_everything_in_it_but_hidden_files(run: Any, server: Server, folder: Path) -> None:
    told = report(run("load", "docs", str(folder), "--json"))

    assert (told["added"], told["failed"]) == (4, [])
    stored = server.desk.index.documents()
    assert sorted(i for i in stored if not i.startswith("c.jsonl#")) == ["a.md", "guide/b.pdf", "x"]
    assert stored["guide/b.pdf"].passages[0].text == "Text of b."
    assert stored["x"].origin == "c.jsonl"


def test_a_second_load_sends_nothing(run: Any, server: Server, folder: Path) -> None:
    run("load", "docs", str(folder))
    server.sent.clear()

    told = report(run("load", "docs", str(folder), "--json"))

    assert (told["unchanged"], told["added"], told["changed"]) == (4, 0, 0)
    assert server.sent == []


def test_another_folder_s_file_does_not_replace_records_with_the_same_ids(
    run: Any, server: Server, tmp_path: Path
) -> None:
    for name, rows in (("users", "1,Ada\n2,Grace\n"), ("products", "2,lamp\n3,desk\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.csv").write_text(f"id,text\n{rows}")
    run("load", "docs", str(tmp_path / "users"))

    result = run("load", "docs", str(tmp_path / "products"), "--json")

    told = report(result)
    assert (told["added"], told["changed"], result.exit_code) == (1, 0, 1)
    assert [(row["id"], row["code"]) for row in told["failed"]] == [("2", "duplicate_id")]
    assert "'users.csv'" in told["failed"][0]["reason"]
    stored = {name: each.passages[0].text for name, each in server.desk.index.documents().items()}
    assert stored == {"1": "Ada", "2": "Grace", "3": "desk"}


def test_only_what_changed_is_sent(run: Any, server: Server, folder: Path) -> None:
    run("load", "docs", str(folder))
    server.sent.clear()
    (folder / "c.jsonl").write_text('{"id": "x", "title": "X", "text": "Other."}\n{"text": "Two."}\n')

    assert report(run("load", "docs", str(folder), "--json"))["changed"] == 1
    assert server.sent == [["x"]]


def test_what_the_folder_lost_stays_unless_asked(run: Any, server: Server, folder: Path) -> None:
    run("load", "docs", str(folder))
    (folder / "a.md").unlink()

    assert report(run("load", "docs", str(folder), "--json"))["deleted"] == 0
    assert report(run("load", "docs", str(folder), "--delete-missing", "--json"))["deleted"] == 1
    assert "a.md" not in server.desk.index.documents()


def test_a_file_that_cannot_be_read_any_more_keeps_its_documents(run: Any, server: Server, folder: Path) -> None:
    run("load", "docs", str(folder))
    (folder / "c.jsonl").write_text('{"id": "x", "ti')

    run("load", "docs", str(folder), "--delete-missing")

    assert "x" in server.desk.index.documents()


def test_a_bad_file_is_told_with_its_reason_and_the_exit_code(run: Any, folder: Path) -> None:
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7 cut")

    result = run("load", "docs", str(folder))

    assert result.exit_code == 1
    assert "4 added" in result.stdout
    assert "bad.pdf: the PDF file 'bad.pdf' is cut off" in result.stderr


def test_many_documents_go_in_requests_of_a_few(run: Any, server: Server, tmp_path: Path) -> None:
    lines = [json.dumps({"id": f"{n}", "text": f"Text {n}."}) for n in range(200)]
    (tmp_path / "many.jsonl").write_text("\n".join(lines))

    told = report(run("load", "docs", str(tmp_path / "many.jsonl"), "--json"))

    assert told["added"] == 200
    assert sorted(len(batch) for batch in server.sent) == [8, 32, 32, 32, 32, 32, 32]


def test_a_load_that_broke_off_goes_on_where_it_was(run: Any, server: Server, tmp_path: Path) -> None:
    lines = [json.dumps({"id": f"{n:03d}", "text": f"Text {n}."}) for n in range(200)]
    (tmp_path / "many.jsonl").write_text("\n".join(lines))
    left = [2]

    def away(method: str, path: str) -> None:
        if method == "POST":
            left[0] -= 1
            if left[0] < 0:
                raise SlipstreamError("the gateway is broken")

    server.refuses = away
    broken = run("load", "docs", str(tmp_path / "many.jsonl"))
    done = set(server.desk.index.documents())
    server.refuses = lambda method, path: None
    server.sent.clear()

    told = report(run("load", "docs", str(tmp_path / "many.jsonl"), "--json"))

    assert broken.exit_code == 1
    assert "the gateway is broken" in broken.stderr
    assert len(done) == 64
    assert (told["unchanged"], told["added"]) == (64, 136)
    assert not done & {document_id for batch in server.sent for document_id in batch}


def test_a_gateway_that_is_busy_for_a_moment_is_asked_again(run: Any, server: Server, folder: Path) -> None:
    errors = iter([Throttled("slow down"), UpstreamUnavailable("the engine restarts")])

    def busy(method: str, path: str) -> None:
        if (error := next(errors, None)) is not None:
            raise error

    server.refuses = busy

    assert report(run("load", "docs", str(folder), "--json"))["added"] == 4


def test_documents_that_there_was_no_time_for_are_sent_again(run: Any, server: Server, tmp_path: Path) -> None:
    lines = [json.dumps({"id": f"{n:03d}", "text": f"Text {n}."}) for n in range(60)]
    (tmp_path / "many.jsonl").write_text("\n".join(lines))
    late = iter([True])
    genuine = server.desk.api

    def once_late(request: HttpRequest) -> Any:
        if request.method == "POST" and next(late, False):
            failed = [
                {"id": d["id"], "code": "not_reached", "reason": "…"} for d in json.loads(request.body)["documents"]
            ]
            return 200, {"failed": failed}
        return genuine(request)

    server.desk.api = once_late  # type: ignore[assignment]

    told = report(run("load", "docs", str(tmp_path / "many.jsonl"), "--json"))

    assert (told["added"], told["failed"]) == (60, [])


def reaching(server: Server, reached: Callable[[list[str]], list[str]]) -> None:
    """From now on a call has time for those of its documents that ``reached`` names."""
    genuine = server.desk.api

    def in_time(request: HttpRequest) -> Any:
        if request.method != "POST" or not request.path.endswith("/documents"):
            return genuine(request)
        documents = json.loads(request.body)["documents"]
        in_time = reached([document["id"] for document in documents])
        told: dict[str, Any] = {"failed": []}
        if in_time:
            body = {"documents": [document for document in documents if document["id"] in in_time]}
            _, told = genuine(msgspec.structs.replace(request, body=json.dumps(body).encode()))
        late = [{"id": d["id"], "code": "not_reached", "reason": "…"} for d in documents if d["id"] not in in_time]
        return 200, told | {"failed": [*told["failed"], *late]}

    server.desk.api = in_time  # type: ignore[assignment]


def lines(tmp_path: Path, count: int) -> str:
    path = tmp_path / "many.jsonl"
    path.write_text("\n".join(json.dumps({"id": f"{n:03d}", "text": f"Text {n}."}) for n in range(count)))
    return str(path)


def test_calls_that_each_reach_one_document_bring_them_all(run: Any, server: Server, tmp_path: Path) -> None:
    reaching(server, lambda sent: sent[:1])

    told = report(run("load", "docs", lines(tmp_path, 32), "--json"))

    assert (told["added"], told["failed"]) == (32, [])


def test_only_the_document_that_keeps_a_call_busy_alone_is_too_slow(run: Any, server: Server, tmp_path: Path) -> None:
    reaching(server, lambda sent: [] if sent[0] == "003" else sent[: sent.index("003") if "003" in sent else None])

    told = report(run("load", "docs", lines(tmp_path, 32), "--json"))

    assert told["added"] == 31
    assert [(row["id"], row["code"]) for row in told["failed"]] == [("003", "too_slow")]
    assert ["003"] in server.sent


def test_a_gateway_that_reaches_no_document_is_busy_and_no_document_too_slow(
    run: Any, server: Server, tmp_path: Path
) -> None:
    reaching(server, lambda sent: [])

    result = run("load", "docs", lines(tmp_path, 32))

    assert result.exit_code == 1
    assert "the gateway is busy; run it again" in result.stderr
    assert "too_slow" not in result.stderr
    assert "32 failed" in result.stdout


def test_an_empty_file_is_told_and_the_others_are_loaded(run: Any, folder: Path) -> None:
    (folder / "a_empty.md").write_bytes(b"")

    result = run("load", "docs", str(folder))

    assert result.exit_code == 1
    assert "4 added" in result.stdout
    assert "a_empty.md: 'a_empty.md' is empty: there is nothing to index" in result.stderr


def test_documents_of_a_call_whose_answer_was_lost_are_counted_once(run: Any, server: Server, tmp_path: Path) -> None:
    lines = [json.dumps({"id": f"{n:03d}", "text": f"Text {n}."}) for n in range(100)]
    (tmp_path / "many.jsonl").write_text("\n".join(lines))
    run("load", "docs", str(tmp_path / "many.jsonl"))
    (tmp_path / "many.jsonl").write_text("\n".join([*lines, *lines_of_others()]).replace("Text 1", "Other text 1"))
    server.sent.clear()
    genuine = server.desk.api

    def written_but_not_told(request: HttpRequest) -> Any:
        told = genuine(request)
        if request.method == "POST" and (sent := ids(request)) and len(sent) == 32 and server.sent.count(sent) == 1:
            raise UpstreamUnavailable("Endpoint request timed out")
        return told

    server.desk.api = written_but_not_told  # type: ignore[assignment]

    told = report(run("load", "docs", str(tmp_path / "many.jsonl"), "--json"))

    assert (told["added"], told["changed"], told["unchanged"], told["failed"]) == (60, 11, 89, [])
    assert told["unheard"] == 64
    assert len(server.desk.index.documents()) == 160


def ids(request: HttpRequest) -> list[str]:
    return [document["id"] for document in json.loads(request.body)["documents"]]


def lines_of_others() -> list[str]:
    return [json.dumps({"id": f"other {n}", "text": f"Text of another, {n}."}) for n in range(60)]


def test_a_load_that_gives_up_says_why_it_waited_and_how_to_go_on(run: Any, server: Server, folder: Path) -> None:
    def away(method: str, path: str) -> None:
        if method == "POST":
            raise UpstreamUnavailable("the search engine cannot be reached")

    server.refuses = away

    result = run("load", "docs", str(folder))

    assert result.exit_code == 1
    assert result.stderr.count("the search engine cannot be reached [upstream_unavailable] Trying again in 0 s.") == 1
    assert "run the same command again, and it goes on from there" in result.stderr


def test_a_document_too_large_to_be_sent_is_told_where_to_put_it(run: Any, tmp_path: Path) -> None:
    (tmp_path / "big.txt").write_text("word " * 1_200_000)

    (failure,) = report(run("load", "docs", str(tmp_path / "big.txt"), "--json"))["failed"]

    assert failure["code"] == "document_too_large"
    assert "bucket" in failure["reason"]


def test_a_folder_that_is_not_there_is_told(run: Any) -> None:
    result = run("load", "docs", "/no/such/folder")

    assert result.exit_code == 1
    assert "there is no '/no/such/folder'" in result.stderr


def test_a_glob_that_fits_nothing_is_told_and_nothing_is_deleted_for_it(run: Any, server: Server, folder: Path) -> None:
    run("load", "docs", str(folder))

    result = run("load", "docs", str(folder), "--include", "*.xyz", "--delete-missing")

    assert result.exit_code == 1
    assert "fits --include '*.xyz'" in result.stderr
    assert len(server.desk.index.documents()) == 4


def test_a_folder_without_files_is_told(run: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    result = run("load", "docs", str(tmp_path / "empty"))

    assert result.exit_code == 1
    assert f"there is no file below {tmp_path / 'empty'}" in result.stderr


def test_a_prefix_that_nothing_lies_below_is_told(run: Any, server: Server) -> None:
    result = run("load", "docs", "s3://documents/nothing/")

    assert result.exit_code == 1
    assert "nothing lies below s3://documents/nothing/" in result.stderr


def test_an_index_that_is_not_there_is_told(run: Any, folder: Path) -> None:
    result = run("load", "nowhere", str(folder))

    assert result.exit_code == 1
    assert "index_not_found" in result.stderr


def test_a_bucket_is_loaded_by_the_gateway_call_by_call(run: Any, server: Server) -> None:
    server.desk.objects = {f"{n:03d}.md": f"Text {n}." for n in range(100)}
    server.desk.embedder.seconds_a_text = 0.4

    def new_call(method: str, path: str) -> None:
        server.desk.embedder.now_s = 0.0

    server.refuses = new_call

    told = report(run("load", "docs", "s3://bucket/docs/", "--json"))

    assert (told["added"], told["failed"]) == (100, [])
    assert len([1 for _, path in server.asked if path.endswith("/load")]) > 1


def test_indexes_are_listed_and_shown(run: Any, folder: Path) -> None:
    run("load", "docs", str(folder))

    assert "amazon.titan-embed-text-v2:0" in run("list").stdout
    assert "docs: 4 documents" in run("show", "docs").stdout


def test_a_reindex_goes_on_until_it_is_finished(run: Any, server: Server, folder: Path) -> None:
    run("load", "docs", str(folder))

    result = run("reindex", "docs", "--dimensions", "512")

    assert "docs-000002 is live with 4 documents" in result.stdout
    assert server.desk.index.generations("docs")[0].spec.dimensions == 512


def test_a_reindex_from_the_source_is_begun_loaded_and_finished(run: Any, server: Server, folder: Path) -> None:
    run("load", "docs", str(folder))

    assert "has begun" in run("reindex", "docs", "--dimensions", "512", "--begin-only").stdout
    assert report(run("load", "docs", str(folder), "--json"))["changed"] == 4
    assert len(server.desk.index.stored("docs", "docs-000002")) == 4
    assert "is live" in run("reindex", "docs", "--resume").stdout


def test_a_reindex_that_comes_no_further_ends_and_says_what_helps(run: Any, server: Server, folder: Path) -> None:
    run("load", "docs", str(folder))
    server.desk.embedder.now_s = 1_000.0  # no call has time for anything
    server.asked.clear()

    result = run("reindex", "docs", "--dimensions", "512")

    assert result.exit_code == 1
    assert "4 of 4 documents are left" in " ".join(result.stderr.split())
    assert "--resume" in result.stderr
    assert len(server.asked) == 1 + MOST_STUCK
    assert len(server.desk.index.documents()) == 4


def test_a_replay_that_had_no_time_for_all_says_so(run: Any, server: Server) -> None:
    server.desk.dead_letters.bury("{}", FailureRecord("docs", "s3://b/docs/x", "no_text", "is empty", False, 1))
    server.desk.embedder.now_s = 1_000.0  # no call has time for anything

    late = run("replay", "docs")
    assert "repeat this in a minute" in late.stderr
    assert "0 messages" in late.stdout

    server.desk.embedder.now_s = 0.0
    assert run("replay", "docs").stdout.startswith("1 message on the way")


def test_dropping_asks_first(run: Any, server: Server) -> None:
    asked = run("drop", "docs")
    assert asked.exit_code == 1
    assert "give --yes" in asked.stderr
    assert "Aborted" not in asked.stderr
    assert server.desk.index.names() == ["docs"]

    assert run("drop", "docs", "--yes").exit_code == 0
    assert server.desk.index.names() == []


def test_synonyms_are_set_from_a_file_shown_as_one_and_taken_out(run: Callable[..., Result], tmp_path: Path) -> None:
    rules = tmp_path / "rules.txt"
    rules.write_text("# ours\ndelete, remove\n")

    assert run("synonyms", "docs", "--file", str(rules)).exit_code == 0
    assert run("synonyms", "docs").stdout.splitlines()[:2] == [
        "delete, remove",
        "# 0 acronyms learnt from the documents",
    ]
    assert json.loads(run("synonyms", "docs", "--remove", "--json").stdout)["rules"] == []


def test_a_rule_that_is_none_is_told_with_its_line_and_an_unreadable_file_by_its_name(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    rules = tmp_path / "rules.txt"
    rules.write_text("delete, remove\nalone\n")
    assert "line 2: 'alone' says no other word" in run("synonyms", "docs", "--file", str(rules)).stderr

    rules.write_bytes(b"\xff\xfe\x00")
    assert "is not a text in UTF-8" in run("synonyms", "docs", "--file", str(rules)).stderr
    assert "cannot be read" in run("synonyms", "docs", "--file", str(tmp_path / "none")).stderr


def test_weights_come_from_a_file_are_told_with_their_source_and_can_be_undone(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    weights = tmp_path / "ranking.json"
    source = Provenance(fitted_on=("docs",), judged_queries=50, date="2026-01-02")
    weights.write_bytes(msgspec.json.encode(msgspec.structs.replace(shipped(), provenance=source)))

    assert run("ranking", "docs").stdout == "docs is ranked by the weights that ship\n"
    ran = run("ranking", "docs", "--file", str(weights))
    assert ran.stdout == "docs is ranked by weights fitted to 50 judged queries of docs on 2026-01-02\n"
    assert "ranking: fitted to this index" in run("show", "docs").stdout
    assert run("ranking", "docs", "--shipped").stdout == "docs is ranked by the weights that ship\n"


def test_weights_that_cannot_be_used_are_refused_with_their_file(run: Callable[..., Result], tmp_path: Path) -> None:
    weights = tmp_path / "ranking.json"
    weights.write_text('{"fusion": {"luck": 1}, "rerank": {}}')

    assert "ranking.json: ranking parameters weigh 'luck'" in run("ranking", "docs", "--file", str(weights)).stderr
    assert run("ranking", "docs", "--file", str(tmp_path / "none")).exit_code == 1


def test_fitting_has_to_be_told_what_to_do_with_the_weights(run: Callable[..., Result]) -> None:
    ran = run("fit", "docs", "--queries", "q.jsonl", "--qrels", "qrels.tsv")

    assert ran.exit_code == 2
    assert "--apply" in ran.stderr
