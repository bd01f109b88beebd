"""What a demonstration does to the emulated account in place of waiting: a day passes, a schedule comes now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from local.places import REGION, Places

DAY_S = 86_400
LONG_AGO_S = 1_000_000_000
"""Numbers under names of seconds that are larger are points in time, not lengths."""
COUNTS = "asked-count#"


class OlderStack(Exception):
    """What runs was started from code that did not deploy this yet; the message says what to do."""


class EmulatedAccount:
    """The account that a running local stack was deployed into. Every method raises OlderStack."""

    def __init__(self, places: Places) -> None:
        """Raises FileNotFoundError where no stack runs."""
        stacks = json.loads((places.folder / "outputs.json").read_text())
        self._outputs: dict[str, str] = {name: value for outputs in stacks.values() for name, value in outputs.items()}
        self._url = json.loads((places.folder / "edge.json").read_text())["variables"]["AWS_ENDPOINT_URL"]

    def fire(self, name: str) -> str:
        """Have the scheduler call now what the nightly schedule calls, once: by a schedule ``name`` beside it, which
        goes when it has fired. Returns the nightly schedule's expression.
        """
        scheduler = self._client("scheduler")
        group, nightly = self._output("PrecomputeSchedule").split("/")
        deployed = scheduler.get_schedule(GroupName=group, Name=nightly)
        scheduler.create_schedule(
            Name=name,
            GroupName=group,
            ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=deployed["Target"],
            ActionAfterCompletion="DELETE",
        )
        return str(deployed["ScheduleExpression"])

    def runs(self) -> list[dict[str, Any]]:
        """Executions of the machine, the newest first."""
        found = self._client("stepfunctions").list_executions(stateMachineArn=self._output("PrecomputeMachine"))
        return list(found["executions"])

    def pass_a_day(self) -> int:
        """Let everything in the table of answers be a day older; how many items that were."""
        function = self._client("lambda").get_function_configuration(FunctionName=self._output("ChatFunction"))
        name = function["Environment"]["Variables"]["SLIPSTREAM_CACHE_TABLE"]
        table = self._client("dynamodb")
        moved = 0
        for item in _items(table, name):
            older = a_day_older(item)
            if older != item:
                table.put_item(TableName=name, Item=older)
                moved += 1
            if (older["pk"], older["sk"]) != (item["pk"], item["sk"]):
                table.delete_item(TableName=name, Key={"pk": item["pk"], "sk": item["sk"]})
        return moved

    def _output(self, name: str) -> str:
        if name not in self._outputs:
            raise OlderStack(f"the running stack has no {name}: stop it (make down) and start it again (make up)")
        return self._outputs[name]

    def _client(self, service: str) -> Any:
        import boto3

        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self._url, region_name=REGION, **keys)


def a_day_older(item: dict[str, Any]) -> dict[str, Any]:
    """An item of the table as it would be a day later: its times (``…_s``), and the day in the key of a count."""
    older = dict(item)
    for name, value in item.items():
        if name.endswith("_s") and "N" in value and Decimal(value["N"]) > LONG_AGO_S:
            older[name] = {"N": str(Decimal(value["N"]) - DAY_S)}
    if item["pk"]["S"].startswith(COUNTS):
        day, mark, rest = item["sk"]["S"].partition("#")
        with suppress(ValueError):
            older["sk"] = {"S": f"{date.fromisoformat(day) - timedelta(days=1)}{mark}{rest}"}
    return older


def _items(table: Any, name: str) -> Iterator[dict[str, Any]]:
    """All items as they are before the first is changed."""
    pages = table.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
    return iter([item for page in pages for item in page["Items"]])
