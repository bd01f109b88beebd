"""An embedder in memory: texts that share words have vectors that are near."""

from __future__ import annotations

import math
import re
from hashlib import blake2b

from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import ClientGone
from slipstream.models.embedding import EmbeddingCall, Embeddings
from slipstream.telemetry.waterfall import Waterfall

WORDS = re.compile(r"\w+")
DIMENSIONS = 1024


class HashingEmbedder:
    """Implements Embedder by feature hashing: each word counts in one place of the vector, which has length 1.

    ``calls`` keeps what was asked; a token is a word. The same text always has the same vector.
    """

    def __init__(self, dimensions: int = DIMENSIONS) -> None:
        """``dimensions`` is the size where a call names none."""
        self._dimensions = dimensions
        self.calls: list[EmbeddingCall] = []

    def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
        """See Embedder."""
        self.calls.append(call)
        if disconnect.gone():
            raise ClientGone("the client closed its connection before the answer was complete")
        words = [WORDS.findall(text.lower()) for text in call.texts]
        with waterfall.span("bedrock_wait"):
            vectors = [_vector(found, call.dimensions or self._dimensions) for found in words]
        return Embeddings(vectors, sum(map(len, words)))


def _vector(words: list[str], dimensions: int) -> list[float]:
    counts = [0.0] * dimensions
    for word in words or [""]:
        place = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big")
        counts[place % dimensions] += 1.0
    length = math.sqrt(sum(count * count for count in counts))
    return [count / length for count in counts]
