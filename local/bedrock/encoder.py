"""The embedding model beside the event loop: one thread, one text after the other, for all operations."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from local.bedrock.minilm import MODEL_SHA256, MiniLm
from local.bedrock.settings import Settings
from local.known_vectors import KnownVectors


class Encoder:
    """Loads the model with the first text; where vectors are known, at once, so that the first other text is quick."""

    def __init__(self, settings: Settings) -> None:
        self._model = MiniLm(KnownVectors(settings.vectors, MODEL_SHA256) if settings.vectors else None)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="minilm")
        if settings.vectors:
            self._thread.submit(self._model.load)

    async def vectors(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        """One vector a text; other calls' texts may come in between."""
        loop = asyncio.get_running_loop()
        return [await loop.run_in_executor(self._thread, self._model.embed, text) for text in texts]
