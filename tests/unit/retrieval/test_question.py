"""From what was asked to what the engine is asked."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.errors import InvalidRequest
from slipstream.retrieval.question import acronyms, exact, followup, synonyms
from slipstream.retrieval.question.acronyms import MOST_LEARNT, Meaning, merged
from slipstream.retrieval.question.clean import MOST_CHARS, normalized, unframed
from slipstream.retrieval.question.language import language_of
from slipstream.retrieval.question.prepare import STEPS, prepare
from slipstream.retrieval.question.vocabulary import Vocabulary

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
        "E-317",
        "E502",
        "88-1201",
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

    assert acronyms.learn(texts) == {"NAT": Meaning("Network Address Translation", 2)}


LEARNT = st.dictionaries(
    st.sampled_from(["KMS", "S3", "NAT"]), st.builds(Meaning, st.sampled_from(["a b", "c d"]), st.integers(1, 3))
)


@given(LEARNT, LEARNT, LEARNT)
def test_what_several_loads_have_learnt_is_the_same_in_any_order_and_however_often(
    one: dict[str, Meaning], two: dict[str, Meaning], three: dict[str, Meaning]
) -> None:
    together = merged(merged(one, two), three)

    assert together == merged(three, merged(two, one))
    assert merged(together, two) == together


def test_an_index_keeps_only_its_most_frequent_acronyms() -> None:
    many = {f"A{number}": Meaning(f"A {number}", number + 1) for number in range(MOST_LEARNT + 5)}

    kept = merged({}, many)

    assert len(kept) == MOST_LEARNT
    assert set(many) - set(kept) == {"A0", "A1", "A2", "A3", "A4"}


def looked_for(text: str, vocabulary: Vocabulary) -> list[str]:
    return [one.text for one in vocabulary.expansions(text)]


def test_short_and_long_forms_stand_for_each_other() -> None:
    known = Vocabulary({"KMS": Meaning("Key Management Service"), "IT": Meaning("Information Technology")})

    assert looked_for("rotate a KMS key", known) == ["Key Management Service"]
    assert looked_for("is key management service free", known) == ["KMS"]
    assert looked_for("KMS, the key management service", known) == []
    assert looked_for("it is free", known) == []


def test_an_owners_synonyms_work_in_the_directions_that_their_rules_say() -> None:
    known = Vocabulary(rules=["delete, remove, drop", "k8s => Kubernetes"])

    assert looked_for("Delete a bucket", known) == ["remove", "drop"]
    assert looked_for("drop or remove a bucket", known) == ["delete"]
    assert looked_for("a K8s cluster", known) == ["Kubernetes"]
    assert looked_for("a Kubernetes cluster", known) == []


def test_what_an_owner_says_of_a_phrase_takes_the_place_of_what_was_learnt() -> None:
    learnt = {"NAT": Meaning("New Account Team"), "VPC": Meaning("Virtual Private Cloud")}
    known = Vocabulary(learnt, ["NAT => network address translation"])

    assert looked_for("NAT gateway in a VPC", known) == ["network address translation", "Virtual Private Cloud"]


def test_of_many_expansions_an_owners_come_first_and_the_rest_is_bounded() -> None:
    known = Vocabulary({"KMS": Meaning("Key Management Service")}, [f"key => {', '.join('abcdefg')}"])

    assert looked_for("KMS key", known) == list("abcdef")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["# fine", "", "delete"], "line 3: 'delete' says no other word"),
        (["a => b => c"], "line 1: more than one '=>'"),
        (["a, , b"], "line 1: '' holds no word"),
        (["a, b", "!!! => b"], "line 2: '!!!' holds no word"),
        ([", ".join(map(str, range(13)))], "13 phrases: a rule takes 12"),
        ([f"a, {'b' * 81}"], "has 81 characters"),
        (["a, b"] * 1001, "1,001 rules: an index takes 1,000"),
    ],
)
def test_a_rule_that_is_none_is_refused_with_its_line(lines: list[str], said: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(said)):
        synonyms.checked(lines)


@given(st.lists(st.text(max_size=40), max_size=5))
def test_rules_that_are_taken_can_be_read_and_are_taken_again(lines: list[str]) -> None:
    try:
        rules = synonyms.checked(lines)
    except InvalidRequest:
        return

    assert synonyms.checked(rules) == rules
    assert all(phrase and others for phrase, others in synonyms.read(rules).items())


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
    in_time = prepare("And its price?", EARLIER, rewritten="What do global tables cost?")
    late = prepare("And its price?", EARLIER)

    assert in_time.meaning == "What do global tables cost?"
    assert late.meaning == "DynamoDB support global tables And its price?"


@pytest.mark.parametrize("step", STEPS)
def test_every_step_can_be_switched_off_and_is_told_while_it_is_on(step: str) -> None:
    question, vocabulary = (
        'Can you tell me wo "ist der" KMS and max_tokens?',
        Vocabulary({"KMS": Meaning("Key Management Service")}),
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


@pytest.mark.parametrize(
    ("question", "index", "foreign"),
    [
        ("Wie kann ich die Tabelle löschen?", "english", True),
        ("Wie kann ich die Tabelle löschen?", "german", False),
        ("How can I delete the table?", "german", True),
        ("как удалить таблицу", "english", True),
        ("Was S3 down?", "english", False),
        ("How can I delete the table?", "standard", False),
        ("How can I delete the table?", "finnish", False),
    ],
)
def test_a_question_in_another_language_than_the_index_is_noticed(question: str, index: str, foreign: bool) -> None:
    assert prepare(question, language=index).foreign is foreign
    assert prepare(question, language=index, off=frozenset({"language"})).foreign is False
