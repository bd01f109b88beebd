"""One call from request to outcome: rules, prompt cache, quota, text, pace. No wire and no socket in here."""

from __future__ import annotations

import time
from hashlib import blake2b

from local.bedrock import rules, speak
from local.bedrock.catalogue import Api, Catalogue
from local.bedrock.catalogue import load as load_catalogue
from local.bedrock.clock import Clock
from local.bedrock.errors import BedrockError, invalid
from local.bedrock.llm import Llm
from local.bedrock.pace import pace_of
from local.bedrock.prompt import Answer, Asked, Outcome, Usage
from local.bedrock.prompt_cache import PromptCache
from local.bedrock.quotas import Limit, Quotas
from local.bedrock.run import Run
from local.bedrock.settings import Settings
from local.bedrock.targets import Targets


class Engine:
    """The state that calls share."""

    def __init__(self, settings: Settings, clock: Clock, catalogue: Catalogue | None = None) -> None:
        self.settings = settings
        self.clock = clock
        self.catalogue = catalogue or load_catalogue()
        self.targets = Targets(
            self.catalogue, region=settings.region, account=settings.account, profiles=settings.profiles
        )
        self.cache = PromptCache(clock)
        self.quotas = Quotas(clock, Limit(settings.tpm, settings.rpm))

        self.llm = Llm(settings.llm_url, settings.llm_model) if settings.llm_url else None

    def is_free_text(self, run: Run) -> bool:
        """Whether another server may write this answer; tool calls and schemas are always filled here."""
        return run.asked.schema is None and not speak.tools_called(run.asked)

    def reset(self) -> None:
        """Forget cached prompts and put the quotas back to the settings."""
        self.cache.clear()
        self.quotas.set(None, Limit(self.settings.tpm, self.settings.rpm))

    def admit(self, asked: Asked, api: Api) -> Run:
        """Check everything that Bedrock checks before a model runs. Raises BedrockError."""
        started_s = time.monotonic()
        target = self.targets.for_inference(asked.model_id, api)
        model = target.model
        rules.check(model, asked)
        if not asked.blocks or not any(block.section in ("user", "tool_result", "assistant") for block in asked.blocks):
            raise invalid(
                "A conversation must start with a user message. Try again with a conversation that starts with a "
                "user message."
            )
        use = self.cache.look_up(model, asked.blocks)
        total = asked.input_tokens()
        reservation = self.quotas.reserve(model, total, asked.max_tokens)
        latency, tier = asked.latency, asked.tier
        pace = pace_of(
            model,
            total - use.felt_tokens,
            cached_tokens=use.felt_tokens,
            catalogue=self.catalogue,
            settings=self.settings,
            latency=latency,
            tier=tier,
        )
        self.cache.store(use, available_in_s=pace.first_token_s)
        limit = min(asked.max_tokens or model.output_tokens, max(1, model.context_tokens - total))
        return Run(asked, target, use, reservation, pace, limit, started_s, latency, tier)

    def answer(self, run: Run) -> Answer:
        """What the built-in extractor says."""
        exact, seed = self.settings.output_tokens, self.settings.seed
        try:
            return speak.say(run.asked, limit=run.limit_tokens, seed=seed, exact_tokens=exact)
        except BedrockError:
            self.quotas.settle(run.model, run.reservation, Usage())
            raise

    def finish(self, run: Run, answer: Answer, output_tokens: int, first_token_s: float) -> Outcome:
        """Settle the quota for ``output_tokens`` and sum up; called once, also where the client left."""
        use = run.cache
        usage = Usage(
            input=run.asked.input_tokens() - use.read - use.write,
            output=output_tokens,
            cache_read=use.read,
            cache_write=use.write,
            writes_by_ttl=use.writes_by_ttl,
            reasoning=min(output_tokens, answer.thought_tokens()),
        )
        self.quotas.settle(run.model, run.reservation, usage)
        return Outcome(
            model_id=run.model.id,
            stop_reason=answer.stop_reason,
            stop_sequence=answer.stop_sequence,
            usage=usage,
            latency_ms=round((time.monotonic() - run.started_s) * 1000),
            first_token_ms=round(first_token_s * 1000),
            latency=run.latency,
            tier=run.tier,
        )


def body_digest(body: bytes) -> str:
    """What is remembered of a request's body: a digest, never the prompt."""
    return blake2b(body, digest_size=32).hexdigest()
