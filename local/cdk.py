"""The CDK command line: the pinned one, under the machine's Node or the packaged one, with this interpreter's app.

``python -m local.cdk diff`` runs any of its commands against the account of the caller's credentials;
``local.account`` deploys and destroys.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.environments import Unprepared, node
from local.places import ACCOUNT, REGION, ROOT
from local.proxies import past_proxies

APP = f"{sys.executable} app.py"
INPUTS = ("app.py", "cdk.json", "package-lock.json", "requirements.txt", "stacks", "lambdas")
KEPT_ASSEMBLIES = 3


def command(*arguments: str, app: str | None = None) -> list[str]:
    """Command line for one CDK command; ``app`` is what to run, or a synthesized folder; none for bootstrapping."""
    cli = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
    if not cli.exists():
        raise Unprepared("the CDK command line is not installed: run `make up` or `make deploy`")
    return [str(node()), str(cli), *(["--app", app] if app else []), "--no-notices", *arguments]


def context(settings: Sequence[str]) -> list[str]:
    """Deploy settings, each ``name=value``, as options."""
    return [word for pair in settings for word in ("--context", pair)]


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """What CDK and jsii need: node on the path, no reports home, no nagging about versions."""
    return {
        **base,
        "PATH": f"{node().parent}{os.pathsep}{base.get('PATH', os.defpath)}",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "NODE_NO_WARNINGS": "1",
    }


def emulated(base: Mapping[str, str], emulator_url: str) -> dict[str, str]:
    """The environment in which every AWS SDK speaks to the emulator, whatever the user's own AWS settings are."""
    kept = {name: value for name, value in base.items() if not name.startswith("AWS_")}
    return {
        **past_proxies(kept),
        "AWS_ENDPOINT_URL": emulator_url,
        "AWS_ENDPOINT_URL_S3": emulator_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
    }


def assembly(context: Sequence[str]) -> Path:
    """The folder for what the present sources synthesize to; it holds ``manifest.json`` once that was done."""
    digest = hashlib.blake2b(digest_size=10)
    digest.update(repr((sys.version_info[:3], list(context))).encode())
    for name in INPUTS:
        path = ROOT / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return ROOT / "build" / "cdk" / digest.hexdigest()


def forget_old_assemblies(current: Path) -> None:
    """Keep the newest few: each holds the function bundles."""
    import shutil

    others = [path for path in current.parent.iterdir() if path.is_dir() and path != current]
    for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT_ASSEMBLIES - 1 :]:
        shutil.rmtree(path, ignore_errors=True)


def fetch_wheels(arguments: Sequence[str]) -> None:
    """Fetch the wheels that the functions' bundles are made of. Raises CalledProcessError."""
    architecture = "x86_64" if "architecture=x86_64" in arguments else "arm64"
    where = ["local"] if "stage=local" in arguments else ["cloud", "--architecture", architecture]
    fetch = [sys.executable, "-m", "stacks.constructs.bundle", "--fetch", "--target", *where]
    subprocess.run(fetch, cwd=ROOT, check=True)


def main(arguments: Sequence[str]) -> None:
    """Become the CDK command line, with the wheels fetched where it synthesizes."""
    try:
        full = command(*arguments, app=APP)
        os.chdir(ROOT)
        if arguments[:1] in (["deploy"], ["synth"], ["diff"]):
            fetch_wheels(arguments)
        os.execve(full[0], full, environment(os.environ))  # noqa: S606  no shell is wanted
    except Unprepared as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
