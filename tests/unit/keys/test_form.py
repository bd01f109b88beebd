import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.keys.form import compose, keyed_hash, split
from slipstream.ulid import ALPHABET, LENGTH, ulid

PEPPER = b"p" * 64
key_ids = st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH)
secrets = st.text("abcXYZ019-_", min_size=43, max_size=43)


@given(key_ids, secrets)
def test_a_composed_key_splits_into_its_parts(key_id: str, secret: str) -> None:
    assert split(compose(key_id, secret)) == (key_id, secret)


@given(st.text())
def test_any_other_text_is_no_key(text: str) -> None:
    assert split(text) is None


@given(key_ids, secrets, st.sampled_from(["", " ", "\n", "x", "é"]))
def test_nothing_may_follow_a_key(key_id: str, secret: str, tail: str) -> None:
    assert (split(compose(key_id, secret) + tail) is None) == (tail != "")


@given(key_ids, secrets, secrets)
def test_hashes_are_equal_only_for_equal_secrets(key_id: str, one: str, other: str) -> None:
    assert (keyed_hash(PEPPER, key_id, one) == keyed_hash(PEPPER, key_id, other)) == (one == other)


def test_a_hash_depends_on_the_id_and_on_the_whole_pepper() -> None:
    plain = keyed_hash(PEPPER, "A" * 26, "s")
    assert keyed_hash(PEPPER, "B" * 26, "s") != plain
    assert keyed_hash(PEPPER + b"!", "A" * 26, "s") != plain


def test_an_empty_or_short_pepper_is_refused() -> None:
    with pytest.raises(ValueError, match="31 bytes; it needs 32"):
        keyed_hash(b"x" * 31, "A" * 26, "s")


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_ulids_sort_by_age(one: int, other: int, entropy: bytes) -> None:
    assert (ulid(one, entropy) < ulid(other, entropy)) == (one < other)


def test_a_ulid_has_the_published_form() -> None:
    # The time is the specification's own example.
    assert ulid(1469918176385, bytes(10)) == "01ARYZ6S41" + "0" * 16
    assert ulid(2**48 - 1, b"\xff" * 10) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"


def test_a_ulid_needs_ten_bytes_and_a_time_that_fits() -> None:
    with pytest.raises(ValueError, match="10 random bytes, not 9"):
        ulid(0, bytes(9))
    with pytest.raises(ValueError, match="below 2"):
        ulid(2**48, bytes(10))
