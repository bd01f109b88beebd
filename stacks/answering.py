"""What a function needs to answer as the gateway does: the chat function, and the one that answers beforehand."""

from __future__ import annotations

import json

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from stacks.constructs.cache_rights import allow_caching
from stacks.constructs.model_access import ModelAccess, model_arns
from stacks.constructs.python_function import Network
from stacks.constructs.search_rights import allow_searching
from stacks.data import DataStack
from stacks.network import existing_vpc
from stacks.search import SearchStack
from stacks.settings import DeploySettings


class Answering:
    """Environment, rights and network of a function of one deployment. ``stack``: where the function is."""

    def __init__(self, stack: Stack, *, settings: DeploySettings, data: DataStack, search: SearchStack | None) -> None:
        self._stack, self._settings, self._data, self._search = stack, settings, data, search

    def environment(self) -> dict[str, str]:
        """Variables, as the function's settings read them."""
        chosen, search = self._settings, self._search
        rerank = chosen.rerank_model
        return {
            "SLIPSTREAM_ALIASES": json.dumps(chosen.aliases, sort_keys=True),
            "SLIPSTREAM_PRICES": json.dumps(chosen.prices, sort_keys=True),
            "SLIPSTREAM_STATE_TABLE": self._data.state.table_name,
            "SLIPSTREAM_CORS_ORIGINS": ",".join(chosen.cors_origins),
            "SLIPSTREAM_HEARTBEAT_S": f"{chosen.heartbeat_s:g}",
            "SLIPSTREAM_WHOLE_SILENCE_S": f"{chosen.whole_silence_s:g}",
            "SLIPSTREAM_METRICS_NAMESPACE": chosen.metrics_namespace,
            **({"SLIPSTREAM_RERANK_MODEL": model_arns(rerank, self._stack)[0]} if rerank else {}),
            "SLIPSTREAM_REWRITE_MODEL": chosen.rewrite_model or "",
            "SLIPSTREAM_REWRITE_LIMIT_MS": str(chosen.rewrite_limit_ms),
            "SLIPSTREAM_LEG_TIMEOUT_MS": str(chosen.leg_timeout_ms),
            **caching_environment(chosen, self._data),
            **(search.searching_environment if search else {}),
        }

    def role_name(self, function: str) -> str | None:
        """Of the function's role: given where the search domain's policy names it."""
        return self._search.role_name(function) if self._search else None

    def network(self) -> Network | None:
        """Where it has to run; to be asked once a stack."""
        if self._search:
            return self._search.network
        vpc = existing_vpc(self._stack, self._settings)
        return Network(vpc) if vpc else None

    def allow(self, role: iam.Role) -> None:
        """Call the models, keep answers and rules, search."""
        chosen, data = self._settings, self._data
        ModelAccess(
            role,
            "Models",
            role=role,
            models=chosen.callable_models,
            mantle_project=chosen.mantle_project,
            rerank_model=chosen.rerank_model,
        )
        # Rules that one environment learnt from a rejected call are read by all.
        rules = ["dynamodb:PutItem", "dynamodb:Query"]
        role.add_to_policy(iam.PolicyStatement(actions=rules, resources=[data.state.table_arn]))
        if data.answers:
            allow_caching(role, table=data.answers, bodies=data.bodies)
        data.allow_decryption(role)
        if self._search:
            allow_searching(role, self._search.domain_arn)


def caching_environment(settings: DeploySettings, data: DataStack) -> dict[str, str]:
    """What every function that works on kept answers is told; nothing where none are kept."""
    if data.answers is None:
        return {}
    return {
        "SLIPSTREAM_CACHE": settings.cache,
        "SLIPSTREAM_CACHE_TABLE": data.answers.table_name,
        "SLIPSTREAM_CACHE_BUCKET": data.bodies.bucket_name,
        "SLIPSTREAM_CACHE_TTL_S": f"{settings.cache_ttl_s:g}",
        "SLIPSTREAM_CACHE_LIMIT_MS": f"{settings.cache_limit_ms:g}",
        "SLIPSTREAM_CACHE_LEASE_S": f"{settings.cache_lease_s:g}",
        "SLIPSTREAM_CACHE_CHUNKS_PER_S": f"{settings.cache_chunks_per_s:g}",
        "SLIPSTREAM_CACHE_PERSONAL": json.dumps(settings.cache_personal),
        "SLIPSTREAM_CACHE_SHARED": json.dumps(settings.cache_shared, sort_keys=True),
        "SLIPSTREAM_CACHE_SEMANTIC": settings.cache_semantic,
        "SLIPSTREAM_CACHE_EPSILON": f"{settings.cache_epsilon:g}",
        "SLIPSTREAM_CACHE_SEMANTIC_LIMIT_MS": f"{settings.cache_semantic_limit_ms:g}",
        "SLIPSTREAM_CACHE_SEMANTIC_MODEL": settings.cache_semantic_model,
        "SLIPSTREAM_CACHE_JUDGE_MODEL": settings.cache_judge_model or "",
        "SLIPSTREAM_CACHE_CHECK_SHARE": f"{settings.cache_check_share:g}",
        "SLIPSTREAM_QUERY_LOG_SHARE": f"{settings.query_log_share:g}",
        "SLIPSTREAM_QUERY_LOG_DAYS": str(settings.query_log_days),
    }
