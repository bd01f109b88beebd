from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from local.endpoint import Endpoint
from tests.unit.cli.conftest import REPORT, Gateway, Shell


def test_the_answer_is_printed_with_its_waterfall_tokens_and_cost(online: Shell, gateway: Gateway) -> None:
    gateway.streams("Forty", "-two.")

    result = online.run("ask", "What is it?")

    assert result.exit_code == 0
    assert "Forty-two." in result.output
    for shown in ("bedrock wait", "50.0 ms", "9,000 tokens in (8,000 from cache)", "$0.000123", "saved $0.000456"):
        assert shown in result.output
    assert "note: seed has no effect" in result.output


def test_the_document_is_sent_before_the_question(online: Shell, gateway: Gateway) -> None:
    gateway.streams("yes")
    (online.folder / "notes.md").write_text("The sky is green.")

    online.run("ask", "Which colour?", "--file", str(online.folder / "notes.md"))

    ((_, path, body),) = gateway.asked
    assert path == "/v1/chat/completions"
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert "The sky is green." in body["messages"][0]["content"]
    assert body["messages"][1]["content"] == "Which colour?"


def test_the_options_travel_in_the_slipstream_object(online: Shell, gateway: Gateway) -> None:
    gateway.streams("yes")

    online.run(
        "ask",
        "?",
        "--use-case",
        "extraction",
        "--latency",
        "optimized",
        "--model",
        "best",
        "--max-tokens",
        "9",
        "--cache",
        "off",
    )

    body = gateway.asked[0][2]
    assert body["slipstream"] == {"use_case": "extraction", "latency": "optimized", "cache": "off"}
    assert (body["model"], body["max_tokens"], body["stream"]) == ("best", 9, True)


@pytest.mark.parametrize("chosen", ["auto", "off", "exact", "semantic", "refresh", "race"])
def test_every_way_to_use_kept_answers_can_be_chosen(online: Shell, gateway: Gateway, chosen: str) -> None:
    gateway.streams("yes")

    assert online.run("ask", "?", "--cache", chosen).exit_code == 0
    assert gateway.asked[0][2]["slipstream"] == {"cache": chosen}


def test_a_kept_answer_is_told_with_the_question_that_it_was_made_for(online: Shell, gateway: Gateway) -> None:
    cache = {"outcome": "hit", "kind": "semantic", "question": "How tall [/dim] is it?", "age_s": 11.0}
    gateway.streams("41 m", report={**REPORT, "cache": cache})

    output = online.run("ask", "How tall?").output

    assert "semantic hit of “How tall [/dim] is it?”, 11 s old · saved $0.000456" in output
    assert "prompt caching" not in output


def test_without_options_no_slipstream_object_is_sent(online: Shell, gateway: Gateway) -> None:
    gateway.streams("yes")

    online.run("ask", "?")

    assert "slipstream" not in gateway.asked[0][2]


def test_json_prints_one_object_and_nothing_else(online: Shell, gateway: Gateway) -> None:
    gateway.streams("Forty", "-two.")

    found = json.loads(online.run("ask", "What is it?", "--json").stdout)

    assert found["answer"] == "Forty-two."
    assert found["finish_reason"] == "stop"
    assert found["slipstream"] == REPORT
    assert 0 < found["first_token_ms"] <= found["total_ms"]


def test_a_stream_that_breaks_off_is_never_taken_for_a_whole_answer(online: Shell, gateway: Gateway) -> None:
    gateway.streams("Forty", whole=False)

    result = online.run("ask", "What is it?")

    assert result.exit_code == 1
    assert "Forty" in result.output
    assert "not complete" in result.output


def test_an_error_event_in_the_stream_is_told(online: Shell, gateway: Gateway) -> None:
    gateway.body = b'data: {"error": {"message": "the model cut the answer"}}\n\n'

    result = online.run("ask", "What is it?")

    assert result.exit_code == 1
    assert "the model cut the answer" in result.output


def test_a_refusal_is_told_in_the_gateways_words(online: Shell, gateway: Gateway) -> None:
    gateway.refuses(400, {"message": "the prompt has 400,000 tokens", "code": "context_length_exceeded"})

    result = online.run("ask", "What is it?")

    assert result.exit_code == 1
    assert "the prompt has 400,000 tokens [context_length_exceeded]" in result.output


