import json

import pytest

from bench.odd.case import Case
from bench.odd.openai import SEEDS, cases, complaint
from slipstream.errors import SlipstreamError
from slipstream.gateway.openai import chat, errors
from tests.unit.gateway.openai.played import PRINCIPAL


def sent(body):
    try:
        chat.decode(body, {}, PRINCIPAL)
    except SlipstreamError as error:
        status, _, reply = errors.encode(error)
        return status, reply
    return 200, b"{}"


@pytest.mark.parametrize("seed", range(4))
def test_bad_requests_are_refused_by_the_field_and_odd_ones_pass(seed):
    complaints = [found for case in cases(seed, 500) if (found := complaint(case, *sent(case.body), end_to_end=False))]
    assert complaints == []


@pytest.mark.parametrize("body", SEEDS)
def test_what_is_changed_was_valid(body):
    assert sent(json.dumps(body).encode())[0] == 200


def test_the_same_seed_gives_the_same_cases():
    assert list(cases(3, 50)) == list(cases(3, 50))
    assert list(cases(3, 50)) != list(cases(4, 50))


def test_a_fault_a_traceback_a_pass_and_a_wrong_field_are_found():
    case = Case("x", b"", "be refused", "messages")
    told = b'{"error":{"message":"m","type":"t","param":"%b"}}'
    assert complaint(case, 500, b"")
    assert complaint(case, 400, b"Traceback (most recent call last)")
    assert complaint(case, 200, b"{}")
    assert complaint(case, 400, told % b"model")
    assert complaint(case, 400, told % b"messages[0]") is None
