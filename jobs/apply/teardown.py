"""Taking down what a spec made, in the order that Azure allows: endpoint, then model, then data.

Found by tags and by job, never by guess. Run again after anything: what is gone is skipped. It
ends by looking whether anything that costs money is left.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from jobs.errors import ConflictError, PreflightError, RemoteError
from jobs.foundry import data, endpoints, jobs, models, online, pointers
from jobs.foundry.data import DataAsset
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.jobs import Job
from jobs.foundry.models import ModelVersion
from jobs.foundry.online import Managed
from jobs.foundry.pointers import Pointer
from jobs.foundry.session import Session
from jobs.look import inventory
from jobs.look.inventory import Inventory
from jobs.revision import TAG_SPEC

Kind = Literal["endpoint", "finetuning", "command", "model", "data"]
Versioned = TypeVar("Versioned", ModelVersion, DataAsset)
KINDS: tuple[Kind, ...] = ("endpoint", "finetuning", "command", "model", "data")
"""What can be taken down, in the order that Azure allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teardown:
    """Everything that would go."""

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    """The kinds that are to go."""
    unknown: tuple[str, ...]
    """Names of which nothing was ever made here."""
    pointers: tuple[Pointer, ...]
    """The names themselves: they go first, so that nobody follows one to nothing."""
    endpoints: tuple[Endpoint, ...]
    foreign: tuple[Endpoint, ...]
    """Endpoints with such a name that nothing shows to be foundry-tune's; they stay."""
    running: tuple[Job, ...]
    models: tuple[ModelVersion, ...]
    data: tuple[DataAsset, ...]
    followed: tuple[tuple[Pointer, Endpoint], ...]
    """Names that would lead nowhere afterwards, since they stay and what they follow goes."""
    served_elsewhere: tuple[tuple[ModelVersion, Endpoint], ...]
    """Models that an endpoint serves which isn't going: Azure refuses to delete these."""
    onlines: tuple[Managed, ...] = ()
    """Managed online endpoints, with all that is deployed behind them."""
    deployed_elsewhere: tuple[tuple[ModelVersion, Managed], ...] = ()
    """Models that such an endpoint serves which isn't going."""
    foreign_onlines: tuple[Managed, ...] = ()
    """Managed online endpoints with such a name that somebody else made; they stay."""
    foreign_too: bool = False
    """Whether what somebody else made goes as well: endpoints, and deployments of ours."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take down."""
        return not (
            self.pointers
            or self.endpoints
            or self.onlines
            or self.running
            or self.models
            or self.data
        )


def look(
    session: Session,
    names: Sequence[str],
    kinds: Sequence[Kind] = KINDS,
    *,
    foreign_too: bool = False,
) -> Teardown:
    """What the names have, of the kinds that are to go.

    `foreign_too`: an endpoint of such a name goes even if nothing shows it to be foundry-tune's.
    """
    found = inventory.look(session, names)
    holdings = [found.of(name) for name in names]
    foreign = tuple(h.foreign for h in holdings if h.foreign)
    going = tuple(e for h in holdings for e in h.endpoints if "endpoint" in kinds)
    foreign_onlines = tuple(h.foreign_online for h in holdings if h.foreign_online)
    onlines = tuple(h.online for h in holdings if h.online and "endpoint" in kinds)
    if foreign_too and "endpoint" in kinds:
        going, foreign = (*going, *foreign), ()
        onlines, foreign_onlines = (*onlines, *foreign_onlines), ()
    versions = tuple(m for h in holdings for m in h.models if "model" in kinds)
    assets = inventory.data_of(session, names)
    having = {h.name for h in holdings if not h.is_empty or h.foreign or h.foreign_online} | {
        asset.tags[TAG_SPEC] for asset in assets
    }
    return Teardown(
        names=tuple(names),
        kinds=tuple(kinds),
        unknown=tuple(name for name in names if name not in having),
        pointers=tuple(h.pointer for h in holdings if h.pointer and "endpoint" in kinds),
        endpoints=going,
        foreign=foreign,
        running=tuple(j for h in holdings for j in h.jobs if not j.is_finished and j.kind in kinds),
        models=versions,
        data=tuple(asset for asset in assets if not asset.archived and "data" in kinds),
        followed=tuple(
            (pointer, endpoint)
            for pointer in found.pointers
            for endpoint in going
            if pointer.is_ours and pointer.endpoint == endpoint.name and pointer.name not in names
        ),
        served_elsewhere=_served_elsewhere(found, versions, going),
        onlines=onlines,
        foreign_onlines=foreign_onlines,
        foreign_too=foreign_too,
        deployed_elsewhere=tuple(
            (model, managed)
            for model in versions
            for managed in found.onlines
            if model.label in managed.models and not (managed.name in names and "endpoint" in kinds)
        ),
    )