def test_a_throttle_says_when_to_try_again(online: Shell, gateway: Gateway) -> None:
    gateway.refuses(429, {"message": "too many tokens", "code": "rate_limit_exceeded"}, retry_after="7")

    assert "Try again in 7 s." in online.run("ask", "What is it?").output


def test_an_answer_that_is_no_json_is_shown_as_it_came(online: Shell, gateway: Gateway) -> None:
    gateway.status, gateway.body = 502, b"<html>Bad Gateway</html>"

    assert "<html>Bad Gateway</html> [502]" in online.run("ask", "What is it?").output


@pytest.mark.parametrize(
    "body",
    [
        {
            "message": json.dumps(
                {"errorMessage": "Task timed out after 29.00 seconds", "errorType": "Sandbox.Timedout"}
            )
        },
        {"message": "Endpoint request timed out"},
    ],
)
def test_a_function_that_ran_out_of_time_is_told_in_words(
    online: Shell, gateway: Gateway, body: dict[str, str]
) -> None:
    gateway.status, gateway.body = 504, json.dumps(body).encode()

    told = online.run("index", "list").stderr

    assert "hangs or is overloaded" in told
    assert "errorMessage" not in told


def test_nothing_to_ask_says_how_to_get_a_gateway(shell: Shell) -> None:
    result = shell.run("ask", "What is it?")

    assert result.exit_code == 1
    assert "make up" in result.output
    assert "SLIPSTREAM_BASE_URL" in result.output


def test_a_gateway_that_does_not_listen_is_told_apart_from_one_that_refuses(shell: Shell) -> None:
    result = shell.run("ask", "?", "--base-url", "http://127.0.0.1:9", "--api-key", "k")

    assert "nothing listens at http://127.0.0.1:9" in result.output


def test_an_address_without_a_key_asks_for_one(shell: Shell) -> None:
    assert "--api-key" in shell.run("ask", "?", "--base-url", "http://127.0.0.1:9").output


def test_what_is_no_address_is_refused(shell: Shell) -> None:
    assert "is no address" in shell.run("ask", "?", "--base-url", "localhost", "--api-key", "k").output


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_every_form_of_the_address_that_people_paste_works(shell: Shell, gateway: Gateway, suffix: str) -> None:
    gateway.streams("yes")

    shell.run("ask", "?", "--base-url", f"{gateway.url}/prod{suffix}", "--api-key", "k")

    assert gateway.asked[0][1] == "/prod/v1/chat/completions"
    assert gateway.keys == ["Bearer k"]


def test_the_local_stacks_endpoint_is_used_when_nothing_else_is_said(shell: Shell, gateway: Gateway) -> None:
    gateway.streams("yes")
    Endpoint(gateway.url, "", "", "", "sk-slip-local", "m").write(shell.folder / "local" / "endpoint.json")

    assert shell.run("ask", "?").exit_code == 0
    assert gateway.keys == ["Bearer sk-slip-local"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\t ", "is empty"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "not a text"),
        (b"text\0with nul", "not a text"),
        (b"x" * 4_000_001, "the limit is 4 MB"),
    ],
)
def test_what_is_no_document_is_refused_before_anything_is_sent(
    online: Shell, gateway: Gateway, content: bytes, says: str
) -> None:
    (online.folder / "doc").write_bytes(content)

    result = online.run("ask", "?", "--file", str(online.folder / "doc"))

    assert result.exit_code == 1
    assert says in result.output
    assert not gateway.asked


def test_a_missing_document_and_a_folder_are_told_apart(online: Shell) -> None:
    assert "cannot be read: No such file" in online.run("ask", "?", "-f", str(online.folder / "none")).output
    assert "is a folder" in online.run("ask", "?", "-f", str(online.folder)).output


def test_an_empty_question_is_refused(online: Shell, gateway: Gateway) -> None:
    assert online.run("ask", "  ").exit_code == 2
    assert not gateway.asked


def test_an_answer_cut_by_the_limit_says_how_to_raise_it(online: Shell, gateway: Gateway) -> None:
    gateway.body = b'data: {"choices": [{"delta": {"content": "a"}, "finish_reason": "length"}]}\n\ndata: [DONE]\n\n'

    assert "--max-tokens raises that" in online.run("ask", "?").output


