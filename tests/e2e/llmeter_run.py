"""Runs LLMeter against the gateway; a script, because LLMeter lives in an environment of its own (build/tools/llmeter).

Arguments: base URL with /v1, key, model. Prints the run's statistics as JSON.
"""

import asyncio
import json
import sys

from llmeter.endpoints.openai import OpenAICompletionStreamEndpoint
from llmeter.runner import Runner


async def main() -> None:
    base_url, key, model = sys.argv[1:]
    endpoint = OpenAICompletionStreamEndpoint(
        endpoint_name="slipstream", model_id=model, base_url=base_url, api_key=key, provider="slipstream"
    )
    payload = OpenAICompletionStreamEndpoint.create_payload("What is a queue? Answer in a sentence.", max_tokens=40)
    result = await Runner(endpoint).run(payload=payload, clients=2, n_requests=2, disable_per_client_progress_bar=True)
    sys.stdout.write(json.dumps(result.stats, default=str) + "\n")


asyncio.run(main())
