"""Which Bedrock resources a function may use, from the list of models that the deployment allows."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.review import acknowledge

GEOGRAPHIES = ("us.", "eu.", "au.", "jp.", "apac.", "ca.", "sa.", "us-gov.", "global.")
ACTIONS = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "bedrock:CountTokens")


class ModelAccess(Construct):
    """Grants ``role`` the calls of Bedrock's data plane on ``models`` and on nothing else.

    A model may be a foundation-model id, an inference-profile id (``us.…``) or an ARN.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role: iam.Role,
        models: tuple[str, ...],
        mantle_project: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        arns = [arn for model in models for arn in model_arns(model, stack)]
        profiles = [arn for arn in arns if "inference-profile/" in arn]
        statements = [iam.PolicyStatement(sid="CallModels", actions=list(ACTIONS), resources=sorted(set(arns)))]
        if profiles:
            statements.append(
                iam.PolicyStatement(
                    sid="ResolveProfiles", actions=["bedrock:GetInferenceProfile"], resources=sorted(set(profiles))
                )
            )
        if mantle_project:
            project = f"arn:{stack.partition}:bedrock-mantle:{stack.region}:{stack.account}:project/{mantle_project}"
            statements.append(
                iam.PolicyStatement(sid="CallMantle", actions=["bedrock-mantle:CreateInference"], resources=[project])
            )
        policy = iam.Policy(self, "Policy", statements=statements, roles=[role])
        for arn in sorted({arn for arn in arns if "*" in arn}):
            acknowledge(
                policy,
                f"AwsSolutions-IAM5[Resource::{_as_reported(arn, stack)}]",
                "an inference profile sends a call to whichever region of its geography has room, and AWS adds "
                "regions to profiles; the model is named exactly",
            )


def model_arns(model: str, stack: Stack) -> list[str]:
    """ARNs that a call of ``model`` needs. An inference profile needs itself and its model wherever it may run."""
    prefix = f"arn:{stack.partition}:bedrock"
    if model.startswith("arn:"):
        _, is_profile, profile = model.partition(":inference-profile/")
        return [model, *_behind(profile, stack, prefix)] if is_profile else [model]
    if _geography(model) is None:
        return [f"{prefix}:{stack.region}::foundation-model/{model}"]
    return [f"{prefix}:{stack.region}:{stack.account}:inference-profile/{model}", *_behind(model, stack, prefix)]


def _behind(profile: str, stack: Stack, prefix: str) -> list[str]:
    """The foundation model of a profile: a global one is checked in its own region and without a region (as AWS's
    documentation of global inference lists them), a geographic one in every region that it may send the call to.
    """
    geography = _geography(profile) or ""
    name = f"foundation-model/{profile.removeprefix(geography)}"
    if geography == "global.":
        return [f"{prefix}:{stack.region}::{name}", f"{prefix}:::{name}"]
    return [f"{prefix}:*::{name}"]


def _geography(model: str) -> str | None:
    return next((name for name in GEOGRAPHIES if model.startswith(name)), None)


def _as_reported(arn: str, stack: Stack) -> str:
    """An ARN as cdk-nag writes it in a finding."""
    return arn.replace(stack.partition, "<AWS::Partition>")
