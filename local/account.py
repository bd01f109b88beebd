"""``make deploy`` and ``make destroy``: the CDK on the account of the caller's credentials, and the first key.

``python -m local.account deploy [CDK options]``. The SDK's own variables name the account: AWS_PROFILE, AWS_REGION,
AWS_ENDPOINT_URL for an emulator.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from local import cdk
from local.endpoint import Endpoint
from local.environments import Unprepared
from local.first_key import NoKey, create_key, usable_keys
from local.paste_blocks import blocks
from local.places import ROOT

OUTPUTS = ROOT / "build" / "outputs.json"
NO_CREDENTIALS = """no AWS credentials were found. One of these helps, then `make deploy` again:
  aws configure sso && export AWS_PROFILE=…   (or `aws login`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)
`make up` needs no account: it runs the same stack on this machine."""
NO_REGION = 'no region is chosen: export AWS_REGION=eu-west-1, or make deploy ARGS="-c region=eu-west-1"'
REMAINS = """What remains in the account unless retain_data was false: the tables Keys and State, the bucket Bodies, the
secret Pepper (they hold the keys: delete them by hand if nobody needs them), with search the bucket Documents and, of
search=prod, the domain, which costs money every hour; API Gateway's execution log group and
its logging role. Access logs and the functions' logs are deleted."""
CONTINUE = "Remove these stacks? [y/N] "


class Refused(Exception):
    """The command cannot go on; the message says what to do."""


def deploy(arguments: Sequence[str], env: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Deploy every stack, then print how to call the gateway, with a first key where there is none yet.

    Raises Refused, Unprepared, NoKey, CalledProcessError.
    """
    require_account(arguments)
    cdk.fetch_wheels(arguments)
    OUTPUTS.parent.mkdir(exist_ok=True)
    OUTPUTS.unlink(missing_ok=True)
    options = ["--all", "--outputs-file", str(OUTPUTS), *arguments]
    subprocess.run(cdk.command("deploy", *options, app=cdk.APP), cwd=ROOT, env=cdk.environment(env), check=True)
    outputs = gateway_outputs(OUTPUTS)
    region = outputs["KeysFunction"].split(":")[3]
    import boto3

    for line in welcome(boto3.client("lambda", region_name=region), outputs, region):
        say(line)


def welcome(client: Any, outputs: Mapping[str, str], region: str) -> list[str]:
    """Lines that say how to call the gateway. A key is made only where no usable one exists. Raises NoKey."""
    root, function = outputs["BaseUrl"].rstrip("/"), outputs["KeysFunction"]
    there = usable_keys(client, function)
    key = "<your key>" if there else create_key(client, function, "first key")
    found = Endpoint(root, root, "", f"{root}/v1", key, model="fast")
    lines = [f"\n{title}\n{text}" for title, text in blocks(found, region).items()]
    more = f"slipstream keys --base-url {root} --api-key <a key with the scope admin> create --name NAME"
    if there:
        return [*lines, f"\nUsable keys: {there}, so none was made. Make more with\n{more}"]
    return [*lines, f"\nThis key is shown once; it may call models and make keys. Make more with\n{more}"]


def gateway_outputs(path: Path) -> dict[str, str]:
    """Outputs of the one stack that has a KeysFunction. Raises Refused."""
    try:
        stacks = json.loads(path.read_text())
    except FileNotFoundError:
        stacks = {}
    found: list[dict[str, str]] = [outputs for outputs in stacks.values() if "KeysFunction" in outputs]
    if len(found) != 1:
        raise Refused(f"{path} names {len(found)} gateways; was --all replaced, or --outputs-file given?")
    return found[0]


def require_account(arguments: Sequence[str]) -> None:
    """Raise Refused where the SDK finds no credentials or no region."""
    import boto3

    session = boto3.Session()
    if session.get_credentials() is None:
        raise Refused(NO_CREDENTIALS)
    if not session.region_name and not any(word.startswith("region=") for word in arguments):
        raise Refused(NO_REGION)


def destroy(arguments: Sequence[str], env: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Remove the stacks, after asking; ``--force`` or FORCE=1 answers. Raises Refused, CalledProcessError."""
    require_account(arguments)
    say(REMAINS)
    sure = env.get("FORCE") == "1" or bool({"--force", "-f"} & set(arguments))
    if not sure and not sys.stdin.isatty():
        raise Refused("nobody is there to ask: make destroy FORCE=1")
    if not sure and input(CONTINUE).strip().lower() not in {"y", "yes"}:
        raise Refused("nothing was removed")
    cdk.fetch_wheels(arguments)
    given = [word for word in arguments if word not in {"--force", "-f"}]
    command = cdk.command("destroy", "--all", "--force", *given, app=cdk.APP)
    subprocess.run(command, cwd=ROOT, env=cdk.environment(env), check=True)


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0, the CDK's own, or 1 with one line that says what to do."""
    if not arguments or arguments[0] not in {"deploy", "destroy"}:
        print("usage: python -m local.account deploy|destroy [options of the CDK]", file=sys.stderr)
        return 2
    act = deploy if arguments[0] == "deploy" else destroy
    try:
        act(arguments[1:], os.environ, print)
    except (Refused, Unprepared, NoKey) as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
