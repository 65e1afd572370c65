"""The way of one registration of the program, from the goal to the resource."""

from contextlib import nullcontext

from minipulumi.deployment import Deployment, Stopped
from minipulumi.planning import Goal, Unplannable, plan
from minipulumi.plugins import ProviderError, settings_of
from minipulumi.providers import CheckFailed
from minipulumi.resources import PROVIDERS, Resource
from minipulumi.steps import perform
from minipulumi.values import Props, mark


def register(deployment: Deployment, goal: Goal) -> Resource | None:
    """Brings one resource to what the program wants; None if that failed or wasn't tried."""
    new = goal.new
    if not deployment.failed.isdisjoint(new.needs):
        deployment.failed.add(new.urn)
        deployment.news[new.urn] = None
        deployment.left.append(new.urn)
        return None
    # A resource under way may wait for its provider, so that one must not wait for a slot.
    with nullcontext() if new.is_provider else deployment.slots:
        if deployment.stopping:
            raise Stopped
        try:
            steps = plan(deployment, goal)
        except (Unplannable, CheckFailed, ProviderError) as error:
            _explain(deployment, new, error)
            return None
        if new.custom and not new.is_provider and not deployment.judge(new):
            deployment.failed.add(new.urn)
            return None
        if not all(perform(deployment, step) for step in steps):
            deployment.failed.add(new.urn)
            return None
    if not steps:
        return None
    made = steps[-1].resource
    deployment.news[made.urn] = made
    return made


def _explain(deployment: Deployment, new: Resource, error: Exception) -> None:
    deployment.failed.add(new.urn)
    if isinstance(error, CheckFailed):
        for text in error.failures:
            deployment.report(new.urn, f"{new.type} resource '{new.name}': {text}")
    else:
        deployment.forbid(new.urn, str(error))


def default_provider(deployment: Deployment, package: str, version: str) -> str:
    """Registers the package's default provider once; gives its reference."""
    suffix = f"_{version}".translate(str.maketrans(".-+", "___")) if version else ""
    name, type_ = f"default{suffix}", f"{PROVIDERS}{package}"
    urn = deployment.urn("", type_, name)
    with deployment.lock_of(urn):
        made = deployment.news.get(urn)
        if made is None:
            inputs = _inputs(deployment, package) | ({"version": version} if version else {})
            new = Resource(urn=urn, custom=True, type=type_, inputs=dict(sorted(inputs.items())))
            made = register(deployment, Goal(new=new))
    if made is None:
        raise ProviderError(f"the default provider of '{package}' failed")
    return f"{made.urn}::{made.id}"


def _inputs(deployment: Deployment, package: str) -> Props:
    settings = deployment.settings
    if package != "pulumi-python":  # dynamic providers see all of the stack's settings
        settings = settings_of(package, settings)
    return {key: mark(s.text) if s.secret else s.text for key, s in settings.items()}
