"""What moved since a plan was saved, less what doing that plan moves itself.

So a plan that was begun and killed is gone on with. What is done is always the plan made anew from
today's files and today's Azure: a saved one can refuse, and never add.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.plan.facts import LATER, Fact, Facts, PlannedStep, differences


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that isn't any more what the plan was made with."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before} → {self.after}"


def files_moved(saved: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Move]:
    """The files whose content is another; hashes by name, empty for one that can't be read."""
    for name in sorted(saved.keys() | now.keys()):
        before, after = saved.get(name, ""), now.get(name, "")
        if before != after:
            yield Move(name, before[:12] or "not read", after[:12] or "not there")


def azure_moved(saved: Facts, now: Facts, planned: Sequence[PlannedStep]) -> Iterator[Move]:
    """The things in Azure that others changed, made or deleted."""
    by_thing = {deed.about: deed for deed in planned if deed.kind != "unchanged"}
    later = _later(planned)
    worked_on = {deed.document for deed in planned if deed.kind != "unchanged"}
    for about in sorted(saved.keys() | now.keys()):
        before, after = saved.get(about), now.get(about)
        deed = by_thing.get(about)
        if before == after or (deed and _is_done_by(deed, before, after)):
            continue
        if _is_awaited(about, after, later, is_new=about not in saved):
            continue
        told = {(f, a) for f, _, a in deed.changes} if deed and deed.kind == "update" else ()
        for field, old, new in differences(before, after):
            if field == "marks" and after and after.get("spec") in worked_on:
                continue
            if (field, new) in told:
                continue
            yield Move(f"{about} {field}".strip(), old, new)


def steps_moved(planned: Sequence[PlannedStep], now: Sequence[PlannedStep]) -> Iterator[Move]:
    """What would be done now, and the saved plan doesn't say."""
    by_thing = {deed.about: deed for deed in planned}
    later = _later(planned)
    for deed in now:
        if deed.kind in {"unchanged", "blocked"}:
            continue  # what is blocked is refused in its own words
        said = by_thing.get(deed.about)
        if said is None and deed.document in later:
            continue
        if said is None or deed.kind not in _GOES_ON[said.kind]:
            yield Move(f"{deed.type} '{deed.name}'", said.kind if said else "not in it", deed.kind)
            continue
        told = {(field, after) for field, _, after in said.changes}
        for field, before, after in deed.changes:
            if said.kind == "update" and (field, after) not in told:
                yield Move(f"{deed.type} '{deed.name}' {field}", before, f"to be {after}")
            elif said.kind == "create" and field in _SETTINGS:
                yield Move(f"{deed.type} '{deed.name}' {field}", after, before)


_GOES_ON = {
    "create": {"create", "update"},
    "update": {"update"},
    "replace": {"replace", "create", "update"},
    "delete": {"delete"},
    "unchanged": set[str](),
    "blocked": set[str](),
}
"""For what a saved step does, what may be left of it after it was begun."""

_SETTINGS = {"content_safety", "auth_mode", "model"}
"""What an endpoint that this plan made has from its first instant."""


def _is_done_by(deed: PlannedStep, before: Fact | None, after: Fact | None) -> bool:
    """Whether the step itself leads from the one to the other."""
    if deed.type in {"data", "code"}:
        return after == {"standing": "active"}
    if deed.type in {"finetuning", "command", "environment", "model"}:
        # Found by the job's name or a version, which are made of what is asked for.
        return before is None and after is not None
    if deed.type == "connection":
        return after is not None and (after["endpoint"], after["spec"]) == (deed.to, deed.document)
    if deed.type == "traffic":
        return after == {"shares": deed.to} or before is None
    if deed.type not in {"endpoint", "online_endpoint", "deployment"}:
        return False
    if deed.type == "deployment" and deed.kind == "update":
        return after is not None and before is not None and after["made"] == before["made"]
    if deed.kind == "delete":
        return after is None or {f for f, _, _ in differences(before, after)} <= {"withdrawn"}
    if deed.kind == "create":
        return before is None and after is not None and after["spec"] == deed.document
    if deed.kind == "replace":
        return after is None or (
            after["spec"] == deed.document and (before is None or after["made"] != before["made"])
        )
    return False


def _later(planned: Sequence[PlannedStep]) -> set[str]:
    """The documents of which a sweep's trials decide the rest."""
    return {deed.document for deed in planned if deed.about.startswith(LATER)}


def _is_awaited(about: str, after: Fact | None, later: set[str], *, is_new: bool) -> bool:
    """Whether a thing has come of what the plan leaves to be known after a sweep's trials."""
    if after is None or not later:
        return False
    kind, _, name = about.partition("/")
    if kind == "connection":
        return name in later and after["spec"] == name
    return is_new and (kind != "endpoint" or after["spec"] in later)
