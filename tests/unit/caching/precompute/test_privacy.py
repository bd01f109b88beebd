"""What is never written into a plan."""

import pytest

from slipstream.caching.precompute.privacy import personal


@pytest.mark.parametrize(
    "query",
    ["ada@example.org", "write to ada.l@mail.example.co.uk", "ada(at)example(dot)org", "office AT ba-x.example.org"],
)
def test_a_mail_address_is_personal(query: str) -> None:
    assert personal(query) == "mail"


@pytest.mark.parametrize(
    "query", ["call +49 (0)30 1234-5678", "030/9012345", "555 123 4567", "order 12345678", "DE12 3456 7890 1234"]
)
def test_a_long_number_is_personal(query: str) -> None:
    assert personal(query) == "long_number"


@pytest.mark.parametrize(
    "query",
    ["population 2019-2020", "budget 2019 2020", "traffic 2020-01-17", "17.01.2020 to 18.01.2020",
     "error 404 at line 12", "meet at example.org", "EPSG 25833", "u-bahn u8", "10 000 trees"],
)  # fmt: skip
def test_dates_years_and_short_numbers_are_not(query: str) -> None:
    assert personal(query) is None
