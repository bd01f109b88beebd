import pytest

from slipstream.chat.request import Options
from slipstream.errors import InvalidRequest
from slipstream.gateway import options


def test_headers_carry_every_option():
    given = {
        "x-slipstream-use-case": "extraction",
        "x-slipstream-latency": " optimized ",
        "x-slipstream-cache": "off",
        "x-slipstream-deadline-ms": "1500",
        "content-type": "application/json",
    }
    assert options.from_headers(given) == Options("extraction", "optimized", "off", 1500)


def test_every_option_can_be_given_by_header():
    assert {*options.IN_HEADERS, "retrieval"} == set(Options.__struct_fields__)


def test_without_our_headers_nothing_is_asked():
    assert options.from_headers({"accept": "*/*"}) == Options()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-slipstream-usecase", "code"),
        ("x-slipstream-", "code"),
        ("x-slipstream-use-case", "poetry"),
        ("x-slipstream-cache", ""),
        ("x-slipstream-deadline-ms", "soon"),
        ("x-slipstream-deadline-ms", "0"),
        ("x-slipstream-deadline-ms", "-1"),
        ("x-slipstream-deadline-ms", "٣"),
        ("x-slipstream-deadline-ms", "9" * 5000),
        ("x-slipstream-deadline-ms", "900001"),
    ],
)
def test_unknown_headers_and_values_are_refused_by_name(name, value):
    with pytest.raises(InvalidRequest) as refused:
        options.from_headers({name: value})
    assert refused.value.param == name
    assert len(refused.value.message) < 400


def test_the_body_says_more_than_the_headers():
    headers, body = Options(use_case="code", cache="off"), Options(cache="auto", deadline_ms=5)
    assert options.merged(headers, body) == Options(use_case="code", cache="auto", deadline_ms=5)
    assert options.merged(headers, None) is headers
    assert options.merged(options.NONE_GIVEN, body) is body