def require_known(teardown: Teardown) -> None:
    """Refuse a name of which nothing was ever made: a typo must not pass for "nothing is left".

    Raises:
        PreflightError: There is such a name.
    """
    for name in teardown.unknown:
        raise PreflightError(
            f"Nothing was ever made for '{name}' in this project, so nothing was taken down.",
            next_step="foundry-tune status lists what there is.",
        )


def refuse_foreign(teardown: Teardown) -> None:
    """Say what is to be done about an endpoint that nothing shows to be foundry-tune's.

    Raises:
        PreflightError: There is one with a name that is to go.
    """
    for managed in teardown.foreign_onlines:
        raise PreflightError(
            f"Online endpoint '{managed.name}' is there, and foundry-tune didn't make it: it has "
            "none of its tags. Its machines are billed by the hour.",
            next_step=f"If it is to go: foundry-tune down {managed.name} --foreign",
        )
    for managed in () if teardown.foreign_too else teardown.onlines:
        strange = [one.name for one in managed.deployments if not one.is_ours]
        if strange:
            raise PreflightError(
                f"Endpoint '{managed.name}' has a deployment that foundry-tune didn't make: "
                f"{', '.join(strange)}. It would go too, so nothing was deleted.",
                next_step=f"If it is to go too: foundry-tune down {managed.name} --foreign",
            )
    for endpoint in teardown.foreign:
        raise PreflightError(
            f"Endpoint '{endpoint.name}' is there, and billed by the hour, but nothing shows that "
            "foundry-tune made it: it has none of its tags and serves no model of its jobs.",
            next_step=f"If it is to go: foundry-tune down {endpoint.name} --foreign",
        )


def refuse_followed(teardown: Teardown) -> None:
    """Refuse to take away what a name leads to that isn't going itself.

    Raises:
        ConflictError: There is such a name.
    """
    for pointer, endpoint in teardown.followed:
        raise ConflictError(
            f"'{pointer.name}' follows endpoint '{endpoint.name}', so it was left.",
            next_step=f"Take all of it down: foundry-tune down {pointer.name}",
        )


def _served_elsewhere(
    found: Inventory, versions: Sequence[ModelVersion], going: Sequence[Endpoint]
) -> tuple[tuple[ModelVersion, Endpoint], ...]:
    gone = {endpoint.name for endpoint in going}
    return tuple(
        (model, endpoint)
        for model in versions
        for endpoint in found.endpoints
        if endpoint.name not in gone and endpoints.serves(endpoint) == model.label
    )


