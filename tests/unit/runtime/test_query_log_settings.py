from typing import Any

import pytest

from slipstream.fakes.asked_store import MemoryAskedStore
from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.query_log_parts import QueryLogSettings
from slipstream.runtime.settings import read_settings
from slipstream.runtime.wiring import assemble

ON = {"AWS_REGION": "us-east-1", "SLIPSTREAM_CACHE": "on"}


def test_nothing_is_logged_unless_a_deployment_asks_for_it() -> None:
    assert read_settings(ON).query_log is None
    assert read_settings(ON | {"SLIPSTREAM_QUERY_LOG_SHARE": "0"}).query_log is None
    assert assemble(read_settings(ON), {}).stores.asked is None


def test_share_and_days_are_read_and_a_process_alone_logs_in_its_memory() -> None:
    settings = read_settings(ON | {"SLIPSTREAM_QUERY_LOG_SHARE": "0.1", "SLIPSTREAM_QUERY_LOG_DAYS": "30"})

    assert settings.query_log == QueryLogSettings(share=0.1, days=30)
    assert isinstance(assemble(settings, {}).stores.asked, MemoryAskedStore)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"SLIPSTREAM_QUERY_LOG_SHARE": "2"}, "from 0 to 1"),
        ({"SLIPSTREAM_QUERY_LOG_SHARE": "1", "SLIPSTREAM_QUERY_LOG_DAYS": "0"}, "from 1 to 400"),
        ({"SLIPSTREAM_QUERY_LOG_SHARE": "1", "SLIPSTREAM_CACHE": "off"}, "SLIPSTREAM_CACHE=on"),
    ],
)
def test_a_setting_that_cannot_be_is_told(environ: dict[str, Any], told: str) -> None:
    with pytest.raises(BadSetting, match=told):
        read_settings(ON | environ)
