from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.errors import InvalidRequest, NotFound, Unauthenticated
from slipstream.fakes.keys import MemoryKeyStore
from slipstream.gateway.http import Principal
from slipstream.keys import issue
from slipstream.keys import verify as verification
from slipstream.keys.remember import Remembered
from slipstream.keys.store import KeyRecord
from slipstream.keys.verify import presented_key, verify

PEPPER, NOW_S = b"p" * 64, 1_800_000_000.0


@pytest.fixture
def store() -> MemoryKeyStore:
    return MemoryKeyStore()


def check(key: str, store: MemoryKeyStore, now_s: float = NOW_S, pepper: bytes = PEPPER) -> Principal:
    return verify(key, store=store, pepper=pepper, now_s=now_s)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Unauthenticated) as caught:
        act()
    return caught.value.message


def test_a_new_key_says_whose_it_is(store: MemoryKeyStore) -> None:
    key, record = issue.create(
        store=store,
        pepper=PEPPER,
        now_s=NOW_S,
        tenant="acme",
        scopes=["invoke", "admin"],
        models=["fast", "anthropic.*"],
    )
    expected = Principal(record.key_id, "acme", frozenset({"invoke", "admin"}), ("fast", "anthropic.*"))
    assert check(key, store) == expected


def test_what_is_kept_of_a_key_does_not_hold_its_secret(store: MemoryKeyStore) -> None:
    key, record = issue.create(store=store, pepper=PEPPER, now_s=NOW_S)
    secret = key.removeprefix(f"sk-slip-{record.key_id}-")
    assert len(secret) == 43
    assert secret not in repr(list(store.all()))


def test_every_wrong_key_gets_the_same_answer(store: MemoryKeyStore) -> None:
    key, record = issue.create(store=store, pepper=PEPPER, now_s=NOW_S, expires_in_s=60)
    gone, _ = issue.create(store=store, pepper=PEPPER, now_s=NOW_S)
    issue.revoke(gone[8:34], store=store, now_s=NOW_S)
    other_secret = key[:-1] + ("A" if key[-1] != "A" else "B")
    unknown_id = "sk-slip-" + "0" * 26 + key[34:]
    messages = {
        refusal(lambda: check("nonsense", store)),
        refusal(lambda: check(other_secret, store)),
        refusal(lambda: check(unknown_id, store)),
        refusal(lambda: check(key, store, now_s=NOW_S + 60)),
        refusal(lambda: check(gone, store)),
        refusal(lambda: check(key, store, pepper=b"q" * 64)),
    }
    assert len(messages) == 1
    assert record.key_id not in messages.pop()


def test_a_key_works_until_its_last_second(store: MemoryKeyStore) -> None:
    key, _ = issue.create(store=store, pepper=PEPPER, now_s=NOW_S, expires_in_s=60)
    assert check(key, store, now_s=NOW_S + 59.9)


def test_a_hash_that_was_moved_to_another_record_opens_nothing(store: MemoryKeyStore) -> None:
    key, record = issue.create(store=store, pepper=PEPPER, now_s=NOW_S)
    stolen = replace(record, key_id="0" * 26, tenant="victim")
    store.add(stolen)
    refusal(lambda: check(key.replace(record.key_id, stolen.key_id), store))


def test_the_placeholder_of_unknown_ids_is_no_way_in(store: MemoryKeyStore) -> None:
    refusal(lambda: check("sk-slip-" + "0" * 26 + "-", store))
    refusal(lambda: check("", store))


@given(st.text(max_size=120))
def test_any_text_is_refused_without_another_error(text: str) -> None:
    refusal(lambda: check(text, MemoryKeyStore()))


