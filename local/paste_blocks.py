"""How to call a gateway, to read and to paste: what `make up` and `make deploy` print."""

from __future__ import annotations

from local.endpoint import Endpoint
from local.places import REGION


def blocks(found: Endpoint, region: str = REGION) -> dict[str, str]:
    """Title → text. ``ca_bundle`` is left out where it is empty: a public name needs none."""
    authority = f"   (CA: {found.ca_bundle})" if found.ca_bundle else ""
    bundle = f', "AWS_CA_BUNDLE": "{found.ca_bundle}"' if found.ca_bundle else ""
    return {
        "addresses": (
            f"base URL        {found.base_url}\n"
            f"OpenAI's wire   {found.openai_base_url}\n"
            f"Bedrock's wire  {found.https_base_url}{authority}\n"
            f"key             {found.api_key}"
        ),
        "curl": (
            f"curl -N {found.openai_base_url}/chat/completions \\\n"
            f"  -H 'Authorization: Bearer {found.api_key}' -H 'Content-Type: application/json' \\\n"
            '  -d \'{"model": "fast", "stream": true, "messages": [{"role": "user", "content": "What is a queue?"}]}\''
        ),
        "OpenAI SDK": (
            "from openai import OpenAI\n"
            f'client = OpenAI(base_url="{found.openai_base_url}", api_key="{found.api_key}")\n'
            'messages = [{"role": "user", "content": "What is a queue?"}]\n'
            'for chunk in client.chat.completions.create(model="fast", messages=messages, stream=True):\n'
            '    print(chunk.choices[0].delta.content or "" if chunk.choices else "", end="", flush=True)'
        ),
        "boto3": (
            "import os, boto3\n"
            f'os.environ |= {{"AWS_REGION": "{region}"{bundle},\n'
            f'    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "{found.https_base_url}",\n'
            f'    "AWS_BEARER_TOKEN_BEDROCK": "{found.api_key}"}}\n'
            f'client = boto3.client("bedrock-runtime", region_name="{region}")\n'
            'messages = [{"role": "user", "content": [{"text": "What is a queue?"}]}]\n'
            f'for event in client.converse_stream(modelId="{found.model}", messages=messages)["stream"]:\n'
            '    print(event.get("contentBlockDelta", {}).get("delta", {}).get("text", ""), end="", flush=True)'
        ),
    }
