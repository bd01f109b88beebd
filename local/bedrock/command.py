"""The command ``slipstream bedrock`` and ``python -m local.bedrock``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("bedrock")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=4570, show_default=True, help="HTTP port; 0 chooses a free one."
)
@click.option(
    "--tls-port",
    type=click.IntRange(0, 65535),
    help="HTTPS port; 0 chooses a free one. Needs --tls-cert and --tls-key.",
)
@click.option(
    "--tls-cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Certificate chain, PEM."
)
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Private key, PEM.")
@click.option(
    "--port-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help='Written when ready: {"port": …, "tls_port": …}.',
)
@click.option(
    "--first-token-ms", type=click.FloatRange(min=0), help="Fixed time to first token instead of the latency model."
)
@click.option(
    "--token-ms", type=click.FloatRange(min=0), help="Fixed time between tokens instead of the latency model."
)
@click.option("--output-tokens", type=click.IntRange(min=1), help="Every text answer has so many tokens.")
@click.option("--tpm", type=click.IntRange(min=1), help="Tokens a minute for each model; unlimited by default.")
@click.option("--rpm", type=click.IntRange(min=1), help="Requests a minute for each model; unlimited by default.")
@click.option("--seed", default=0, show_default=True, help="Changes ids and choices, deterministically.")
@click.option("--require-auth", is_flag=True, help="Refuse calls without SigV4 or bearer credentials.")
@click.option("--check-signatures", is_flag=True, help="Verify SigV4 signatures with the credentials below.")
@click.option(
    "--access-key-id", default="test", show_default=True, help="Credentials that signatures are checked with."
)
@click.option("--secret-access-key", default="test", show_default=True, help="See --access-key-id.")
@click.option("--bearer-token", help="The one API key that is accepted; any by default.")
@click.option("--region", default="us-east-1", show_default=True, help="Region in the ARNs.")
@click.option("--llm-url", help="Root (…/v1) of an OpenAI-compatible server that writes the answers.")
@click.option("--llm-model", default="default", show_default=True, help="Model name to ask that server for.")
@click.option(
    "--vectors",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Texts' vectors that need not be computed again, for example samples/aws-guides/vectors.npz.",
)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="ID=MODEL",
    help="An application inference profile that exists from the start.",
)
def bedrock(
    *,
    host: str,
    port: int,
    tls_port: int | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    port_file: Path | None,
    profiles: tuple[str, ...],
    **choices: object,
) -> None:
    """Serve Amazon Bedrock's wire formats on this machine."""
    from local.bedrock.serve import CannotListen, Listen, run
    from local.bedrock.settings import Settings

    if tls_port is not None and (tls_cert is None or tls_key is None):
        raise click.UsageError("--tls-port needs --tls-cert and --tls-key")
    pairs = dict(_pair(profile) for profile in profiles)
    settings = Settings(profiles=pairs, **choices)  # type: ignore[arg-type] # click has checked the types
    listen = Listen(host=host, port=port, tls_port=tls_port, tls_cert=tls_cert, tls_key=tls_key, port_file=port_file)
    try:
        run(settings, listen)
    except CannotListen as error:
        raise click.ClickException(str(error)) from error


def _pair(text: str) -> tuple[str, str]:
    identifier, equals, model = text.partition("=")
    if not (identifier and equals and model):
        raise click.BadParameter(f"{text!r} should look like ID=MODEL", param_hint="--profile")
    return identifier, model
