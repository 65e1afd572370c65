"""What changed in Azure behind the files' back: filter, sign-in, tags, models, endpoints, names.

Of online endpoints their traffic, machines and deployments.

Exit code 12 where anything did. --fix plans the repairs and does them, under apply's own rules:
what is paid is asked for, what serves is touched last.

    foundry-tune drift jobs/specs/
    foundry-tune drift jobs/specs/xbox-support.yaml --fix
"""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_output, add_specs, add_target

if TYPE_CHECKING:
    from collections.abc import Collection

    from jobs.foundry.session import Session
    from jobs.plan.deployments import DeployStep
    from jobs.plan.drift import Drifted
    from jobs.plan.plan import Plan

DRIFTED = 12
"""The exit code that says so."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_specs(parser)
    add_target(parser)
    add_output(parser)
    parser.add_argument("--fix", action="store_true", help="plan the repairs, ask, and do them")
    parser.add_argument(
        "--retrain", action="store_true", help="with --fix: train, and pay, for a deleted model"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask before spending")


def run(arguments: Namespace) -> int:
    """Look, tell, and repair where that is asked for."""
    from jobs.arguments import session_of
    from jobs.plan import drift
    from jobs.plan.plan import make
    from jobs.plan.saved import PlanRequest
    from jobs.read.examine import checked
    from jobs.read.paths import spec_paths
    from jobs.terminal import output

    paths = spec_paths(arguments)
    specs = checked(paths, arguments.overrides, strict=False)
    session = session_of(arguments, *paths)
    plan = make(session, specs, retrain=arguments.retrain)
    found = drift.drifts(plan)
    if arguments.output != "table":
        output.emit_structured({"drift": [_record(one) for one in found]}, arguments.output)
    else:
        rows = [(one.kind, one.where, one.was, "→", one.now) for one in found]
        none = "No drift: what is in Azure is as the files and foundry-tune left it."
        output.tell(output.plain(output.table(rows)) or none)
    if not found:
        return 0
    if not arguments.fix:
        asked = PlanRequest(specs=tuple(paths), overrides=tuple(arguments.overrides))
        output.progress(f"Repair it:  {asked.command('drift', '--fix')}")
        return DRIFTED
    return _fix(session, plan, found, arguments)


def _fix(session: "Session", plan: "Plan", found: "list[Drifted]", arguments: Namespace) -> int:
    from dataclasses import replace

    from jobs.apply.run import refuse_blocked, run
    from jobs.apply.work import Options
    from jobs.errors import PreflightError
    from jobs.money.cost import hold
    from jobs.plan import drift
    from jobs.plan.plan import make
    from jobs.plan.preflight import require_passed
    from jobs.plan.report import actions, answer
    from jobs.plan.saved import PlanRequest
    from jobs.terminal import output
    from jobs.terminal.progress import Reporter
    from jobs.terminal.question import confirmed

    aside = arguments.output != "table"
    repair = replace(plan, steps=drift.repairs(plan, found))
    if drift.trains_anew(repair.steps, found):
        raise PreflightError(
            "The files ask for a revision that isn't made yet, so this is more than a repair.",
            next_step=PlanRequest(
                specs=tuple(plan.specs.files), overrides=tuple(arguments.overrides)
            ).command("apply"),
        )
    if repair.is_empty and all(one.kind != "tags" for one in found):
        output.progress("None of this can be repaired from the files: look at it by hand.")
        return DRIFTED
    (output.progress if aside else output.tell)("\n".join(actions.lines(repair)))
    if not repair.is_empty:
        require_passed(repair.checks)
        refuse_blocked(repair)
        if repair.spends:
            hold(repair.specs.costs)
    if not confirmed(answer.question(repair), yes=arguments.yes):
        output.progress("Nothing was done.")
        return DRIFTED
    if not repair.is_empty:
        run(session, repair, Reporter(aside=aside), Options())
    _tag(session, make(session, plan.specs))
    left = drift.drifts(make(session, plan.specs))
    for one in left:
        output.progress(f"Left: {one.where}: {one.was} → {one.now}")
    return DRIFTED if left else 0


def _tag(session: "Session", plan: "Plan") -> None:
    """Bring back tags that are gone or others: an endpoint without them isn't recognised."""
    from jobs.foundry import endpoints
    from jobs.plan import drift
    from jobs.plan.deployments import DeployStep

    drifted = {one.where for one in drift.drifts(plan) if one.kind == "tags"}
    labels = drift.own_models(plan.actual)
    for serving in plan.desired.servings:
        for endpoint in plan.actual.endpoints.values():
            if f"endpoint {endpoint.name}" not in drifted or not endpoint.is_of(
                serving.name, labels
            ):
                continue
            there = endpoints.find(session, endpoint.name)
            if there is None or not there.is_still(endpoint):
                raise endpoints.moved(endpoint)
            endpoints.tag(session, there, drift.wanted_tags(serving, there))
    for step in plan.steps:
        if isinstance(step, DeployStep):
            _tag_online(session, plan, step, drifted)


def _tag_online(
    session: "Session", plan: "Plan", step: "DeployStep", drifted: "Collection[str]"
) -> None:
    """The same of an online endpoint, and of the deployment whose name is the document's own."""
    from jobs import revision
    from jobs.foundry import online
    from jobs.plan import drift

    hosting, endpoint = step.hosting, plan.actual.hosted[step.hosting.name].endpoint
    if endpoint is not None and f"endpoint {hosting.name}" in drifted:
        online.tag_endpoint(session, endpoint, drift.wanted_online_tags(hosting))
    if step.deployment is not None and f"deployment {step.deployment.label}" in drifted:
        made_from = hosting.revision(step.made_from)
        tags = revision.tags(hosting.name, made_from, hosting.spec.tags)
        online.tag(session, step.deployment, tags)


def _record(one: "Drifted") -> dict[str, str]:
    return {
        "kind": one.kind,
        "document": one.document,
        "where": one.where,
        "was": one.was,
        "now": one.now,
    }
