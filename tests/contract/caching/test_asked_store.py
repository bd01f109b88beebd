"""What every log of questions does: the double, and DynamoDB."""

from __future__ import annotations

from typing import Any

import pytest

from slipstream.aws.asked_table import DynamoAskedStore
from slipstream.caching.filling.asked import MOST_USERS, AskedStore, Count, Family, Sighting
from slipstream.fakes.asked_store import MemoryAskedStore
from tests.contract.caching.moto_server import TABLE

UNTIL_S = 1_800_000_000.0
ACME, FAMILY = "tenant:acme", "f" * 32


@pytest.fixture(params=["memory", "dynamodb"])
def asked(request: pytest.FixtureRequest) -> AskedStore:
    if request.param == "memory":
        return MemoryAskedStore()
    return DynamoAskedStore(request.getfixturevalue("services").table)


def see(asked: AskedStore, question: str = "How often?", **more: Any) -> None:
    fields = {"namespace": ACME, "family": FAMILY, "period": "2026-11-26", "user": "u1"} | more
    asked.count(Sighting(question=question, **fields), until_s=UNTIL_S)


def counts(asked: AskedStore, since: str = "2000-01-01") -> list[Count]:
    return list(asked.counts(ACME, FAMILY, since=since))


def test_a_question_is_counted_by_spelling_day_and_user(asked: AskedStore) -> None:
    for user in ("u1", "u2", "u1"):
        see(asked, user=user, weight=2.5)
    see(asked, "how often?")
    see(asked, period="2026-11-25")

    found = counts(asked)

    assert [one.period for one in found] == ["2026-11-25", "2026-11-26", "2026-11-26"]
    one = next(one for one in found if (one.period, one.question) == ("2026-11-26", "How often?"))
    assert (one.impressions, one.users, one.visits) == (7.5, {"u1", "u2"}, 2.0)
    assert [one.period for one in counts(asked, since="2026-11-26")] == ["2026-11-26"] * 2


def test_users_beyond_what_is_remembered_are_estimated(asked: AskedStore) -> None:
    for number in range(MOST_USERS + 32):
        see(asked, user=f"u{number}")

    (one,) = counts(asked)

    assert (len(one.users), one.impressions, one.beyond) == (MOST_USERS, MOST_USERS + 32, 32)
    assert one.visits == MOST_USERS + 32


def test_families_and_namespaces_do_not_mix(asked: AskedStore) -> None:
    see(asked)
    see(asked, namespace="tenant:beta")
    see(asked, family="e" * 32)

    assert len(counts(asked)) == 1


def test_a_template_is_found_by_whose_it_is(asked: AskedStore) -> None:
    mine = Family(namespace=ACME, family=FAMILY, template=b"\x00one")
    asked.describe(mine, until_s=UNTIL_S)
    asked.describe(mine, until_s=UNTIL_S + 1)

    assert asked.families() == [mine]
    assert asked.family(ACME, FAMILY) == mine
    assert asked.family("tenant:beta", FAMILY) is None


def test_the_first_salt_of_an_epoch_is_everyones(asked: AskedStore) -> None:
    assert asked.salt("7", b"a" * 32, until_s=UNTIL_S) == b"a" * 32
    assert asked.salt("7", b"b" * 32, until_s=UNTIL_S) == b"a" * 32
    assert asked.salt("8", b"b" * 32, until_s=UNTIL_S) == b"b" * 32


def test_a_namespace_can_be_forgotten(asked: AskedStore) -> None:
    for namespace in (ACME, "tenant:beta"):
        asked.describe(Family(namespace=namespace, family=FAMILY, template=b"t"), until_s=UNTIL_S)
        see(asked, namespace=namespace)
    see(asked, "And why?")

    assert asked.forget(ACME) == 2
    assert counts(asked) == []
    assert [one.namespace for one in asked.families()] == ["tenant:beta"]


def test_what_is_kept_goes_by_itself(services: Any, boto: Any) -> None:
    asked = DynamoAskedStore(services.table)
    see(asked)
    asked.describe(Family(namespace=ACME, family=FAMILY, template=b"t"), until_s=UNTIL_S)
    asked.salt("7", b"a" * 32, until_s=UNTIL_S)

    items = boto("dynamodb").scan(TableName=TABLE)["Items"]

    assert [item["ttl_s"] for item in items] == [{"N": str(int(UNTIL_S))}] * 3
