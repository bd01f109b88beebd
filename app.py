"""The CDK app: `cdk synth`, `cdk deploy`. Its settings are stacks/settings.py, told by `-c name=value`."""

from __future__ import annotations

import sys

from aws_cdk import App

from stacks.constructs.bundle import BundleError
from stacks.setting import BadSetting
from stacks.settings import DeploySettings
from stacks.slipstream import compose


def main() -> None:
    """Synthesize. A bad setting or a missing wheel ends it with one line instead of a traceback."""
    app = App(analytics_reporting=False)
    try:
        compose(app, DeploySettings.from_context(app.node.get_all_context()))
    except (BadSetting, BundleError) as error:
        sys.exit(f"slipstream: {error}")
    try:
        app.synth()
    except RuntimeError as error:  # what jsii makes of every JavaScript error
        if "ValidationFailed" not in str(error):
            raise
        sys.exit("slipstream: the templates break rules; the findings are above")


if __name__ == "__main__":
    main()
