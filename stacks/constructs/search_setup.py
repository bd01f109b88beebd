"""What the engine holds beside the indexes, put in place by a function of ours at each deployment that changes it."""

from __future__ import annotations

from aws_cdk import CustomResource, Duration
from constructs import Construct

from slipstream.aws.search_setup import Wanted, requests
from stacks.constructs.bundle import Bundle
from stacks.constructs.python_function import FunctionSettings, Network, PythonFunction
from stacks.constructs.search_rights import allow_setup

NO_WORD_S = 60


class SearchSetup(Construct):
    """Applies ``wanted`` through ``function``, whose role may ask for exactly that.

    CloudFormation calls the function itself: with a bundle that has changed it is asked again, and to repeat is safe.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bundle: Bundle,
        wanted: Wanted,
        domain_arn: str,
        endpoint: str,
        settings: FunctionSettings,
        network: Network | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = PythonFunction(
            self,
            "Function",
            bundle=bundle,
            handler="handlers.search_setup.handler",
            description="Slipstream: puts templates, pipelines and roles into the search domain",
            environment={"SLIPSTREAM_SEARCH_ENDPOINT": endpoint},
            settings=settings,
            network=network,
        )
        allow_setup(self.function.role, domain_arn, requests(wanted, legacy_bm25="BM25"))
        properties: dict[str, object] = {"code": bundle.digest()}
        if wanted.slow_log_s is not None:
            properties["slow_log_s"] = wanted.slow_log_s
        if wanted.readers:
            properties |= {"readers": list(wanted.readers), "writers": list(wanted.writers)}
        resource = CustomResource(
            self,
            "Contents",
            service_token=self.function.alias.function_arn,
            # A function that ends without a word is not waited for any longer.
            service_timeout=Duration.seconds(settings.timeout_s + NO_WORD_S),
            properties=properties,
        )
        resource.node.add_dependency(self.function.role)  # with its rights
