"""Which Bedrock resources a function may use, from the list of models that the deployment allows."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from slipstream.models.catalogue import load
from slipstream.models.identifiers import Arn, parse_arn
from stacks.review import acknowledge_wildcard

GEOGRAPHIES = ("us.", "eu.", "au.", "jp.", "apac.", "ca.", "sa.", "us-gov.", "global.")
INVOKE = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
ACTIONS = (*INVOKE, "bedrock:CountTokens")


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
        rerank_model: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        arns = sorted({arn for model in models for arn in model_arns(model, stack)})
        profiles = [arn for arn in arns if "inference-profile/" in arn]
        statements = [iam.PolicyStatement(sid="CallModels", actions=list(ACTIONS), resources=arns)]
        behind = sorted({arn for model in models for arn in behind_profile(model, stack)})
        if behind:
            statements.append(
                iam.PolicyStatement(
                    sid="CallBehindProfiles",
                    actions=list(INVOKE),
                    resources=behind,
                    conditions={"ArnEquals": {"bedrock:InferenceProfileArn": profiles}},
                )
            )
        if profiles:
            statements.append(
                iam.PolicyStatement(sid="ResolveProfiles", actions=["bedrock:GetInferenceProfile"], resources=profiles)
            )
        if mantle_project:
            projects = [
                f"arn:{stack.partition}:bedrock-mantle:{region}:{stack.account}:project/{mantle_project}"
                for region in (stack.region, *sorted(mantle_regions(models)))
            ]
            statements.append(
                iam.PolicyStatement(sid="CallMantle", actions=["bedrock-mantle:CreateInference"], resources=projects)
            )
        if rerank_model:
            model = model_arns(rerank_model, stack)
            statements += [
                iam.PolicyStatement(sid="CallReranker", actions=["bedrock:InvokeModel"], resources=model),
                # This action takes no resource: what it may run is the statement before.
                iam.PolicyStatement(sid="Rerank", actions=["bedrock:Rerank"], resources=["*"]),
            ]
        policy = iam.Policy(self, "Policy", statements=statements, roles=[role])
        if rerank_model:
            acknowledge_wildcard(
                policy,
                "*",
                "bedrock:Rerank takes no resource; the model that it runs is granted by name",
            )
        for arn in behind:
            acknowledge_wildcard(
                policy,
                arn,
                "an inference profile sends a call to whichever region of its geography has room, and AWS adds "
                "regions to profiles; the model is named exactly, and may be called through the profile only",
            )


def model_arns(model: str, stack: Stack) -> list[str]:
    """ARNs that a call of ``model`` needs in the region that is called: the stack's, or the one that an ARN names.

    An inference profile needs itself and its model there; a global one also its model without a region (as AWS's
    documentation of global inference lists them).
    """
    profile = _profile(model, stack)
    if profile is None:
        named = model.startswith("arn:")
        return [model if named else f"arn:{stack.partition}:bedrock:{stack.region}::foundation-model/{model}"]
    own = [profile, _model_behind(profile, _region(profile))]
    return [*own, _model_behind(profile, "")] if "/global." in profile else own


def behind_profile(model: str, stack: Stack) -> list[str]:
    """The model of a geographic profile in every region that the profile may send a call to.

    To be granted through a profile only: else a caller could name any region, also one outside the geography.
    """
    profile = _profile(model, stack)
    return [] if profile is None or "/global." in profile else [_model_behind(profile, "*")]


def mantle_regions(models: tuple[str, ...]) -> set[str]:
    """Regions in which ARNs name models that only bedrock-mantle serves."""
    arns = [parse_arn(model) for model in models if model.startswith("arn:")]
    return {arn.region for arn in arns if arn.region and _on_mantle(arn)}


def _on_mantle(arn: Arn) -> bool:
    model = load().find(arn.name) if arn.names_its_model else None
    return model is not None and model.endpoint.signing_name == "bedrock-mantle"


def _profile(model: str, stack: Stack) -> str | None:
    """The ARN of a system inference profile; None for what is none."""
    if model.startswith("arn:"):
        return model if ":inference-profile/" in model else None
    if _geography(model) is None:
        return None
    return f"arn:{stack.partition}:bedrock:{stack.region}:{stack.account}:inference-profile/{model}"


def _model_behind(profile: str, region: str) -> str:
    partition, name = profile.split(":")[1], profile.partition("/")[2]
    return f"arn:{partition}:bedrock:{region}::foundation-model/{name.removeprefix(_geography(name) or '')}"


def _region(arn: str) -> str:
    return arn.split(":")[3]


def _geography(model: str) -> str | None:
    return next((name for name in GEOGRAPHIES if model.startswith(name)), None)
