"""The edge as a part of the stack: its configuration, its process."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from local.authority import Certificates
from local.deployment import Deployment
from local.parts import Part
from local.places import BEDROCK_ENDPOINTS, REGION, Places

SEEN_BY_FUNCTIONS = (
    "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", *BEDROCK_ENDPOINTS, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
    "OPENSEARCH_URL", "SLIPSTREAM_SEARCH_AUTH",
)  # fmt: skip


@dataclass(frozen=True)
class Listen:
    """Ports on loopback, and what the TLS one shows."""

    http: int
    https: int
    files: Certificates


def edge(places: Places, env: Mapping[str, str], deployment: Deployment, listen: Listen) -> Part:
    """API Gateway's double, in front of the API that was deployed, with one chat environment warm."""
    configuration = {
        "emulator_url": env["AWS_ENDPOINT_URL"],
        "api_id": deployment.output("ApiId$"),
        "stage": deployment.output("StageName$"),
        "region": REGION,
        "work_dir": str(places.folder / "edge"),
        "http_port": listen.http,
        "https_port": listen.https,
        "certificate": str(listen.files.certificate),
        "private_key": str(listen.files.key),
        "variables": {name: env[name] for name in SEEN_BY_FUNCTIONS if name in env},
        "prestarted": 1,
        "max_environments": int(env.get("SLIPSTREAM_MAX_ENVIRONMENTS") or 10),
    }
    path = places.folder / "edge.json"
    path.write_text(json.dumps(configuration, indent=2))
    return Part("edge", [sys.executable, "-m", "local.edge", "--config", str(path)], env, places.log("edge"))
