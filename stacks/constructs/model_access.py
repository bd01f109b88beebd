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
    if model.startswith("arn:"):
        return [model]
    prefix = f"arn:{stack.partition}:bedrock"
    geography = next((name for name in GEOGRAPHIES if model.startswith(name)), None)
    if geography is None:
        return [f"{prefix}:{stack.region}::foundation-model/{model}"]
    inner = model.removeprefix(geography)
    arns = [
        f"{prefix}:{stack.region}:{stack.account}:inference-profile/{model}",
        f"{prefix}:*::foundation-model/{inner}",
    ]
    # A global profile's model also has an ARN without a region, which the wildcard does not cover.
    return [*arns, f"{prefix}:::foundation-model/{inner}"] if geography == "global." else arns


def _as_reported(arn: str, stack: Stack) -> str:
    """An ARN as cdk-nag writes it in a finding."""
    return arn.replace(stack.partition, "<AWS::Partition>")
