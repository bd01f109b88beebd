"""What the gateway is made of, and what one exchange carries from step to step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from slipstream.disconnect import Disconnect
from slipstream.gateway.http import HttpRequest
from slipstream.gateway.ports import MetricsSink, PassthroughPort
from slipstream.gateway.whole import Pace
from slipstream.telemetry.waterfall import Waterfall

if TYPE_CHECKING:
    from slipstream.caching.filling.asked import AskedStore
    from slipstream.caching.store import AnswerStore
    from slipstream.chat.request import ChatRequest
    from slipstream.gateway.grounding import Finds
    from slipstream.gateway.openai.models_list import ModelList
    from slipstream.gateway.pipeline import Answer
    from slipstream.models.embedding import Embedder
    from slipstream.models.resolved import ResolvedCall
    from slipstream.models.targets import Target

MAX_BODY_BYTES = 6 * 1024 * 1024
"""Lambda's own limit of an invocation, so that local hosts refuse what the cloud would."""


class Answers(Protocol):
    """The pipeline, as the app calls it. ``region`` is called where a model's ARN names no other."""

    region: str

    def answer(self, request: ChatRequest, waterfall: Waterfall, disconnect: Disconnect) -> Answer:
        """Call the model and wait for its first event. Raises SlipstreamError before it."""
        ...


class Resolves(Protocol):
    """The resolver, as the app calls it."""

    def target(self, name: str) -> Target:
        """The model behind a name. Raises ModelNotFound."""
        ...

    def resolve(self, request: ChatRequest) -> ResolvedCall:
        """Decide on model, parameters and place. Raises ModelNotFound."""
        ...


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the app needs, built once an environment."""

    pipeline: Answers
    resolver: Resolves
    catalogue: ModelList
    embedder: Embedder
    passthrough: PassthroughPort
    metrics: MetricsSink
    version: str
    aliases: Mapping[str, str] = {}
    cors_origins: Sequence[str] = ()
    finds: Callable[[], Finds] | None = None
    """What searches indexes; None: the deployment has no search engine."""
    kept: AnswerStore | None = None
    """Where answers are kept; None: the deployment keeps none."""
    asked: AskedStore | None = None
    """The log of what is asked; None: nothing is logged."""
    max_body_bytes: int = MAX_BODY_BYTES
    pace: Pace = Pace()


class Exchange(msgspec.Struct):
    """One request on its way; ``identifier`` is the path's, decoded."""

    request: HttpRequest
    waterfall: Waterfall
    request_id: str
    identifier: str = ""
