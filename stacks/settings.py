"""Every choice of a deployment, typed and described. `-c name=value` or cdk.json's context sets them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Annotated, Any, Literal, get_args, get_type_hints

from slipstream.models.aliases import DEFAULT_ALIASES
from stacks.checks import (
    are_patterns,
    is_address,
    is_arn,
    is_foundation_model,
    is_schedule,
    is_search_instance,
    is_share,
    is_stage,
    is_time_zone,
)
from stacks.setting import BadSetting, between, describe, one_of, read

LOCAL = "local"
SEARCH_ZONES = 3
SEARCH_STAGE_LENGTH = 17
LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


@dataclass(frozen=True, kw_only=True)
class DeploySettings:
    """A deployment's choices. Build one with ``from_context``."""

    stage: Annotated[
        str,
        "name of the deployment: part of stack names and of the URL; 'local' is the emulator's",
        is_stage,
    ] = "prod"
    region: Annotated[str | None, "region to deploy into; nothing: the one of the CDK's credentials"] = None
    aliases: Annotated[
        dict[str, str],
        "alias → model id, inference-profile id or ARN; fast, balanced and best are expected by clients",
    ] = field(default_factory=lambda: dict(DEFAULT_ALIASES))
    models: Annotated[
        tuple[str, ...],
        "model ids, inference-profile ids and ARNs that may be called beside the aliases'; nothing else is granted",
    ] = ("amazon.titan-embed-text-v2:0", "us.amazon.nova-pro-v1:0")
    mantle_project: Annotated[
        str | None,
        "project of Bedrock's mantle endpoint that Responses-only models are called in; nothing: not granted",
    ] = "default"
    rerank_model: Annotated[
        str | None,
        "foundation model (id or ARN) of Bedrock Rerank, for searches that ask for rerank=bedrock; nothing: none may",
        is_foundation_model,
    ] = None
    rewrite_model: Annotated[
        str | None,
        "alias or model (one that may be called) that makes follow-up questions stand alone; nothing: a rule does",
    ] = "fast"
    rewrite_limit_ms: Annotated[int, "milliseconds that this may take before the rule serves", between(1, 10000)] = 800
    leg_timeout_ms: Annotated[
        int, "milliseconds that a leg of a search may take before the other one answers alone", between(1, 60000)
    ] = 1000
    prices: Annotated[
        dict[str, dict[str, float]],
        "model id → dollars per million tokens, over the catalogue's",
    ] = field(default_factory=dict)
    streaming_host: Annotated[
        Literal["runtime", "web_adapter"],
        "what streams inside Lambda: our runtime loop, or AWS's Lambda Web Adapter",
    ] = "runtime"
    architecture: Annotated[Literal["arm64", "x86_64"], "processor of the functions"] = "arm64"
    memory_mb: Annotated[int, "memory of the chat function; processor share grows with it", between(128, 10240)] = 1024
    timeout_s: Annotated[int, "longest answer, in seconds", between(10, 900)] = 900
    provisioned_concurrency: Annotated[int | None, "chat environments kept warm and billed", between(1, 10000)] = None
    snap_start: Annotated[bool, "start the chat function from a snapshot; excludes provisioned_concurrency"] = False
    heartbeat_s: Annotated[
        float,
        "seconds of silence after which a stream shows a sign of life",
        between(1, 280),
    ] = 15.0
    whole_silence_s: Annotated[
        float,
        "seconds that an answer in one piece may stay silent; then it begins as 200 and shows signs of life. "
        "API Gateway cuts at 300; callers and proxies may cut sooner (botocore at 60)",
        between(1, 280),
    ] = 240.0
    cors_origins: Annotated[tuple[str, ...], "origins that browsers may call from; '*' for all, nothing for none"] = ()
    authorizer_cache_ttl_s: Annotated[
        int,
        "seconds for which a checked key is believed, so at most until a revocation works",
        between(0, 3600),
    ] = 300
    accept_x_api_key: Annotated[
        bool,
        "take keys from x-api-key too; the authorizer function then remembers keys instead of API Gateway",
    ] = False
    throttle_rate: Annotated[float, "requests a second, all callers together", between(1, 10000)] = 100.0
    throttle_burst: Annotated[int, "requests at once above the rate", between(1, 10000)] = 200
    waf: Annotated[bool, "put AWS WAF in front"] = False
    waf_requests_per_5_min: Annotated[
        int,
        "requests from one address in 5 minutes; with waf",
        between(10, 2000000000),
    ] = 3000
    custom_domain: Annotated[str | None, "host name of the API, for example llm.example.com"] = None
    certificate_arn: Annotated[str | None, "ACM certificate of custom_domain, same region", is_arn("acm")] = None
    hosted_zone_id: Annotated[str | None, "Route 53 zone that gets custom_domain's record; nothing: no record"] = None
    hosted_zone_name: Annotated[str | None, "name of hosted_zone_id, for example example.com"] = None
    cache: Annotated[
        Literal["on", "off"],
        "keep answers and serve them again: of temperature 0 and of rag: models, others where the caller says so",
    ] = "on"
    cache_ttl_s: Annotated[float, "seconds for which an answer is kept", between(1, 2592000)] = 86400.0
    cache_limit_ms: Annotated[
        float,
        "what looking for a kept answer may take, in ms; later, the model is called and a late one is dropped",
        between(1, 10000),
    ] = 50.0
    cache_lease_s: Annotated[
        float,
        "seconds for which identical requests wait for the first one's answer",
        between(0.1, 30),
    ] = 10.0
    cache_chunks_per_s: Annotated[
        float,
        "pieces a second in which kept answers are streamed; 0: at once",
        between(0, 10000),
    ] = 0.0
    cache_personal: Annotated[
        tuple[str, ...],
        "regular expressions of personal data: what holds one, in request or answer, is not kept",
        are_patterns,
    ] = ()
    cache_shared: Annotated[
        dict[str, str],
        "tenant → namespace: tenants of one namespace share kept answers; all others never do",
    ] = field(default_factory=dict)
    cache_semantic: Annotated[
        Literal["off", "rag", "all"],
        "which requests may be served the answer to another wording of their question: none, those of rag: models, all",
    ] = "rag"
    cache_epsilon: Annotated[
        float,
        "error rate that such answers are held to: wrong ones among those that are served",
        between(0.001, 0.5),
    ] = 0.01
    cache_semantic_limit_ms: Annotated[
        float,
        "what finding another wording may take, its embedding included, in ms; later, it is dropped",
        between(1, 10000),
    ] = 250.0
    cache_semantic_model: Annotated[
        str,
        "alias or embedding model that finds other wordings; it may be called then",
    ] = "amazon.titan-embed-text-v2:0"
    cache_judge_model: Annotated[
        str | None,
        "alias or model (one that may be called) that says whether two answers mean the same where rules cannot tell; "
        "nothing: such answers count as different",
    ] = None
    cache_check_share: Annotated[
        float,
        "share of the first candidates for such answers that are checked by asking the model; 0: nothing is learnt",
        is_share,
    ] = 0.5
    cache_learning_minutes: Annotated[
        int,
        "minutes between two looks at what was learnt of wrong and right answers",
        between(1, 1440),
    ] = 5
    query_log_share: Annotated[
        float,
        "share of the questions that are counted, for answers before the question; 0: none is",
        is_share,
    ] = 0.0
    query_log_days: Annotated[int, "days that such counts are kept", between(2, 365)] = 90
    precompute: Annotated[
        Literal["on", "off"],
        "answer what will be asked before it is, nightly; with cache=on, and nothing to do without query_log_share",
    ] = "on"
    precompute_schedule: Annotated[
        str,
        "when: a cron or rate expression of EventBridge Scheduler",
        is_schedule,
    ] = "cron(0 3 * * ? *)"
    precompute_refill_schedule: Annotated[
        str | None,
        "when those of its answers that have ended meanwhile are made again; nothing: not before the next night",
        is_schedule,
    ] = "rate(1 hour)"
    precompute_time_zone: Annotated[str, "time zone of the two", is_time_zone] = "UTC"
    precompute_answers: Annotated[int, "answers a run at most", between(1, 10000)] = 200
    precompute_budget_usd: Annotated[float, "dollars a run at most", between(0, 100000)] = 1.0
    precompute_per_minute: Annotated[
        int,
        "answers a minute at most, so that users keep the models' quota",
        between(1, 6000),
    ] = 60
    precompute_hours: Annotated[
        float,
        "hours that its answers are kept: until after the next run",
        between(24, 720),
    ] = 26.0
    precompute_min_users: Annotated[
        int,
        "users who have to have asked a question before it is answered beforehand",
        between(1, 20),
    ] = 2
    search: Annotated[
        Literal["none", "dev", "prod"],
        "OpenSearch domain for retrieval: none, one small node, or three nodes with dedicated masters in three zones",
    ] = "none"
    search_instance: Annotated[
        str | None,
        "instance type of the domain's data nodes; nothing: t3.small.search in dev, r6g.large.search in prod",
        is_search_instance,
    ] = None
    search_volume_gb: Annotated[
        int | None,
        "disk of each data node; nothing: 10 in dev, 100 in prod",
        between(10, 2000),
    ] = None
    search_fine_grained: Annotated[
        bool,
        "check the functions' rights inside the domain too, index by index; cannot be switched off again",
    ] = False
    search_slow_log_s: Annotated[
        float | None,
        "log searches that take longer than this many seconds, with their text; nothing: no search is logged",
        between(0, 600),
    ] = None
    ingest_concurrency: Annotated[
        int,
        "ingest functions at once; bounds what loading documents takes of the embedding model's quota",
        between(2, 1000),
    ] = 4
    alarm_email: Annotated[
        str | None,
        "address that alarms are mailed to, once it has confirmed; nothing: their topic alone",
        is_address,
    ] = None
    vpc_id: Annotated[
        str | None,
        "VPC of the chat function and of what searches; it must reach Bedrock, DynamoDB, S3, for search SQS too",
    ] = None
    vpc_subnet_ids: Annotated[tuple[str, ...], "private subnets of vpc_id, one a zone"] = ()
    vpc_availability_zones: Annotated[tuple[str, ...], "zones of vpc_subnet_ids, in their order"] = ()
    access_log: Annotated[bool, "log every request: route, status, times, key id; never bodies or queries"] = True
    cloudwatch_role: Annotated[
        bool,
        "let API Gateway write logs: one role for an account and region; false: it has one",
    ] = True
    log_retention_days: Annotated[int, "days that logs are kept", one_of(*LOG_DAYS)] = 30
    encryption: Annotated[
        Literal["aws", "customer"],
        "keys that encrypt data at rest: AWS's, or one of your own",
    ] = "aws"
    retain_data: Annotated[
        bool,
        "keep tables, buckets, pepper and search domain when the stack is destroyed",
    ] = True
    metrics_namespace: Annotated[str, "CloudWatch namespace of the metrics"] = "Slipstream"

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> DeploySettings:
        """Read CDK context; names with ':', '@' or '/' are the CDK's own. Raises BadSetting."""
        known = get_type_hints(cls, include_extras=True)
        given = {name: value for name, value in context.items() if not set(name) & set(":@/")}
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean '{near[0]}'?" if near else "docs/deploy.md lists them"
                raise BadSetting(f"there is no setting '{name}'; {hint}")
        settings = cls(**{name: read(name, known[name], value) for name, value in given.items()})
        settings.check_together()
        return settings

    @property
    def is_local(self) -> bool:
        """Whether the emulator is the target."""
        return self.stage == LOCAL

    @property
    def callable_models(self) -> tuple[str, ...]:
        """Everything that may be called, each once: the aliases' models, ``models``, and what finds other wordings."""
        finder = self.cache_semantic_model
        finders = (self.aliases.get(finder, finder),) if self.finds_other_wordings else ()
        return tuple(dict.fromkeys((*self.aliases.values(), *self.models, *finders)))

    @property
    def finds_other_wordings(self) -> bool:
        """Whether a question may be served another one's answer."""
        return self.cache == "on" and self.cache_semantic != "off"

    @property
    def precomputes(self) -> bool:
        """Whether answers are made before their questions."""
        return self.cache == "on" and self.precompute == "on"

    def check_together(self) -> None:
        """Raise BadSetting for values that exclude or need each other."""
        rules = (
            (
                self.snap_start and self.provisioned_concurrency,
                "snap_start excludes provisioned_concurrency: choose one",
            ),
            (
                self.snap_start and self.streaming_host == "web_adapter",
                "snap_start needs streaming_host=runtime: the adapter has no restore hook",
            ),
            (
                self.whole_silence_s + self.heartbeat_s > 295,
                "whole_silence_s and heartbeat_s must not be over 295 s together: API Gateway cuts at 300, and an "
                "answer in one piece is looked at every heartbeat_s only",
            ),
            (
                bool(self.custom_domain) != bool(self.certificate_arn),
                "custom_domain and certificate_arn go together: give both, or neither",
            ),
            (
                bool(self.hosted_zone_id) != bool(self.hosted_zone_name),
                "hosted_zone_id and hosted_zone_name go together: give both, or neither",
            ),
            (self.hosted_zone_id and not self.custom_domain, "hosted_zone_id needs custom_domain"),
            (
                self.query_log_share and self.cache == "off",
                "query_log_share needs cache=on: questions are counted in the table of answers",
            ),
            (
                self.cache_judge_model not in (None, *self.aliases, *self.callable_models),
                f"cache_judge_model is '{self.cache_judge_model}', which may not be called: name it in models too",
            ),
            (
                bool(self.vpc_id) != bool(self.vpc_subnet_ids),
                "vpc_id and vpc_subnet_ids go together: give both, or neither",
            ),
            (
                len(self.vpc_subnet_ids) != len(self.vpc_availability_zones),
                f"vpc_availability_zones has {len(self.vpc_availability_zones)} entries and vpc_subnet_ids "
                f"{len(self.vpc_subnet_ids)}: give each subnet its zone",
            ),
            (
                self.search == "prod" and self.vpc_id and len(set(self.vpc_availability_zones)) < SEARCH_ZONES,
                f"search=prod in a VPC needs subnets in {SEARCH_ZONES} zones: vpc_availability_zones names "
                f"{len(set(self.vpc_availability_zones))}",
            ),
            (
                self.search != "none" and len(self.stage) > SEARCH_STAGE_LENGTH,
                f"stage has {len(self.stage)} characters; with search at most {SEARCH_STAGE_LENGTH}: the domain's "
                "name holds it",
            ),
        )
        for broken, message in rules:
            if broken:
                raise BadSetting(message)


def reference() -> str:
    """The settings as a Markdown table, for docs/deploy.md."""
    declared = get_type_hints(DeploySettings, include_extras=True)
    lines = ["| setting | takes | default | what |", "|---|---|---|---|"]
    for one in fields(DeploySettings):
        kind, doc = get_args(declared[one.name])[:2]
        lines.append(f"| `{one.name}` | {describe(kind)} | {_default(one)} | {doc} |")
    return "\n".join(lines) + "\n"


def _default(declared: Field[Any]) -> str:
    value = declared.default if declared.default_factory is MISSING else declared.default_factory()
    if isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, dict):
        value = ", ".join(f"{name}={item}" for name, item in value.items())
    elif isinstance(value, tuple):
        value = ", ".join(value)
    return "" if value in (None, "") else f"`{value}`"
