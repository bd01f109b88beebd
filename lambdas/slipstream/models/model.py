"""What the catalogue knows of one model: a record that a reviewer can read, and nothing that is computed."""

from __future__ import annotations

from typing import Literal

import msgspec

from slipstream.models.resolved import Endpoint, Price, PromptCache

EmbeddingBody = Literal["titan", "cohere", "nova"]
"""How an embedding model's request and answer look: ``inputText``; ``texts`` with an ``input_type``; a task."""


class Range(msgspec.Struct, frozen=True, array_like=True):
    """Smallest and largest value that a model takes, both included."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether the model takes ``value``."""
        return self.low <= value <= self.high


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which parameters a model takes. A parameter without a range is rejected by it."""

    temperature: Range | None = Range(0.0, 1.0)
    top_p: Range | None = Range(0.0, 1.0)
    top_k: Range | None = None
    top_k_field: str | None = None
    """Path inside additionalModelRequestFields (``top_k``, ``inferenceConfig.topK``)."""
    temperature_or_top_p: bool = False
    """Only one of the two may be sent."""
    stop: bool = True
    max_stop: int | None = None


class Reasoning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model is told to think. ``style`` says in which field the effort travels.

    ``effort``: outputConfig.effort, or Responses' reasoning.effort. ``budget``: Claude's thinking with a token budget.
    ``reasoning_config``: Nova 2's reasoningConfig. ``reasoning_effort``: a field of that name (GPT OSS).
    """

    style: Literal["effort", "budget", "reasoning_config", "reasoning_effort"]
    efforts: tuple[str, ...] = ("low", "medium", "high")
    on_by_default: bool = False
    allowance_tokens: int = 0
    """Added to max_tokens that we choose: thinking counts as output and must not eat the answer."""


class Capabilities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request to this model may hold. ``forced_tool_choice`` lists the kinds it takes besides auto."""

    streaming: bool = True
    system: bool = True
    tools: bool = False
    forced_tool_choice: tuple[Literal["any", "tool"], ...] = ()
    json_schema: bool = False


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model. ``id`` is canonical: without geographic prefix."""

    id: str
    name: str
    provider: str
    kind: Literal["chat", "embedding"] = "chat"
    ids: tuple[str, ...] = ()
    """Further ids that mean this model; one that ends in ``*`` stands for every id that begins so."""
    prefixes: tuple[str, ...] = ()
    """Geographic prefixes of its inference profiles (us, eu, jp, au, apac, global, …)."""
    on_demand: bool = True
    """Whether the bare id can be called; otherwise only an inference profile can."""
    context_tokens: int
    output_tokens: int = 0
    modalities: tuple[Literal["text", "image", "document", "video", "audio"], ...] = ("text",)
    capabilities: Capabilities = Capabilities()
    rules: Rules = Rules()
    reasoning: Reasoning | None = None
    cache: PromptCache = PromptCache()
    burndown: float = 1.0
    latency_optimized: tuple[str, ...] = ()
    """Regions in which ``latency: optimized`` exists for it."""
    tiers: tuple[str, ...] = ("default",)
    endpoint: Endpoint = Endpoint()
    price: Price | None = None
    """Of the global profile, or of the one price that there is."""
    regional_factor: float = 1.0
    """Price factor of the bare id and of profiles with another prefix than ``global``."""
    embedding_body: EmbeddingBody | None = None
    """Embedding models: the shape of their requests; None for every other."""
    dimensions: tuple[int, ...] = ()
    """Embedding models: sizes that can be asked for, the default first."""
    max_texts: int = 1
    """Embedding models: texts per upstream call."""
    remarks: tuple[str, ...] = ()
    """Where the figures are doubtful, and what of."""
    known: bool = True
    """False: the id only looks like one of the provider's; nothing here was reviewed for it."""
