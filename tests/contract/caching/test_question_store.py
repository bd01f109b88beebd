"""What every store of known questions does: the double, and DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slipstream.aws.question_store import DynamoQuestionStore
from slipstream.caching.semantic.ports import QUESTION_FORMAT, Known, QuestionStore
from slipstream.fakes.question_store import MemoryQuestionStore

NOW_S = 1_800_000_000.0
ACME, FAMILY = "tenant:acme", "f" * 64


def known(number: int, **more: Any) -> Known:
    key = f"{number:064x}"
    fields = {
        "key": key, "text": f"Wie hoch ist Turm {number}? ✓", "vector": bytes([number % 256, 0, 255, 128]),
        "answer": key, "asked_s": NOW_S + number, "expires_s": NOW_S + 86_400.5,
    }  # fmt: skip
    return Known(**(fields | more))


def test_a_question_comes_back_as_it_was_put(questions: QuestionStore) -> None:
    questions.put(ACME, FAMILY, known(1))
    assert questions.find(ACME, FAMILY, known(1).key) == known(1)
    assert questions.newest(ACME, FAMILY, limit=10) == [known(1)]
    assert questions.find(ACME, FAMILY, known(2).key) is None


def test_the_newest_come_first_and_no_more_than_are_wanted(questions: QuestionStore) -> None:
    for number in (3, 1, 60, 2, 4, *range(5, 60)):
        questions.put(ACME, FAMILY, known(number))
    assert questions.newest(ACME, FAMILY, limit=3) == [known(60), known(59), known(58)]
    assert [one.asked_s for one in questions.newest(ACME, FAMILY, limit=100)] == [NOW_S + n for n in range(60, 0, -1)]


def test_those_that_were_asked_since_come_alone(questions: QuestionStore) -> None:
    for number in range(1, 5):
        questions.put(ACME, FAMILY, known(number))
    assert questions.newest(ACME, FAMILY, since_s=NOW_S + 2, limit=10) == [known(4), known(3)]
    assert questions.newest(ACME, FAMILY, since_s=NOW_S + 4, limit=10) == []


def test_a_question_that_is_put_again_takes_the_formers_place(questions: QuestionStore) -> None:
    questions.put(ACME, FAMILY, known(1))
    questions.put(ACME, FAMILY, known(2))
    again = known(1, answer=known(2).key, asked_s=NOW_S + 9)
    questions.put(ACME, FAMILY, again)
    questions.put(ACME, FAMILY, again)
    assert questions.find(ACME, FAMILY, known(1).key) == again
    assert questions.newest(ACME, FAMILY, limit=10) == [again, known(2)]


def test_a_question_that_was_removed_is_gone(questions: QuestionStore) -> None:
    questions.put(ACME, FAMILY, known(1))
    questions.put(ACME, FAMILY, known(2))
    questions.remove(ACME, FAMILY, known(1).key)
    questions.remove(ACME, FAMILY, known(3).key)
    assert questions.find(ACME, FAMILY, known(1).key) is None
    assert questions.newest(ACME, FAMILY, limit=10) == [known(2)]


def test_families_and_namespaces_know_nothing_of_one_another(questions: QuestionStore) -> None:
    questions.put(ACME, FAMILY, known(1))
    for namespace, family in ((ACME, "e" * 64), ("tenant:beta", FAMILY), ("shared:acme", FAMILY)):
        assert questions.find(namespace, family, known(1).key) is None
        assert questions.newest(namespace, family, limit=10) == []
        questions.remove(namespace, family, known(1).key)
    assert questions.find(ACME, FAMILY, known(1).key) == known(1)


def test_a_purge_takes_a_namespaces_questions_and_nothing_of_others(questions: QuestionStore) -> None:
    mine = [known(1), known(2), known(3, answer=known(1).key)]
    for one in mine:
        questions.put(ACME, FAMILY, one)
    questions.put(ACME, "e" * 64, known(4))
    questions.put("tenant:beta", FAMILY, known(1))
    assert questions.purge(ACME, known(1).key) == 2
    assert questions.newest(ACME, FAMILY, limit=10) == [known(2)]
    assert questions.purge(ACME) == 2
    assert questions.newest(ACME, FAMILY, limit=10) == []
    assert questions.purge(ACME) == 0
    assert questions.newest("tenant:beta", FAMILY, limit=10) == [known(1)]
    questions.put(ACME, FAMILY, known(5))
    assert questions.purge(ACME) == 1


def test_more_questions_than_one_page_of_the_table_come_whole(dynamo_questions: DynamoQuestionStore) -> None:
    long = [known(number, text="x" * 1000, vector=bytes(65_000)) for number in range(1, 40)]
    for one in long:
        dynamo_questions.put(ACME, FAMILY, one)
    assert dynamo_questions.newest(ACME, FAMILY, limit=100) == long[::-1]
    assert dynamo_questions.newest(ACME, FAMILY, limit=30) == long[:8:-1]


def test_what_a_newer_version_wrote_is_not_read_and_stays(
    dynamo_questions: DynamoQuestionStore, boto: Callable[[str], Any]
) -> None:
    dynamo_questions.put(ACME, FAMILY, known(1))
    table = boto("dynamodb")
    for item in table.scan(TableName="answers")["Items"]:
        if "version" in item:
            table.put_item(TableName="answers", Item=item | {"version": {"N": str(QUESTION_FORMAT + 1)}})
    assert dynamo_questions.find(ACME, FAMILY, known(1).key) is None
    assert dynamo_questions.newest(ACME, FAMILY, limit=10) == []
    before = table.scan(TableName="answers")["Items"]
    dynamo_questions.put(ACME, FAMILY, known(1, text="Another?"))
    dynamo_questions.remove(ACME, FAMILY, known(1).key)
    assert table.scan(TableName="answers")["Items"] == before


def test_every_item_is_left_to_the_tables_time_to_live(
    dynamo_questions: DynamoQuestionStore, boto: Callable[[str], Any]
) -> None:
    dynamo_questions.put(ACME, FAMILY, known(1))
    items = boto("dynamodb").scan(TableName="answers")["Items"]
    assert len(items) == 3
    assert all(known(1).expires_s < int(item["ttl_s"]["N"]) < NOW_S + 3 * 86_400 for item in items)


def test_memory_forgets_what_was_put_longest_ago() -> None:
    questions = MemoryQuestionStore(most=3)
    for number in (1, 2, 3, 1, 4):
        questions.put(ACME, FAMILY, known(number))
    kept = questions.newest(ACME, FAMILY, limit=10)
    assert kept == [known(4), known(3), known(1)]
