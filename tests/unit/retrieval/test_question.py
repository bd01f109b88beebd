"""From what was asked to what the engine is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.retrieval.question import acronyms, exact, followup
from slipstream.retrieval.question.clean import MOST_CHARS, normalized, unframed
from slipstream.retrieval.question.language import language_of
from slipstream.retrieval.question.prepare import STEPS, Vocabulary, prepare

EARLIER = ["Does DynamoDB support global tables?"]


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ("Could you please tell me how can I enable versioning, thanks?", "enable versioning"),
        ("Hello, please explain provisioned concurrency", "provisioned concurrency"),
        ("What is the best way to rotate keys?", "rotate keys"),
        ("Which ports are open?", "Which ports are open"),
        ("Thanks", "Thanks"),
    ],
)
def test_words_around_a_question_are_not_searched_for(asked: str, left: str) -> None:
    assert unframed(asked) == left


def test_ligatures_wide_letters_and_invisible_marks_become_plain_text() -> None:
    assert normalized("ﬁle\u200b  \u202eＡＷＳ\x00\n limits") == "file AWS limits"


@given(st.text(max_size=12_000))
def test_any_question_becomes_one_printable_line_of_bounded_length(text: str) -> None:
    plain = normalized(text)

    assert len(plain) <= MOST_CHARS
    assert plain == normalized(plain)
    assert plain.isprintable()


@given(st.text(min_size=1).filter(lambda text: bool(normalized(text))))
def test_no_question_loses_everything(text: str) -> None:
    assert unframed(normalized(text))


def test_phrases_in_quotation_marks_of_any_kind_are_kept_together() -> None:
    assert exact.phrases('find "exact words" and “more words”, `code()`, "exact words"') == [
        "exact words",
        "more words",
        "code()",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "0x80004005",
        "ResourceNotFoundException",
        "max_tokens",
        "--no-wait",
        "1.2.3",
        "ERR_404",
        "s3.get_object()",
        "HTTP-429",
    ],
)
def test_names_and_codes_are_told_from_words(name: str) -> None:
    assert exact.identifiers(f"Why does the error {name} come up in Lambda and what to do?") == [name]


@pytest.mark.parametrize("text", ["Does S3 cost more in Europe?", "Is the U.S. a region, e.g. for Lambda?", "A day."])
def test_plain_words_are_no_identifiers(text: str) -> None:
    assert [name for name in exact.identifiers(text) if name not in ("U.S", "e.g")] == []


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("Amazon Simple Storage Service (Amazon S3) stores objects", ("S3", "Simple Storage Service")),
        ("use the AWS Key Management Service (AWS KMS)", ("KMS", "Key Management Service")),
        ("a denial of service (DoS) attack", ("DoS", "denial of service")),
    ],
)
def test_a_corpus_explains_its_acronyms(text: str, pair: tuple[str, str]) -> None:
    assert acronyms.pairs(text) == [pair]


@pytest.mark.parametrize("text", ["the following values (see below)", "many tables (JSON)", "a list (ABC) of things"])
def test_brackets_that_explain_nothing_teach_nothing(text: str) -> None:
    assert acronyms.pairs(text) == []


def test_of_two_meanings_the_more_frequent_one_is_learnt() -> None:
    texts = [
        "a Network Address Translation (NAT) gateway",
        "network address translation (NAT)",
        "New Account Team (NAT)",
    ]

    assert acronyms.learn(texts) == {"NAT": "Network Address Translation"}


def test_short_and_long_forms_stand_for_each_other_and_synonyms_come_from_the_owner() -> None:
    known = {"KMS": "Key Management Service", "IT": "Information Technology"}

    assert acronyms.expansions("rotate a KMS key", known) == ["Key Management Service"]
    assert acronyms.expansions("is key management service free", known) == ["KMS"]
    assert acronyms.expansions("it is free", known) == []
    assert acronyms.expansions("delete a bucket", {}, {"delete": ["remove", "drop"]}) == ["remove", "drop"]


@pytest.mark.parametrize("question", ["And how much does it cost?", "Why?", "What about the latter?", "Which ones?"])
def test_a_question_that_leans_on_the_one_before_carries_its_subject(question: str) -> None:
    whole = followup.standalone(question, EARLIER)

    assert followup.leans(question, EARLIER)
    assert whole.endswith(question)
    assert {"DynamoDB", "global", "tables"} <= set(whole.split())


def test_a_question_that_leans_on_one_that_leant_carries_both_subjects() -> None:
    whole = followup.standalone("Is it free?", [*EARLIER, "And in the Frankfurt region?"])

    assert {"DynamoDB", "Frankfurt"} <= set(whole.split())


def test_a_question_that_stands_alone_is_left_as_it_is() -> None:
    prepared = prepare("How does Lambda bill invocations?", EARLIER)

    assert prepared.meaning == "How does Lambda bill invocations?"


def test_the_model_rewrites_where_it_answers_in_time_and_the_rule_where_it_does_not() -> None:
    in_time = prepare("And its price?", EARLIER, rewrite=lambda question, earlier: "What do global tables cost?")
    late = prepare("And its price?", EARLIER, rewrite=lambda question, earlier: None)

    assert in_time.meaning == "What do global tables cost?"
    assert late.meaning == "DynamoDB support global tables And its price?"


@pytest.mark.parametrize("step", STEPS)
def test_every_step_can_be_switched_off_and_is_told_while_it_is_on(step: str) -> None:
    question, vocabulary = (
        'Can you tell me wo "ist der" KMS and max_tokens?',
        Vocabulary({"KMS": "Key Management Service"}),
    )

    on = prepare(question, EARLIER, vocabulary=vocabulary)
    off = prepare(question, EARLIER, vocabulary=vocabulary, off=frozenset({step}))

    assert step in [done.name for done in on.steps]
    assert step not in [done.name for done in off.steps]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How can I delete the table?", "en"),
        ("Wie kann ich die Tabelle löschen?", "de"),
        ("Comment puis-je supprimer les tables ?", "fr"),
        ("如何删除表", "cjk"),
        ("как удалить таблицу", "ru"),
        ("12345", "en"),
        ("", "en"),
    ],
)
def test_the_language_is_told_by_script_and_common_words(text: str, language: str) -> None:
    assert language_of(text) == language
