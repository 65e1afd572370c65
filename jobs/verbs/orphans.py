"""What costs and belongs to no file of these folders: endpoints, and jobs that run.

Each with its cost a day where a price is known, and the command that takes it down. Nothing is
deleted here. Exit code 12 where there is any.

    foundry-tune orphans jobs/specs/
"""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_output, add_specs, add_target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.foundry.online import Managed
    from jobs.look.served import Served
    from jobs.money.price import Money
    from jobs.spec.prices import TeamPrices

FOUND = 12
"""The exit code that says so."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_specs(parser)
    add_target(parser)
    add_output(parser)


def run(arguments: Namespace) -> int:
    """Look, and tell."""
    from jobs.arguments import session_of
    from jobs.foundry import projects
    from jobs.foundry.endpoints import Endpoint
    from jobs.foundry.jobs import Job
    from jobs.foundry.online import Managed
    from jobs.look import inventory
    from jobs.look.orphans import orphans
    from jobs.look.served import served
    from jobs.money.price import Money
    from jobs.plan import desired
    from jobs.plan.report.cost import cost_words
    from jobs.read.examine import checked
    from jobs.read.paths import spec_paths
    from jobs.terminal import output

    paths = spec_paths(arguments)
    specs = checked(paths, arguments.overrides, strict=False)
    session = session_of(arguments, *paths)
    asked = desired.read(specs.chapters, specs.team_prices)
    # A trial's job is called after its own revision, a training's after the document's.
    jobs = [
        training.job_name.removesuffix(training.revision)
        if training.spec.sweep
        else training.job_name
        for training in asked.trainings
    ] + [running.job_name for running in asked.runnings]
    found = inventory.look(session)
    models = {one.endpoint.name: one for one in served(found, projects.get(session))}
    rows: list[dict[str, object]] = []
    for one in orphans(
        found,
        [s.name for s in asked.servings],
        [t.name for t in asked.undertakings],
        jobs,
        [h.name for h in asked.hostings],
    ):
        daily = Money(0.0, None)
        if isinstance(one.of, Endpoint):
            daily = _daily(models[one.of.name], specs.team_prices.values())
        elif isinstance(one.of, Managed):
            daily = _machines_daily(one.of, specs.team_prices.values())
        rows.append(
            {
                "type": one.of.kind if isinstance(one.of, Job) else "endpoint",
                "name": one.of.name,
                "document": one.document,
                "why": one.why,
                "usd_per_day": {"low": daily.low, "high": daily.high},
                "per_day": cost_words(daily),
                "command": one.command,
            }
        )
    if arguments.output != "table":
        output.emit_structured({"orphans": list(rows)}, arguments.output)
    elif not rows:
        output.tell("Everything that costs belongs to a file.")
    else:
        columns = ("type", "name", "why", "per_day", "command")
        shown = [[output.plain(str(row[column])) or "-" for column in columns] for row in rows]
        header = ("TYPE", "NAME", "WHY", "A DAY", "TAKE IT DOWN")
        output.tell_table(shown, header=header)
    return FOUND if rows else 0


def _machines_daily(managed: "Managed", teams: "Iterable[TeamPrices]") -> "Money":
    """What a day of its machines costs: by a price list that has them; nobody else knows."""
    from jobs.money.price import NOTHING, Money

    day, lists = NOTHING, list(teams)
    for one in managed.deployments:
        written = (team.instance_price(one.instance_type) for team in lists)
        price = next(filter(None, written), None)
        usd = 24 * one.machines * price.usd if price else None
        day += Money(usd or 0.0, usd)
    return day


def _daily(model: "Served", teams: "Iterable[TeamPrices]") -> "Money":
    """What a day of hosting costs: by a price list that has the model, else the catalogue's."""
    from jobs.money.price import NOTHING, Money, of_catalogue

    if not model.is_tuned:
        return NOTHING  # a base model is billed by the token alone
    written = (team.price(model.base_model, "hosting_per_hour") for team in teams)
    if price := next(filter(None, written), None):
        return Money(24 * price.usd, 24 * price.usd)
    return of_catalogue(model.base_model, "hosting", is_tuned=True).times(24, 24, per=1)
