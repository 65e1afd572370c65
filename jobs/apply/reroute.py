"""An online endpoint's traffic led by hand: on to a deployment that is ready, or back to one kept.

Nothing is deployed. What is led to has passed what its document asked, which its tags say; it is
looked at once more before the traffic moves.
"""

from jobs.apply.switch import KEPT
from jobs.errors import ConflictError, NotFoundError, UsageError
from jobs.foundry import online
from jobs.foundry.online import Deployment, Managed, Online
from jobs.foundry.session import Session
from jobs.look import deployments, revisions
from jobs.revision import TAG_WITHDRAWN

_PREFIX = "r-"


def ready(managed: Managed, wanted: str) -> Deployment:
    """The deployment to go on to: the one that is asked for, or the only one that is ready.

    Raises:
        NotFoundError: There is none.
        UsageError: There are several, or it has the traffic already.
    """
    if wanted:
        return _named(managed, wanted)
    course = managed.endpoint.course
    idle = [one for one in deployments.idle(managed) if one.is_ready]
    waiting = [one for one in idle if one.name == course.withdrawn] or [
        one for one in idle if one.name != course.previous
    ]
    if not waiting:
        raise NotFoundError(
            f"No deployment of '{managed.name}' is ready and waits for the traffic.",
            next_step="foundry-tune apply SPEC --no-promote makes one ready.",
        )
    if len(waiting) > 1:
        names = ", ".join(one.name for one in waiting)
        raise UsageError(
            f"Several deployments of '{managed.name}' are ready: {names}.",
            next_step=f"Name one: foundry-tune promote {managed.name} {waiting[0].name}",
        )
    return waiting[0]


def is_gone(managed: Managed, wanted: str) -> bool:
    """Whether the deployment that was rolled back from is meant, and was deleted since."""
    withdrawn = managed.endpoint.course.withdrawn
    there = {one.name for one in managed.deployments}
    means_it = wanted in {"", withdrawn, withdrawn.removeprefix(_PREFIX)}
    return bool(withdrawn) and withdrawn not in there and means_it


def forgive(session: Session, managed: Managed) -> None:
    """Let an apply give the traffic again to the revision that was rolled back from."""
    online.mark(session, managed.name, {TAG_WITHDRAWN: ""})


def earlier(managed: Managed, wanted: str) -> Deployment:
    """The deployment to go back to: the one that is asked for, or the one that served before.

    Raises:
        NotFoundError: There is none, or it was deleted.
        UsageError: It has the traffic already.
    """
    previous = wanted or managed.endpoint.course.previous
    if not previous:
        raise NotFoundError(
            f"'{managed.name}' has served nothing else before, as far as is remembered.",
            next_step=f"foundry-tune history {managed.name}",
        )
    if not wanted and previous not in {one.name for one in managed.deployments}:
        raise NotFoundError(
            f"{previous}, which served '{managed.name}' before, was deleted when its successor had "
            "the traffic.",
            next_step="Apply the spec as it was then: the same content is the same deployment. "
            "keep_previous: 1h in the online_endpoint document keeps the next one.",
        )
    return _named(managed, previous)


def lead(session: Session, managed: Managed, goal: Deployment, *, back: bool) -> Online:
    """Give a deployment all of the traffic, if it and the endpoint are still as they were seen.

    The one that it leaves is kept for an hour; `back` that no apply leads to it again.

    Raises:
        ConflictError: Somebody else has changed one of them, or sends calls to what is theirs.
    """
    strange = [
        one.name
        for one in managed.deployments
        if not one.is_ours and managed.endpoint.traffic.get(one.name, 0)
    ]
    if strange:
        raise ConflictError(
            f"The traffic of '{managed.name}' goes to {', '.join(strange)}, and foundry-tune "
            "didn't make that.",
            next_step="Set its traffic to 0 first, with whatever made it.",
        )
    there = online.find_deployment(session, managed.name, goal.name)
    if there is None or there.created != goal.created or not there.is_ready:
        raise ConflictError(
            f"Deployment '{managed.name}/{goal.name}' is gone, or another one by now, so the "
            "traffic was left as it is.",
            next_step="Run the same command again: it looks at what is there now.",
        )
    return online.lead(session, managed.endpoint, goal.name, KEPT, back=back)


def _named(managed: Managed, wanted: str) -> Deployment:
    """A deployment by its name, its hash, or the start of it."""
    own = {one.name.removeprefix(_PREFIX): one for one in managed.deployments if one.is_ours}
    found = revisions.beginning(own, wanted.removeprefix(_PREFIX), managed.name)
    if managed.endpoint.traffic.get(found.name, 0) == 100:
        raise UsageError(
            f"'{managed.name}' sends its calls to {found.name} already.",
            next_step=f"foundry-tune history {managed.name} shows the others.",
        )
    if not found.is_ready:
        raise NotFoundError(
            f"Deployment '{managed.name}/{found.name}' has not passed what its document asks.",
            next_step="foundry-tune apply SPEC proves it.",
        )
    return found
