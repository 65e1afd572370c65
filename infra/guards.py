"""What watches over an environment: a budget with alerts, locks, and which logs are kept."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pulumi
from pulumi import Input, Resource, ResourceOptions
from pulumi_azure_native import authorization, consumption, monitor
from pulumi_azure_native import operationalinsights as logs

from infra.config_guards import Budget
from infra.foundry import FoundryEnvironment
from infra.parts import Part

LOCKED = (
    "Made by foundry-tune. `pulumi config set foundry-tune:locks false` and `pulumi up` remove it."
)
SETTING = "foundry-tune"


class CostGuard(pulumi.ComponentResource):
    """A budget of the resource group, with an e-mail at each threshold."""

    def __init__(
        self,
        name: str,
        budget: Budget,
        scope: Input[str],
        budget_name: str = SETTING,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("foundry-tune:index:CostGuard", name, {}, opts)
        month = datetime.now(UTC).strftime("%Y-%m-01T00:00:00Z")
        consumption.Budget(
            "budget",
            budget_name=budget_name,
            scope=scope,
            amount=budget.amount,
            category=consumption.CategoryType.COST,
            time_grain=consumption.TimeGrainType.MONTHLY,
            time_period=consumption.BudgetTimePeriodArgs(start_date=month),
            notifications={
                **_notifications("actual", budget.alerts, budget.emails),
                **_notifications("forecasted", budget.forecast, budget.emails),
            },
            # It began in the month it was made in, and goes on.
            opts=ResourceOptions(parent=self, ignore_changes=["timePeriod"]),
        )
        self.register_outputs({})


class DiagnosticSettings(pulumi.ComponentResource):
    """The logs and metrics of every part that the stack made, sent to one workspace."""

    settings: list[monitor.DiagnosticSetting]

    def __init__(
        self,
        name: str,
        environment: FoundryEnvironment,
        workspace: logs.Workspace,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("foundry-tune:index:DiagnosticSettings", name, {}, opts)
        storage = environment.storage_account
        blobs = pulumi.Output.concat(storage.id, "/blobServices/default")
        parts: Mapping[str, tuple[Part, Input[str], bool]] = {
            "hub": (environment.hub, environment.hub.id, True),
            "vault": (environment.key_vault, environment.key_vault.id, True),
            "ai-services": (environment.ai_services, environment.ai_services.id, True),
            # An account has metrics; the logs are those of its services.
            "storage": (storage, storage.id, False),
            "blobs": (storage, blobs, True),
        }
        self.settings = [
            monitor.DiagnosticSetting(
                f"diagnostics-{label}",
                name=SETTING,
                resource_uri=resource,
                workspace_id=workspace.id,
                logs=[monitor.DiagnosticsLogSettingsArgs(category_group="allLogs", enabled=True)]
                if has_logs
                else None,
                metrics=[
                    monitor.DiagnosticsMetricSettingsArgs(category="AllMetrics", enabled=True)
                ],
                opts=ResourceOptions(parent=self),
            )
            for label, (part, resource, has_logs) in parts.items()
            if part.made is not None
        ]
        self.register_outputs({})


class Locks(pulumi.ComponentResource):
    """CanNotDelete on what can't be made again; Azure then refuses to delete the group as well.

    Not on the group or the projects: a lock holds for all below it, and endpoints and models,
    which the jobs delete, live in the projects. `after` is all that hangs on a locked part (role
    assignments, diagnostic settings): Azure deletes those only once the locks are gone, and so
    Pulumi, which goes the opposite way, deletes the locks first.
    """

    def __init__(
        self,
        name: str,
        environment: FoundryEnvironment,
        after: Sequence[Resource],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("foundry-tune:index:Locks", name, {}, opts)
        parts = {
            "hub": environment.hub,
            "vault": environment.key_vault,
            "ai-services": environment.ai_services,
            "storage": environment.storage_account,
        }
        projects = [project.made for project in environment.projects.values()]
        below = [*environment.connections, *filter(None, projects), *after]
        for label, part in parts.items():
            if part.made is None:
                continue  # it has its owner, who locks it or doesn't
            authorization.ManagementLockByScope(
                f"lock-{label}",
                lock_name=SETTING,
                scope=part.id,
                level=authorization.LockLevel.CAN_NOT_DELETE,
                notes=LOCKED,
                opts=ResourceOptions(parent=self, depends_on=below),
            )
        self.register_outputs({})


def _notifications(
    kind: str, thresholds: Sequence[float], emails: Sequence[str]
) -> Mapping[str, consumption.NotificationArgs]:
    return {
        f"{kind}-{threshold:g}".replace(".", "_"): consumption.NotificationArgs(
            enabled=True,
            operator=consumption.OperatorType.GREATER_THAN_OR_EQUAL_TO,
            threshold=threshold,
            threshold_type=kind.capitalize(),
            contact_emails=list(emails),
        )
        for threshold in thresholds
    }
