from __future__ import annotations

import json
from typing import Any

import pytest

from bench.odd.bedrock import SEEDS, cases, complaint
from bench.odd.case import Case
from slipstream.gateway.app import create_app
from slipstream.gateway.http import HttpRequest
from tests.unit.gateway.scripted import drain, gateway

APP = create_app(gateway())


def send(case: Case) -> tuple[int, bytes]:
    response = APP(HttpRequest("POST", case.path, {"content-type": "application/json"} | case.headers, case.body))
    return response.status, drain(response)


@pytest.mark.parametrize("seed", range(4))
def test_bad_requests_are_refused_by_the_field_and_odd_ones_pass(seed: int) -> None:
    complaints = [told for case in cases(seed, 500) if (told := complaint(case, *send(case), end_to_end=False))]
    assert complaints == []


@pytest.mark.parametrize("body", SEEDS)
def test_what_is_changed_was_valid(body: Any) -> None:
    assert send(Case("valid", json.dumps(body).encode(), "pass", path="/model/fast/converse"))[0] == 200


def test_the_same_seed_gives_the_same_cases() -> None:
    assert list(cases(3, 50)) == list(cases(3, 50))
    assert list(cases(3, 50)) != list(cases(4, 50))


def test_a_fault_a_traceback_a_pass_and_a_wrong_field_are_found() -> None:
    case = Case("x", b"", "be refused", "messages")
    assert complaint(case, 500, b"")
    assert complaint(case, 400, b"Traceback (most recent call last)")
    assert complaint(case, 200, b"{}")
    assert complaint(case, 400, b'{"message":"system is wrong"}')
    assert complaint(case, 400, b'{"message":"messages[0] is wrong"}') is None
