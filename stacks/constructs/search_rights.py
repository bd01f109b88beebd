"""What each function may do with the domain: verbs and paths, of this one domain."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam

from slipstream.aws.search_setup import Request
from stacks.review import acknowledge_wildcard

_NAMES = "an index is named by whoever makes it, so its paths are not known here; the domain is named exactly"


def allow_searching(role: iam.Role, domain_arn: str) -> None:
    """The request path: searches (all of them go through one path), and what an index says of itself."""
    _allow(role, ("es:ESHttpPost",), [f"{domain_arn}/_msearch"])
    _allow(role, ("es:ESHttpGet",), [f"{domain_arn}/*/_mapping"])


def allow_loading(role: iam.Role, domain_arn: str) -> None:
    """Documents in and out of indexes that are there."""
    _allow(role, ("es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost"), [f"{domain_arn}/*"])


def allow_administration(role: iam.Role, domain_arn: str) -> None:
    """Indexes made, filled, swapped and dropped."""
    verbs = ("Delete", "Get", "Head", "Post", "Put")
    _allow(role, tuple(f"es:ESHttp{verb}" for verb in verbs), [f"{domain_arn}/*"])


def allow_setup(role: iam.Role, domain_arn: str, requests: Sequence[Request]) -> None:
    """The engine's version, and exactly what ``requests`` put or remove."""
    _allow(role, ("es:ESHttpGet",), [f"{domain_arn}/"])
    for verb in ("PUT", "DELETE"):
        if paths := [f"{domain_arn}{each.path}" for each in requests if each.verb == verb]:
            _allow(role, (f"es:ESHttp{verb.title()}",), paths)


def _allow(role: iam.Role, actions: Sequence[str], resources: Sequence[str]) -> None:
    role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=list(resources)))
    for resource in resources:
        if "*" in resource:
            acknowledge_wildcard(role, resource, _NAMES)
