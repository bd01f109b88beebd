"""``slipstream up`` and ``slipstream down``: the local stack, left running, and how to call it."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.rule import Rule

from local import places
from local.endpoint import Endpoint
from local.places import REGION
from local.session import NotStarted, start, stop


@click.command()
def up() -> None:
    """Start the local stack, leave it running, and print addresses, a key and three blocks to paste."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        found, launcher = start(places.default(), lambda line: console.print(f"[dim]· {line}[/dim]"))
    except NotStarted as error:
        console.print(f"[red]the local stack did not start:[/red]\n{error}")
        sys.exit(error.code)
    except KeyboardInterrupt:
        console.print("\nstopped; nothing is left running")
        sys.exit(130)
    if launcher is None:
        console.print("It is already running (`make down` stops it).")
    for title, block in blocks(found).items():
        console.print(Rule(title, align="left", style="dim"))
        console.print(block, markup=False)
    console.print(Rule(style="dim"))
    console.print(f"logs: {places.default().folder}/*.log · the same as JSON: {places.default().endpoint}")


def blocks(found: Endpoint) -> dict[str, str]:
    """Title → text to read or to paste."""
    return {
        "addresses": (
            f"OpenAI's wire   {found.openai_base_url}\n"
            f"Bedrock's wire  {found.https_base_url}   (CA: {found.ca_bundle})\n"
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
            f'os.environ |= {{"AWS_REGION": "{REGION}", "AWS_CA_BUNDLE": "{found.ca_bundle}",\n'
            f'    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "{found.https_base_url}",\n'
            f'    "AWS_BEARER_TOKEN_BEDROCK": "{found.api_key}"}}\n'
            f'client = boto3.client("bedrock-runtime", region_name="{REGION}")\n'
            'messages = [{"role": "user", "content": [{"text": "What is a queue?"}]}]\n'
            f'for event in client.converse_stream(modelId="{found.model}", messages=messages)["stream"]:\n'
            '    print(event.get("contentBlockDelta", {}).get("delta", {}).get("text", ""), end="", flush=True)'
        ),
    }


@click.command()
def down() -> None:
    """Stop the local stack, and whatever a killed one has left behind."""
    try:
        stopped = stop(places.default())
    except TimeoutError as error:
        raise click.ClickException(str(error)) from error
    click.echo("stopped" if stopped else "nothing was running")