class Work:
    """What a check does: look-ups in the store, and what is hashed and compared."""

    def __init__(self, store: MemoryKeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[object] = []
        self._store = store
        hash_, compare = verification.keyed_hash, verification.hmac.compare_digest

        def hashed(pepper: bytes, key_id: str, secret: str) -> str:
            self.done.append(("hash", len(pepper), len(key_id), len(secret)))
            return hash_(pepper, key_id, secret)

        def compared(stored: str, given: str) -> bool:
            self.done.append(("compare", len(stored), len(given)))
            return compare(stored, given)

        monkeypatch.setattr(verification, "keyed_hash", hashed)
        monkeypatch.setattr(verification.hmac, "compare_digest", compared)

    def get(self, key_id: str) -> KeyRecord | None:
        self.done.append("look-up")
        return self._store.get(key_id)

    def of(self, key: str) -> list[object]:
        self.done = []
        refusal(lambda: verify(key, store=self, pepper=PEPPER, now_s=NOW_S))  # type: ignore[arg-type]
        return self.done


def test_an_unknown_id_costs_the_same_work_as_a_wrong_secret(
    store: MemoryKeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, record = issue.create(store=store, pepper=PEPPER, now_s=NOW_S)
    wrong_secret = key[:-1] + ("A" if key[-1] != "A" else "B")
    work = Work(store, monkeypatch)
    known, unknown = work.of(wrong_secret), work.of(key.replace(record.key_id, "0" * 26))
    assert known == unknown
    assert [step if isinstance(step, str) else step[0] for step in unknown] == ["look-up", "hash", "compare"]


def test_keys_are_listed_oldest_first_and_by_tenant(store: MemoryKeyStore) -> None:
    ids = [
        issue.create(store=store, pepper=PEPPER, now_s=NOW_S + age, tenant=tenant)[1].key_id
        for age, tenant in ((2, "a"), (0, "b"), (1, "a"))
    ]
    assert [record.key_id for record in issue.listed(store)] == [ids[1], ids[2], ids[0]]
    assert [record.key_id for record in issue.listed(store, "a")] == [ids[2], ids[0]]


def test_revoking_twice_keeps_the_first_time(store: MemoryKeyStore) -> None:
    _, record = issue.create(store=store, pepper=PEPPER, now_s=NOW_S)
    issue.revoke(record.key_id, store=store, now_s=NOW_S + 1)
    assert issue.revoke(record.key_id, store=store, now_s=NOW_S + 9).revoked_s == int(NOW_S) + 1


def test_revoking_an_unknown_key_says_so(store: MemoryKeyStore) -> None:
    with pytest.raises(NotFound, match="no key 'nope'"):
        issue.revoke("nope", store=store, now_s=NOW_S)


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("tenant", "two words", "tenant"),
        ("tenant", "", "tenant"),
        ("scopes", [], "scopes"),
        ("scopes", ["invoke", "root"], "scopes[1]"),
        ("models", ["fast", "two words"], "models[1]"),
        ("models", ["fast"] * 51, "models"),
        ("name", "x" * 101, "name"),
        ("name", "line\nbreak", "name"),
        ("expires_in_s", 0, "expires_in_s"),
        ("expires_in_s", 10**12, "expires_in_s"),
    ],
)
def test_a_bad_field_is_named(store: MemoryKeyStore, field: str, value: object, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        issue.create(store=store, pepper=PEPPER, now_s=NOW_S, **{field: value})  # type: ignore[arg-type]
    assert caught.value.param == param
    assert list(store.all()) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer k"},
        {"authorization": "bearer   k "},
        {"x-api-key": "k"},
        {"authorization": "Basic abc", "x-api-key": "k"},
        {"authorization": "Bearer k", "x-api-key": "other"},
    ],
)
def test_a_key_is_found_in_either_header(headers: dict[str, str]) -> None:
    assert presented_key(headers) == "k"


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer "}, {"authorization": "Basic abc"}, {"x-api-key": " "}]
)
def test_a_request_without_a_key_is_told_how_to_send_one(headers: dict[str, str]) -> None:
    assert "Authorization: Bearer" in refusal(lambda: presented_key(headers))


class Counted:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.refuses = False

    def __call__(self, key: str) -> Principal:
        self.calls.append(key)
        if self.refuses:
            raise Unauthenticated("no")
        return Principal(key)


def test_a_remembered_key_is_checked_again_when_its_time_is_over() -> None:
    now_s, inner = [0.0], Counted()
    remembered = Remembered(inner, ttl_s=10, clock=lambda: now_s[0])
    for now_s[0] in (0.0, 9.9, 10.0):
        assert remembered("k") == Principal("k")
    assert inner.calls == ["k", "k"]


def test_a_revoked_key_is_not_remembered_beyond_its_time() -> None:
    now_s, inner = [0.0], Counted()
    remembered = Remembered(inner, ttl_s=10, clock=lambda: now_s[0])
    remembered("k")
    inner.refuses, now_s[0] = True, 10.0
    for _ in range(2):
        refusal(lambda: remembered("k"))
    assert len(inner.calls) == 3


def test_without_a_memory_time_every_request_is_checked() -> None:
    inner = Counted()
    remembered = Remembered(inner, ttl_s=0, clock=lambda: 0.0)
    remembered("k")
    remembered("k")
    assert len(inner.calls) == 2
