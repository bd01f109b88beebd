"""The edge as a part of the stack."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from local.authority import Certificates
from local.deployment import Deployment
from local.parts import Part
from local.places import Places


def edge(
    places: Places, env: Mapping[str, str], deployment: Deployment, http: int, https: int, files: Certificates
) -> Part:
    """API Gateway's double, in front of the API that was deployed."""
    command = [sys.executable, "-m", "local.edge", "--api-id", deployment.output("ApiId$")]
    command += ["--stage", deployment.output("StageName$"), "--port", str(http), "--tls-port", str(https)]
    command += ["--tls-cert", str(files.certificate), "--tls-key", str(files.key)]
    return Part("edge", command, env, places.log("edge"))
