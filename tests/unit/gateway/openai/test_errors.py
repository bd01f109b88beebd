import json

import pytest

from slipstream.errors import InvalidRequest, SlipstreamError, Throttled, Unauthenticated
from slipstream.gateway.openai import errors


def test_an_error_has_openais_shape_with_the_field_and_whether_to_retry():
    status, headers, body = errors.encode(InvalidRequest("No.", param="messages[0].role", code="invalid_value"))
    assert status == 400
    assert json.loads(body) == {
        "error": {
            "message": "No.",
            "type": "invalid_request_error",
            "param": "messages[0].role",
            "code": "invalid_value",
            "retryable": False,
        }
    }
    assert dict(headers) == {"content-type": "application/json", "x-should-retry": "false"}


def test_when_to_come_back_is_told_in_whole_seconds_and_exactly():
    _, headers, body = errors.encode(Throttled("later", retry_after_s=1.2))
    assert dict(headers)["retry-after"] == "2"
    assert dict(headers)["retry-after-ms"] == "1200"
    assert dict(headers)["x-should-retry"] == "true"
    assert json.loads(body)["error"]["retry_after_s"] == 1.2


@pytest.mark.parametrize(("error", "status"), [(Unauthenticated("x"), 401), (SlipstreamError("x"), 500)])
def test_the_status_is_the_errors_own(error, status):
    assert errors.encode(error)[0] == status


def test_half_a_surrogate_pair_in_a_message_does_not_hinder_the_answer():
    _, _, body = errors.encode(InvalidRequest("no header '\ud800'", param="\udfff"))
    assert json.loads(body)["error"]["message"] == "no header '?'"
