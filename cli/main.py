"""The command ``slipstream``: each subcommand lives in a module of its own, imported only when it is called."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "demo": ("cli.demo:demo", "Six questions over samples/ and what each technique saved."),
    "up": ("cli.up:up", "Start the local stack and leave it running."),
    "down": ("cli.up:down", "Stop the local stack."),
    "dev": ("cli.dev:dev", "The same function in one process that reloads."),
    "ask": ("cli.ask:ask", "Ask one question, streamed, with its waterfall."),
    "keys": ("cli.keys:keys", "Create, list and revoke API keys."),
    "index": ("cli.index:index", "Create, load, re-index and drop search indexes."),
    "search": ("cli.search:search", "Profile searches: where the time goes, what to change."),
    "precompute": ("cli.precompute:precompute", "Answer questions before they come: plan, run, status."),
    "cache": ("cli.cache:cache", "Kept answers: report their worth, give feedback, purge."),
    "models": ("cli.models:models", "What each model accepts, costs and can do."),
    "bedrock": ("cli.bedrock:bedrock", "Run the local Bedrock server alone."),
    "eval": ("cli.eval:evaluate", "Measure quality on your own data: retrieval, cache, precompute."),
    "bench": ("cli.bench:bench", "Measure: overhead, cold-start, streaming, prompt-cache, ingestion."),
}


class LazyGroup(click.Group):
    """Knows its commands by name and one line of help; imports a command's module when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table above."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's, but a name that does not exist is answered with the nearest one."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(COMMANDS)}."
            ctx.fail(f"no command '{name}'; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="slipstream-gateway", prog_name="slipstream")
def main() -> None:
    """Slipstream, a serverless gateway in front of Amazon Bedrock."""