def test_the_waterfall_can_be_had_as_a_picture(online: Shell, gateway: Gateway) -> None:
    gateway.streams("yes")
    path = online.folder / "waterfall.svg"

    online.run("ask", "Is <this> & that escaped?", "--svg", str(path))

    drawn = ElementTree.parse(path).getroot()
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    bars = [element for element in drawn.iter("{http://www.w3.org/2000/svg}rect") if element.get("fill") != "#ffffff"]
    assert "Is <this> & that escaped?" in texts
    assert "bedrock wait" in texts
    assert "before the function" in texts
    assert any(text and text.startswith("On a local stack") for text in texts)
    assert len(bars) == len(REPORT["spans_ms"]) + 1


def test_a_picture_that_cannot_be_written_is_refused_before_anything_is_asked(online: Shell, gateway: Gateway) -> None:
    result = online.run("ask", "?", "--svg", str(online.folder / "nowhere" / "waterfall.svg"))

    assert result.exit_code == 2
    assert "is no folder" in result.output
    assert not gateway.asked


CITATION = {
    "number": 2,
    "document": "guides/retries.md",
    "version": "ab",
    "title": "Retries",
    "section": "Errors > Retries",
    "start": 120,
    "end": 480,
    "score": 3.14159,
    "source": "s3://docs/retries.md",
    "supports": [{"sentence": "Twice.", "support": 1.0}],
}


def over_an_index(**rag: object) -> dict[str, object]:
    spans = {"parse": 0.2, "retrieve": 12.5, "embed": 4.0, "search": 8.0, "bedrock_wait": 50.0}
    return {**REPORT, "spans_ms": spans, "rag": {"index": "docs", "supported": True, **rag}}


@pytest.mark.parametrize(
    ("options", "model"),
    [([], "rag:docs"), (["--model", "best"], "rag:docs@best"), (["-m", "a.b:0"], "rag:docs@a.b:0")],
)
def test_an_index_is_asked_through_a_model_of_its_name(
    online: Shell, gateway: Gateway, options: list[str], model: str
) -> None:
    gateway.streams("yes")

    online.run("ask", "How often?", "--index", "docs", *options)

    body = gateway.asked[0][2]
    assert body["model"] == model
    assert body["messages"] == [{"role": "user", "content": "How often?"}]


def test_citations_follow_the_answer_with_place_score_and_source_and_then_the_waterfall(
    online: Shell, gateway: Gateway
) -> None:
    gateway.streams("Twice [2].", report=over_an_index(citations=[CITATION]))

    output = online.run("ask", "How often?", "--index", "docs").output

    assert output.index("Twice [2].") < output.index("guides/retries.md") < output.index("retrieve")
    for shown in ("[2]", "Errors > Retries", "120–480", "3.14", "s3://docs/retries.md", "12.5 ms", "· search"):
        assert shown in output


def test_documents_without_a_source_leave_no_empty_column(online: Shell, gateway: Gateway) -> None:
    gateway.streams("Twice [2].", report=over_an_index(citations=[{**CITATION, "source": ""}]))

    assert "source" not in online.run("ask", "How often?", "--index", "docs").output


def test_an_answer_without_support_shows_what_it_was_given(online: Shell, gateway: Gateway) -> None:
    gateway.streams("Perhaps.", report=over_an_index(supported=False, citations=[], passages=[CITATION]))

    output = online.run("ask", "How often?", "--index", "docs").output

    assert "No passage of the index supports this answer" in output
    assert "guides/retries.md" in output


def test_what_was_left_out_on_the_way_is_said(online: Shell, gateway: Gateway) -> None:
    gateway.streams("Twice.", report=over_an_index(citations=[CITATION], citations_dropped=1, missing=["dense"]))

    output = online.run("ask", "How often?", "--index", "docs").output

    assert "1 citation left out" in output
    assert "not in time, so left out: dense" in output


def test_json_has_the_citations_as_the_gateway_tells_them(online: Shell, gateway: Gateway) -> None:
    gateway.streams("Twice [2].", report=over_an_index(citations=[CITATION]))

    found = json.loads(online.run("ask", "How often?", "--index", "docs", "--json").stdout)

    assert found["slipstream"]["rag"]["citations"] == [CITATION]


def test_a_document_and_an_index_exclude_each_other(online: Shell, gateway: Gateway) -> None:
    (online.folder / "notes.md").write_text("The sky is green.")

    result = online.run("ask", "?", "--index", "docs", "--file", str(online.folder / "notes.md"))

    assert result.exit_code == 2
    assert "--file and --index exclude each other" in result.output
    assert not gateway.asked
