"""AWS WAF in front of the API."""

from __future__ import annotations

from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

_Web = wafv2.CfnWebACL


class WebFirewall(Construct):
    """A rate limit by address, AWS's list of bad addresses, and its list of known attacks.

    Rules that read bodies only count: a prompt may well quote an attack, and is longer than the 8 KB that they allow.
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage_arn: str, requests_per_5_min: int) -> None:
        super().__init__(scope, construct_id)
        self.acl = _Web(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=_Web.DefaultActionProperty(allow=_Web.AllowActionProperty()),
            visibility_config=_visible("Slipstream"),
            rules=[
                _Web.RuleProperty(
                    name="RateByAddress",
                    priority=0,
                    action=_Web.RuleActionProperty(block=_Web.BlockActionProperty()),
                    statement=_Web.StatementProperty(
                        rate_based_statement=_Web.RateBasedStatementProperty(
                            aggregate_key_type="IP", limit=requests_per_5_min
                        )
                    ),
                    visibility_config=_visible("RateByAddress"),
                ),
                _managed(1, "AWSManagedRulesAmazonIpReputationList"),
                _managed(
                    2,
                    "AWSManagedRulesKnownBadInputsRuleSet",
                    counted=("Log4JRCE_BODY", "JavaDeserializationRCE_BODY", "ReactJSRCE_BODY"),
                ),
            ],
        )
        wafv2.CfnWebACLAssociation(self, "Association", resource_arn=stage_arn, web_acl_arn=self.acl.attr_arn)


def _managed(priority: int, name: str, counted: tuple[str, ...] = ()) -> wafv2.CfnWebACL.RuleProperty:
    count = _Web.RuleActionProperty(count=_Web.CountActionProperty())
    return _Web.RuleProperty(
        name=name,
        priority=priority,
        override_action=_Web.OverrideActionProperty(none={}),
        statement=_Web.StatementProperty(
            managed_rule_group_statement=_Web.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                rule_action_overrides=[
                    _Web.RuleActionOverrideProperty(name=rule, action_to_use=count) for rule in counted
                ],
            )
        ),
        visibility_config=_visible(name),
    )


def _visible(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    # Sampled requests would keep headers, keys among them, for three hours.
    return _Web.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
