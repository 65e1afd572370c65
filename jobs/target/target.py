"""The target of a command, and of each spec that it names.

The nearest source wins, setting by setting: flags; environment variables; then what lies in the
spec's folder or above it, `.azureml/config.json` (as `az ml` and the SDK read it) before the
outputs of the Pulumi stack; then the same from the current folder, where above the spec nobody
says anything. So the files of two places never mix into a target that nobody meant.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import UsageError
from jobs.files import folders_above
from jobs.target.sources import (
    CONFIG_FILE,
    PROGRAM,
    STACK,
    Source,
    from_config_file,
    from_environment,
    from_flags,
    from_pulumi_stack,
)

_SETTINGS = ("subscription_id", "resource_group", "project")
_FLAGS = {"subscription_id": "--subscription", "resource_group": "-g", "project": "-w"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One project of one resource group, with the source of each part."""

    subscription_id: str
    resource_group: str
    project: str
    sources: Mapping[str, str]
    registered_providers: tuple[str, ...] = ()
    """The namespaces that the stack registered, where it is known."""

    def __str__(self) -> str:
        return f"project {self.project} of {self.resource_group} (from {self.origin})"

    @property
    def key(self) -> tuple[str, ...]:
        """What is equal for two that are the same place; Azure's names have no case."""
        return tuple(
            name.casefold() for name in (self.subscription_id, self.resource_group, self.project)
        )

    @property
    def origin(self) -> str:
        """Who named the project, in words for the plan's head line."""
        return self.sources["project"]


def resolve(
    *,
    subscription_id: str | None = None,
    resource_group: str | None = None,
    project: str | None = None,
    stack: str | None = None,
    specs: Sequence[str | None] = (),
) -> Target:
    """The one target of all specs; None, or no spec at all, stands for the current folder.

    Raises:
        UsageError: Nobody names one, or two specs have different ones.
    """
    flags = {
        "subscription_id": subscription_id,
        "resource_group": resource_group,
        "project": project,
    }
    first: dict[Path | None, str | None] = {}
    for spec in specs or (None,):
        # Specs below the same files have the same target, which is asked for once.
        first.setdefault(_anchor(spec), spec)
    targets = {spec: choose(list(looked_at(flags, spec, stack))) for spec in first.values()}
    _refuse_two_targets(targets)
    return next(iter(targets.values()))


def looked_at(
    flags: Mapping[str, str | None],
    spec: str | None,
    stack: str | None,
    *,
    all_of_them: bool = False,
) -> Iterator[Source]:
    """Each source in its turn, those further off only while something is open."""
    found: list[Source] = []
    for source in (from_flags(flags), from_environment(os.environ)):
        found.append(source)
        yield source
    for start in _starts(spec):
        before = len(found)
        if all_of_them or any(not _first(found, setting) for setting in _SETTINGS):
            found.append(from_config_file(start))
            yield found[-1]
        if all_of_them or stack or any(not _first(found, setting) for setting in _SETTINGS):
            found.append(from_pulumi_stack(start, stack))
            yield found[-1]
        if any(source.values for source in found[before:]):
            return


def _anchor(spec: str | None) -> Path | None:
    """The nearest folder above a spec in which anything says what the target is."""
    names = (CONFIG_FILE, PROGRAM)
    above = folders_above(_starts(spec)[0])
    return next((f for f in above if any((f / name).is_file() for name in names)), None)


def _starts(spec: str | None) -> list[Path]:
    """The folders from which the way leads up: the spec's, then the current one."""
    here = Path.cwd()
    if spec is None:
        return [here]
    folder = Path(spec).parent.resolve()
    return [folder] if here in folders_above(folder) else [folder, here]


def choose(sources: list[Source]) -> Target:
    """Merge the sources in order, and refuse a mix that spans two subscriptions."""
    chosen = {setting: _first(sources, setting) for setting in _SETTINGS}
    missing = [setting for setting, source in chosen.items() if source is None]
    if missing:
        raise _nowhere(sources, missing)
    found = {setting: source for setting, source in chosen.items() if source}
    _refuse_odd_names(found)
    _refuse_two_subscriptions(found)
    return Target(
        subscription_id=found["subscription_id"].values["subscription_id"],
        resource_group=found["resource_group"].values["resource_group"],
        project=found["project"].values["project"],
        sources={setting: source.called for setting, source in found.items()},
        registered_providers=next((s.providers for s in sources if s.providers), ()),
    )


def _nowhere(sources: list[Source], missing: list[str]) -> UsageError:
    """Everything that was looked at, and what to do: make a stack where there is a program."""
    words = " and ".join(setting.replace("_id", "").replace("_", " ") for setting in missing)
    looked = "".join(f"\n  {_said(source)}" for source in sources)
    flags = " ".join(f"{_FLAGS[setting]} …" for setting in missing)
    has_program = any(s.name == STACK and s.folder and not s.values for s in sources)
    return UsageError(
        f"No {words} to work in. Looked at:{looked}",
        next_step="Make it with `pulumi stack select --create dev && pulumi up` (offline: in a "
        "shell of `foundry-emulator run -- bash`)"
        if has_program
        else f"Name it: {flags}",
    )


def _said(source: Source) -> str:
    where = f" in {source.folder}" if source.folder else ""
    names = " and ".join(setting.replace("_id", "").replace("_", " ") for setting in source.values)
    return f"{source.name}{where}: {source.problem or f'only {names}'}"


_HERE = "the current folder"


def _refuse_two_targets(targets: Mapping[str | None, Target]) -> None:
    """A command works in one project: what is meant for another must not land in it."""
    (spec, first), *others = targets.items()
    for other, target in others:
        if target.key != first.key:
            raise UsageError(
                f"{spec or _HERE} is for {first}, and {other or _HERE} for {target}.",
                next_step="Run the command once for each, or name one target for all: "
                "--subscription … -g … -w …",
            )


def _first(sources: list[Source], setting: str) -> Source | None:
    return next((source for source in sources if source.values.get(setting)), None)


def _refuse_odd_names(chosen: Mapping[str, Source]) -> None:
    """A name becomes part of an address: what Azure wouldn't take as a name would ask elsewhere."""
    for setting, source in chosen.items():
        value = source.values[setting]
        if not _NAMES[setting].fullmatch(str(value)):  # a JSON file may hold anything
            words = setting.replace("_", " ")
            raise UsageError(
                f"{ascii(value)[:60]}, from {source.called}, is no {words}.",
                next_step=f"Name it: {_FLAGS[setting]} …",
            )


_NAMES = {
    "subscription_id": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "resource_group": re.compile(r"[\w().-]{0,89}[\w()-]"),
    "project": re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,32}"),
}
"""What Azure takes as names (resource-name-rules.md, and the workspace's own pattern)."""


def _refuse_two_subscriptions(chosen: Mapping[str, Source]) -> None:
    """A group of one subscription looked for in another is a mistake that would name no cause."""
    subscription = chosen["subscription_id"]
    wanted = subscription.values["subscription_id"]
    for setting in ("resource_group", "project"):
        source = chosen[setting]
        own = source.values.get("subscription_id")
        if own and own.casefold() != wanted.casefold():
            raise UsageError(
                f"The {setting.replace('_', ' ')} '{source.values[setting]}' comes from "
                f"{source.called}, in subscription {own}, but {subscription.called} "
                f"says subscription {wanted}.",
                next_step="Name both in one place: --subscription … -g … -w …",
            )
