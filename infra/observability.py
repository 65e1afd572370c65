"""Where an environment's logs and metrics go: Log Analytics and Application Insights."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import Input, ResourceOptions
from pulumi_azure_native import applicationinsights
from pulumi_azure_native import operationalinsights as logs


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservabilityArgs:
    """What they are called, and how long logs are kept."""

    retention_days: int
    resource_group: Input[str]
    workspace_name: str
    insights_name: str | None
    """None: the hub has its own."""
    location: str
    tags: Mapping[str, str]


class Observability(pulumi.ComponentResource):
    """A Log Analytics workspace, and Application Insights that writes to it."""

    workspace: logs.Workspace
    insights: applicationinsights.Component | None

    def __init__(
        self, name: str, args: ObservabilityArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("foundry-tune:index:Observability", name, {}, opts)
        self.workspace = logs.Workspace(
            "logs",
            workspace_name=args.workspace_name,
            resource_group_name=args.resource_group,
            location=args.location,
            sku=logs.WorkspaceSkuArgs(name=logs.WorkspaceSkuNameEnum.PER_GB2018),
            retention_in_days=args.retention_days,
            tags=args.tags,
            opts=ResourceOptions(parent=self),
        )
        self.insights = (
            self._make_insights(args, args.insights_name) if args.insights_name else None
        )
        self.register_outputs({})

    def _make_insights(self, args: ObservabilityArgs, name: str) -> applicationinsights.Component:
        return applicationinsights.Component(
            "insights",
            resource_name_=name,
            resource_group_name=args.resource_group,
            location=args.location,
            kind="web",
            application_type=applicationinsights.ApplicationType.WEB,
            # Who writes to it signs in; its instrumentation key opens nothing.
            disable_local_auth=True,
            ingestion_mode=applicationinsights.IngestionMode.LOG_ANALYTICS,
            workspace_resource_id=self.workspace.id,
            tags=args.tags,
            opts=ResourceOptions(parent=self),
        )
