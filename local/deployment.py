"""Deploys the local stage into the emulator with the real CDK command line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local import cdk
from local.parts import Part
from local.places import ACCOUNT, REGION, ROOT, Places
from local.supervisor import Supervisor

CACHE_LIMIT_MS = 2000
"""The emulator's table answers one at a time: with twenty environments at once a look-up takes far longer than
DynamoDB's few milliseconds."""
RERANK_MODEL = "cohere.rerank-v3-5:0"


@dataclass(frozen=True)
class Deployment:
    """What was deployed: the synthesized assembly and the stacks' outputs, name → value."""

    assembly: Path
    outputs: dict[str, str]

    def output(self, pattern: str) -> str:
        """The value of the one output whose name matches. Raises LookupError that lists the names."""
        found = {value for name, value in self.outputs.items() if re.search(pattern, name)}
        if len(found) != 1:
            raise LookupError(f"{len(found)} outputs match {pattern!r}; there are: {', '.join(self.outputs)}")
        return found.pop()


def context(opensearch_url: str) -> tuple[str, ...]:
    """The settings of the local stage: with search where there is an engine at ``opensearch_url``."""
    searching = ("search=dev", f"rerank_model={RERANK_MODEL}") if opensearch_url else ()
    looking = f"cache_limit_ms={CACHE_LIMIT_MS}", f"cache_semantic_limit_ms={CACHE_LIMIT_MS}"
    return ("stage=local", *looking, "query_log_share=1", *searching)  # nothing outlives the stack


def deploy(
    places: Places,
    supervisor: Supervisor,
    env: Mapping[str, str],
    wait_for_emulator: Callable[[], None],
    say: Callable[[str], None],
) -> Deployment:
    """Synthesize (unless these sources were before) beside bootstrapping, then deploy. Raises PartFailed."""
    env = cdk.environment(env)
    settings = context(env.get("OPENSEARCH_URL", ""))
    assembly = cdk.assembly(settings)
    outputs = places.folder / "outputs.json"

    def part(name: str, *arguments: str, app: str | None = None, cwd: Path = ROOT) -> Part:
        return Part(f"cdk-{name}", cdk.command(name, *arguments, app=app), env, places.log(f"cdk-{name}"), cwd)

    synthesis = None
    if not (assembly / "manifest.json").exists():
        say("fetching the functions' wheels")
        fetch = [sys.executable, "-m", "stacks.constructs.bundle", "--fetch", "--target", "local"]
        supervisor.finish(supervisor.begin(Part("wheels", fetch, env, places.log("wheels"))))
        say("synthesizing the stacks (a quarter of a minute, the first time a minute)")
        synthesis = supervisor.begin(
            part("synth", *cdk.context(settings), "--quiet", "--output", str(assembly), app=cdk.APP)
        )
    wait_for_emulator()
    bootstrap = part("bootstrap", f"aws://{ACCOUNT}/{REGION}", cwd=places.folder)  # away from cdk.json: no app needed
    supervisor.finish(supervisor.begin(bootstrap))
    if synthesis:
        supervisor.finish(synthesis)
    say("deploying them into the emulator")
    options = ("--all", "--require-approval", "never", "--concurrency", "4", "--outputs-file", str(outputs))
    supervisor.finish(supervisor.begin(part("deploy", *options, app=str(assembly))))
    assembly.touch()
    cdk.forget_old_assemblies(assembly)
    stacks = json.loads(outputs.read_text())
    return Deployment(assembly, {name: value for stack in stacks.values() for name, value in stack.items()})
