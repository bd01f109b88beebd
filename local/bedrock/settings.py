"""Every choice of the local server, with its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the server behaves. ``None`` means: as the model's constants say, or without a limit."""

    first_token_ms: float | None = None
    """Fixed time to first token, in place of the latency model."""
    token_ms: float | None = None
    """Fixed time between tokens, in place of the latency model."""
    output_tokens: int | None = None
    """Every text answer has exactly so many tokens (fewer if the caller's max_tokens is lower)."""
    seed: int = 0
    """Changes the extractive answers' choice among sentences, ids and schema fillings, never their form."""
    tpm: int | None = None
    """Tokens a minute, for each model."""
    rpm: int | None = None
    """Requests a minute, for each model."""
    require_auth: bool = False
    """Refuse calls without SigV4 or bearer credentials."""
    check_signatures: bool = False
    """Verify SigV4 signatures with the credentials below (and bearer keys, where ``bearer_token`` is set)."""
    access_key_id: str = "test"
    secret_access_key: str = "test"  # noqa: S105 - the well-known dummy credentials of local AWS emulators
    bearer_token: str | None = None
    region: str = "us-east-1"
    account: str = "000000000000"
    llm_url: str | None = None
    """Root (…/v1) of an OpenAI-compatible server that writes the text instead of the extractor."""
    llm_model: str = "default"
    profiles: dict[str, str] = field(default_factory=dict)
    """Application inference profiles that exist from the start: id to model id."""
    vectors: Path | None = None
    """File of texts' vectors that need not be computed (local/known_vectors.py); other texts are, as ever."""
    max_body_bytes: int = 25 * 1024 * 1024
