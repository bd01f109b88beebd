"""An answer that nobody waits for, through the same pipeline as everyone's: made, checked and kept, or found held."""

from __future__ import annotations

import msgspec

from slipstream.caching.filling.filler import Made
from slipstream.caching.policy import COMPLETE
from slipstream.chat.events import Failed
from slipstream.chat.request import ChatRequest
from slipstream.disconnect import NEVER
from slipstream.errors import SlipstreamError
from slipstream.gateway.exchange import Answers
from slipstream.gateway.grounding import Grounding
from slipstream.gateway.pipeline import Answer
from slipstream.telemetry.waterfall import Waterfall

NOT_COVERED = "not_for_the_cache"


class PipelineAnswerer:
    """An Answerer over a pipeline whose cache serves only what lives long enough, and marks what it keeps.

    It looks the answer up as its callers do: one consistent read of the answer and of its documents' marks says whether
    it is held, and nobody else makes the same one meanwhile.
    """

    def __init__(self, pipeline: Answers) -> None:
        self._pipeline = pipeline

    def answer(self, request: ChatRequest, *, within_s: float) -> Made:
        """See Answerer."""
        options = msgspec.structs.replace(request.options, cache="exact", deadline_ms=max(1, int(within_s * 1000)))
        answer = self._pipeline.answer(msgspec.structs.replace(request, options=options), Waterfall(), NEVER)
        search = answer.search
        if search is None or search.served:
            answer.close()
            answer.settle()
            return Made("held") if search is not None else Made("refused", NOT_COVERED)
        failed = _read(answer)
        if failed is not None and not search.notes.get("kept"):
            raise failed
        cost_usd = answer.cost.usd or 0.0
        if search.notes.get("kept"):
            return Made("answered", cost_usd=cost_usd)
        return Made("refused", _why_not(answer), cost_usd)


def _read(answer: Answer) -> SlipstreamError | None:
    """Read to the end and settle; what broke it, if anything did."""
    failed: SlipstreamError | None = None
    try:
        for event in answer.events:
            if type(event) is Failed:
                failed = event.error
    except SlipstreamError as error:
        failed = error
    finally:
        answer.close()
        answer.settle()
    return failed


def _why_not(answer: Answer) -> str:
    """Why a whole answer was not kept: what the table said, how it ended, or what it rests on."""
    assert answer.search is not None  # noqa: S101
    if error := answer.search.notes.get("error"):
        return str(error)
    if answer.stop_reason not in COMPLETE:
        return answer.stop_reason or answer.outcome
    if isinstance(answer.grounding, Grounding):
        if answer.grounding.found.missing:
            return "search_incomplete"
        if not answer.grounding.keepable:
            return "unsupported"
    return NOT_COVERED