def refuse_served_elsewhere(teardown: Teardown) -> None:
    """Azure's rule, in words, before anything is deleted.

    Raises:
        ConflictError: A model is served by an endpoint that isn't going.
    """
    for model, managed in teardown.deployed_elsewhere:
        raise ConflictError(
            f"Model '{model.label}' is deployed to endpoint '{managed.name}', which would not "
            "start again without it.",
            next_step=f"Take that down first: foundry-tune down {managed.name} --only endpoint",
        )
    if not teardown.served_elsewhere:
        return
    lines = [
        f"Model '{model.label}' can't be deleted while endpoint '{endpoint.name}' serves it."
        for model, endpoint in teardown.served_elsewhere
    ]
    first = teardown.served_elsewhere[0][1]
    foreign = "" if TAG_SPEC in first.tags else " --foreign"
    raise ConflictError(
        "\n".join(lines),
        next_step="Delete the endpoint first: "
        f"foundry-tune down {first.tags.get(TAG_SPEC, first.name)} --only endpoint{foreign}",
    )


def take_down(session: Session, teardown: Teardown, say: Callable[[str, str, str], None]) -> None:
    """Delete it all, in Azure's order; `say` hears of every step that is done."""
    for pointer in teardown.pointers:
        pointers.delete(session, pointer)
        say("connection", pointer.name, "deleted")
    for endpoint in teardown.endpoints:
        endpoints.delete(session, endpoint)
        say("endpoint", endpoint.name, "deleted")
    for managed in teardown.onlines:
        _undeploy(session, managed, say)
    for job in teardown.running:
        jobs.cancel(session, job.name)
        say(job.kind, job.name, "canceled")
    # Much is found by lists, which may have been stale: what only a second look sees goes too.
    second = look(session, teardown.names, teardown.kinds)
    for endpoint in second.endpoints:
        endpoints.delete(session, endpoint)
        say("endpoint", endpoint.name, "deleted")
    for managed in second.onlines:
        _undeploy(session, managed, say)
    for model in _either(teardown.models, second.models):
        try:
            models.delete(session, model)
        except ConflictError as error:
            raise ConflictError(
                f"Model '{model.label}' can't be deleted while an endpoint serves it.",
                next_step="foundry-tune status shows which; take that endpoint down first.",
            ) from error
        say("model", model.label, "deleted")
    assets = _either(teardown.data, second.data)
    for asset in assets:
        data.archive(session, asset)
    if assets:
        count = len(assets)
        say("data", f"{count} version{'s' if count > 1 else ''}", "archived")


def _undeploy(session: Session, managed: Managed, say: Callable[[str, str, str], None]) -> None:
    """A managed online endpoint: nobody is sent to it any more, its machines go, then its name."""
    endpoint = managed.endpoint
    if endpoint.traffic:
        endpoint = online.move_traffic(session, endpoint, {})
    for deployment in managed.deployments:
        if online.undeploy(session, deployment):
            say("deployment", f"{managed.name}/{deployment.name}", "deleted")
    online.delete(session, endpoint)
    say("endpoint", managed.name, "deleted")


def _either(first: Sequence[Versioned], second: Sequence[Versioned]) -> list[Versioned]:
    """What one look or the other saw, each version once."""
    return list({(one.name, one.version): one for one in (*first, *second)}.values())


def require_nothing_billable(
    session: Session, names: Sequence[str], kinds: Sequence[Kind] = KINDS
) -> None:
    """Look once more, at what is there and not at what was done.

    Raises:
        RemoteError: Something of these kinds that costs money is left.
    """
    found = inventory.look(session, names)
    holdings = [found.of(name) for name in names]
    left: list[str] = []
    if "endpoint" in kinds:
        served = [e for h in holdings for e in (*h.endpoints, h.foreign)]
        left += [f"endpoint '{endpoint.name}'" for endpoint in served if endpoint]
        left += [f"endpoint '{h.name}'" for h in holdings if h.online or h.foreign_online]
    left += [
        f"job '{job.name}' ({job.status})"
        for h in holdings
        for job in h.jobs
        if job.kind in kinds and not job.is_finished and job.status not in jobs.STOPPING
    ]
    if left:
        raise RemoteError(
            f"Still there, and costing money: {', '.join(left)}.",
            next_step="Run the same command again.",
        )
