"""Between the pipeline and the cache: what a ``rag:`` answer is looked up by, and what is kept of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from slipstream.caching.entry import Answered
from slipstream.caching.key import Sources
from slipstream.caching.making import Describe
from slipstream.chat.events import Event, Heartbeat
from slipstream.chat.request import ChatRequest
from slipstream.chat.retrieval_options import DEFAULTS, Boosts, RetrievalOptions
from slipstream.disconnect import Disconnect
from slipstream.telemetry.waterfall import Waterfall

if TYPE_CHECKING:
    from slipstream.gateway.grounding import Finds, Grounding, RagModel
    from slipstream.gateway.pipeline import Answer

_encode = msgspec.json.Encoder(order="deterministic").encode


def sources_of(
    asked: RagModel, request: ChatRequest, finds: Finds, waterfall: Waterfall, disconnect: Disconnect
) -> Sources:
    """What the answer will be looked up in. Raises IndexNotFound, and what the engine says the first time."""
    from slipstream.gateway.grounding import turns
    from slipstream.retrieval.parameters import shipped
    from slipstream.retrieval.prompt import BUDGET_TOKENS, INSTRUCTIONS

    generation = finds.describe(asked.index, waterfall, disconnect)
    kept, options = generation.kept, request.options.retrieval or DEFAULTS
    *earlier, question = turns(request.messages) or [""]
    ranking = shipped() if kept.ranking is None else kept.ranking
    return Sources(
        index=asked.index,
        generation=generation.name,
        made_of=msgspec.to_builtins([generation.spec, ranking, kept.synonyms, INSTRUCTIONS, BUDGET_TOKENS]),
        options=_plain(options),
        rewritten_by=finds.rewritten_by(question, earlier, options),
    )


def _plain(options: RetrievalOptions) -> dict[str, Any]:
    """The options that change what is found: defaults left out, and what has no order in one order."""
    from slipstream.retrieval.ranker import PASSAGES

    given: dict[str, Any] = msgspec.to_builtins(options)
    usual: dict[str, Any] = msgspec.to_builtins(DEFAULTS) | {
        "passages": PASSAGES, "boosts": msgspec.to_builtins(Boosts())
    }  # fmt: skip
    given.pop("leg_timeout_ms")
    for name in ("filters", "off", "excluded"):
        given[name] = sorted(given[name], key=_encode)
    return {name: value for name, value in given.items() if value is not None and value != usual[name]}


def describing(answer: Answer, grounding: Grounding | None) -> Describe:
    """What is kept of ``answer``; nothing where a leg of its search was missing, or no passage supports it."""

    def describe(events: tuple[Event, ...]) -> Answered | None:
        if grounding is not None and not grounding.keepable:
            return None
        facts = answer.waterfall.facts
        return Answered(
            events=tuple(event for event in events if type(event) is not Heartbeat),
            model_id=answer.call.model_id,
            cost_usd=answer.cost.usd,
            total_ms=round(facts["answered_ms"], 3),
            ttft_ms=facts.get("ttft_ms"),
            rag=grounding.report() if grounding is not None else None,
        )

    return describe
