"""One resolver, many requests: what one leaves behind must not reach another."""

from __future__ import annotations

from typing import Any

import msgspec

from slipstream.chat.request import ChatRequest, Message, Options, Text
from slipstream.models.resolve import Resolver


def test_one_use_case_never_answers_with_the_preset_of_another() -> None:
    resolver = Resolver()

    def sent(use_case: str) -> dict[str, Any]:
        options = msgspec.convert({"use_case": use_case}, Options)
        request = ChatRequest(model="amazon.nova-lite-v1:0", messages=[Message("user", [Text("hi")])], options=options)
        return resolver.resolve(request).sent

    assert sent("code")["temperature"] == 0.2
    assert sent("creative")["temperature"] >= 0.7
    assert sent("code")["temperature"] == 0.2
