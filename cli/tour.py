"""The five questions of `slipstream demo`: what is asked, and the same request without the technique it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cli.document import read_document, system_prompt

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
MAX_TOKENS = 160
LONG: dict[str, Any] = {"max_tokens": 800}
"""What streaming saves shows in an answer that takes a while to read."""
Compared = Literal["first_token", "total"]


@dataclass(frozen=True)
class Stop:
    """One stop of the tour. ``changes`` turn the common request into the one with the technique, ``without`` into its
    counterpart; ``buffered`` asks the counterpart unstreamed; more than one question are asked at once. ``earlier`` is
    asked first and not measured: it writes the cache for both alike.
    """

    technique: str
    questions: tuple[str, ...]
    document: str
    compared: Compared
    baseline: str
    changes: dict[str, Any] = field(default_factory=dict)
    without: dict[str, Any] = field(default_factory=dict)
    buffered: bool = False
    earlier: str = ""

    def body(self, question: str, changes: dict[str, Any]) -> dict[str, Any]:
        """One request's body: the document first, so that it is a stable prefix."""
        system = system_prompt(read_document(SAMPLES / self.document))
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        return {"model": "balanced", "messages": messages, "max_tokens": MAX_TOKENS, **changes}


TOUR = (
    Stop(
        technique="streaming",
        questions=("How do reserved and provisioned concurrency work, in detail?",),
        document="lambda-operations.md",
        compared="first_token",
        baseline="same, buffered",
        changes=LONG,
        without=LONG,
        buffered=True,
        earlier="What is concurrency?",
    ),
    Stop(
        technique="prompt cache",
        questions=("How often does Lambda retry an asynchronous invocation that fails?",),
        document="lambda-operations.md",
        compared="first_token",
        baseline="same, cache off",
        without={"slipstream": {"cache": "off"}},
        earlier="What happens when reserved concurrency is set to zero?",
    ),
    Stop(
        technique="latency-optimized",
        questions=("How does an alias split traffic between two versions?",),
        document="lambda-versions.md",
        compared="total",
        baseline="same, standard",
        changes={"model": "us.amazon.nova-pro-v1:0", "slipstream": {"latency": "optimized", "cache": "off"}},
        without={"model": "us.amazon.nova-pro-v1:0", "slipstream": {"cache": "off"}},
    ),
    Stop(
        technique="smaller model",
        questions=("Which parts of a published version are locked?",),
        document="lambda-versions.md",
        compared="total",
        baseline="alias best",
        changes={"model": "fast", "slipstream": {"use_case": "extraction", "cache": "off"}},
        without={"model": "best", "slipstream": {"use_case": "extraction", "cache": "off"}},
    ),
    Stop(
        technique="four at once",
        questions=(
            "What is a function version?",
            "What is an alias?",
            "What is the qualified ARN of a version?",
            "How does a rolling deployment shift traffic?",
        ),
        document="lambda-versions.md",
        compared="total",
        baseline="the four times added",
        changes={"model": "fast"},
    ),
)
