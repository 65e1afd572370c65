"""Who is told what becomes of what is served: e-mails by Azure Monitor.

Azure Monitor publishes metrics of models behind an AI Services account
(Microsoft.CognitiveServices/accounts), and none of serverless endpoints: its reference of supported
metrics knows workspaces, online endpoints and their deployments. So the numbers are the account's,
and of serverless endpoints it is told when one, billed by the hour, comes or goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pulumi
from pulumi import ResourceOptions
from pulumi_azure_native import monitor

from infra.config_guards import Alerts
from infra.foundry import FoundryEnvironment

ACCOUNTS = "Microsoft.CognitiveServices/accounts"
ENDPOINTS = "Microsoft.MachineLearningServices/workspaces/serverlessEndpoints"
FAILED = ("429", "500", "502", "503", "504")
MILLISECONDS = 1000.0
WINDOW = "PT15M"
HOW_OFTEN = "PT5M"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRulesArgs:
    """Whose environment is watched, and who is told."""

    environment: FoundryEnvironment
    alerts: Alerts
    suffix: str
    """The end of every name: `<workload>-<environment>`."""
    tags: Mapping[str, str]


class Rule(NamedTuple):
    """A number of 15 minutes that is told of once it is above a limit."""

    metric: str
    how: monitor.AggregationTypeEnum
    limit: float
    severity: int
    """0 (critical) to 4."""
    says: str
    statuses: tuple[str, ...] = ()


class AlertRules(pulumi.ComponentResource):
    """An action group, a rule for each number, and one for endpoints that come and go."""

    def __init__(
        self, name: str, args: AlertRulesArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("foundry-tune:index:AlertRules", name, {}, opts)
        self._args = args
        self._inside = ResourceOptions(parent=self)
        self._told = monitor.ActionGroup(
            "alerts",
            action_group_name=f"ag-{args.suffix}",
            resource_group_name=args.environment.group.name,
            location="global",
            # What the subject of an e-mail begins with; at most 12 characters.
            group_short_name="foundry-tune",
            enabled=True,
            email_receivers=[
                monitor.MicrosoftCommonEmailReceiverArgs(
                    name=email, email_address=email, use_common_alert_schema=True
                )
                for email in args.alerts.emails
            ],
            tags=args.tags,
            opts=self._inside,
        )
        for label, rule in rules(args.alerts).items():
            self._tell(label, rule)
        self._tell_of_endpoints()
        self.register_outputs({})

    def _tell(self, label: str, rule: Rule) -> None:
        statuses = monitor.MetricDimensionArgs(
            name="StatusCode", operator="Include", values=list(rule.statuses)
        )
        criterion = monitor.MetricCriteriaArgs(
            criterion_type="StaticThresholdCriterion",
            name=label,
            metric_namespace=ACCOUNTS,
            metric_name=rule.metric,
            time_aggregation=rule.how,
            operator=monitor.Operator.GREATER_THAN,
            threshold=rule.limit,
            dimensions=[statuses] if rule.statuses else None,
        )
        monitor.MetricAlert(
            f"alert-{label}",
            rule_name=f"alert-{label}-{self._args.suffix}",
            resource_group_name=self._args.environment.group.name,
            location="global",
            description=rule.says,
            severity=rule.severity,
            enabled=True,
            scopes=[self._args.environment.ai_services.id],
            evaluation_frequency=HOW_OFTEN,
            window_size=WINDOW,
            criteria=monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
                odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
                all_of=[criterion],
            ),
            auto_mitigate=True,
            actions=[monitor.MetricAlertActionArgs(action_group_id=self._told.id)],
            tags=self._args.tags,
            opts=self._inside,
        )

    def _tell_of_endpoints(self) -> None:
        leaf, condition = (
            monitor.AlertRuleLeafConditionArgs,
            monitor.AlertRuleAnyOfOrLeafConditionArgs,
        )
        changes = [
            leaf(field="operationName", equals=f"{ENDPOINTS}/{verb}")
            for verb in ("write", "delete")
        ]
        monitor.ActivityLogAlert(
            "alert-endpoints",
            activity_log_alert_name=f"alert-endpoints-{self._args.suffix}",
            resource_group_name=self._args.environment.group.name,
            location="global",
            description="A serverless endpoint was made, which is billed by the hour from now on, "
            "or deleted. `foundry-tune orphans` tells those that belong to no file.",
            enabled=True,
            scopes=[self._args.environment.group.id],
            condition=monitor.AlertRuleAllOfConditionArgs(
                all_of=[
                    condition(field="category", equals="Administrative"),
                    condition(field="status", equals="Succeeded"),
                    condition(any_of=changes),
                ]
            ),
            actions=monitor.ActionListArgs(
                action_groups=[monitor.ActionGroupArgs(action_group_id=self._told.id)]
            ),
            tags=self._args.tags,
            opts=self._inside,
        )


def rules(alerts: Alerts) -> Mapping[str, Rule]:
    """The rules on numbers, by name. Metrics: Azure's reference for `ACCOUNTS`, "Models"."""
    total, average = monitor.AggregationTypeEnum.TOTAL, monitor.AggregationTypeEnum.AVERAGE
    return {
        "errors": Rule(
            "ModelRequests",
            total,
            alerts.errors,
            2,
            f"More than {alerts.errors} calls in 15 minutes ended with one of {', '.join(FAILED)}.",
            FAILED,
        ),
        "latency": Rule(
            # Not TimeToResponse, which Azure has of provisioned deployments only.
            "TimeToLastByte",
            average,
            alerts.latency * MILLISECONDS,
            3,
            f"An answer took more than {alerts.latency} seconds on the average of 15 minutes.",
        ),
        "refusals": Rule(
            "RAIRejectedRequests",
            total,
            alerts.refusals,
            3,
            f"The content filter refused more than {alerts.refusals} prompts and answers in 15 "
            "minutes.",
        ),
    }
