"""Compares what minipulumi did with what the real engine did, after taking off what varies."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from minipulumi.passphrase import Passphrase
from minipulumi.resources import Resource
from minipulumi.values import is_secret, plain

Recording = dict[str, Any]
TITLE = re.compile(
    r"^(Previewing (?:update|destroy|refresh)|Updating|Destroying|Refreshing) \(\w+\):$"
)
ROW = re.compile(r"^ (  |\+ |~ |- |\+-|\+\+|--) (\S+:\S*:\S+) (\S+) (.*)$")
DONE = re.compile(
    r"^(created? replacement|deleted? original|(?:create|update|delete|replace)d?"
    r"|\*\*\w+ failed\*\*)(?: \([\d.]+m?s\))? ?(\[diff: [^\]]*\])?(?:;.*|error:.*)?$"
)
VARIES = {"created", "modified", "stackTrace", "id"}


@dataclass(frozen=True)
class Phase:
    """What one phase printed."""

    title: str
    rows: set[tuple[str, ...]]
    outputs: list[str]
    counts: list[str]
    errors: set[str]


def phases(lines: list[str]) -> list[Phase]:
    """Splits plain output into its phases."""
    found: list[list[str]] = []
    for line in lines:
        if TITLE.match(line):
            found.append([])
        if found:
            found[-1].append(line)
    return [_phase(part) for part in found]


def _phase(lines: list[str]) -> Phase:
    rows: set[tuple[str, ...]] = set()
    sections: dict[str, list[str]] = {"Outputs:": [], "Resources:": [], "Diagnostics:": []}
    section = ""
    for line in lines[1:]:
        if line in sections:
            section = line
        elif section and section != "Diagnostics:" and not line.startswith("  "):
            section = ""
        if section and line != section:
            sections[section].append(line)
            continue
        if not section and (match := ROW.match(line)):
            symbol, type_, name, what = match.groups()
            done = DONE.match(what)
            if not type_.startswith(("azure-native:", "pulumi-python:")) or not done:
                continue
            rows.add((symbol.strip(), type_, name, done[1], done[2] or ""))
    errors = {line.strip() for line in sections["Diagnostics:"] if line.startswith("    error: ")}
    return Phase(lines[0], rows, sections["Outputs:"], sections["Resources:"], errors)


def calls_of(log: list[dict[str, Any]]) -> list[str]:
    """The stand-in's log in the words of the recordings."""
    found: list[str] = []
    for entry in log:
        request = entry["request"]
        urn = entry.get("urn") or request.get("urn", "")
        words = [entry["method"]]
        if urn:
            words.append("::".join(urn.split("::")[2:]))
        if entry["method"] == "Invoke":
            words[1:] = [request["tok"]]
        if request.get("preview") and entry["method"] != "Invoke":
            words.append("preview")
        if (id_ := request.get("id")) and not entry["method"].startswith("Configure"):
            words.append(f"id=…/{id_.rsplit('/', 1)[-1]}")
        found.append(" ".join(words))
    return found


def compare_calls(recorded: list[str], ours: list[str], needs: dict[str, set[str]]) -> list[str]:
    """Compares calls up to the order of resources that don't depend on each other."""
    theirs, mine = _by_resource(recorded), _by_resource(ours)
    differ = [
        f"calls for {name or 'the plugin'}: {mine.get(name)} instead of {theirs.get(name)}"
        for name in theirs.keys() | mine.keys()
        if [c for _, c in theirs.get(name, [])] != [c for _, c in mine.get(name, [])]
    ]
    return differ or [
        f"order of calls between {name} and {other}"
        for name, above in needs.items()
        for other in above & theirs.keys()
        if name in theirs and _order(theirs, name, other) != _order(mine, name, other)
    ]


def _by_resource(calls: list[str]) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = {}
    for position, call in enumerate(calls):
        words = call.split(" ")
        name = words[1] if len(words) > 1 and "::" in words[1] else ""
        if name.startswith("pulumi:providers:"):
            name = ""
        found.setdefault(name, []).append((position, call))
    return found


def _order(calls: dict[str, list[tuple[int, str]]], one: str, other: str) -> list[str]:
    """The calls of two resources that wait for each other.

    A Diff may be a trial in another resource's turn, and a refresh reads everything at once.
    """
    both = sorted([*calls[one], *calls[other]])
    return [call for _, call in both if not call.startswith(("Diff ", "Read "))]


def needs_of(latest: dict[str, Any]) -> dict[str, set[str]]:
    """For each resource everything that it depends on, directly or not; stack names left out."""
    found: dict[str, set[str]] = {}
    for entry in latest.get("resources") or []:
        resource = Resource.from_json(entry, None)
        name = "::".join(resource.urn.split("::")[2:])
        above = {"::".join(urn.split("::")[2:]) for urn in resource.needs}
        found.setdefault(name, set()).update(above, *(found.get(a, set()) for a in above))
    return found


def compare_states(recorded: dict[str, Any], ours: dict[str, Any], cipher: Passphrase) -> list[str]:
    """Compares two `checkpoint.latest` field by field; ours may keep more secrets secret."""
    problems: list[str] = []
    theirs, mine = _entries(recorded, cipher), _entries(ours, cipher)
    for key in theirs.keys() ^ mine.keys():
        problems += [f"{'lacks' if key in theirs else 'has too'}: {key}"]
    for key in theirs.keys() & mine.keys():
        problems += [f"{key[0].split('::')[-1]}.{p}" for p in _differences(theirs[key], mine[key])]
    operations = [
        sorted((op["type"], op["resource"]["urn"]) for op in side.get("pending_operations") or [])
        for side in (recorded, ours)
    ]
    if operations[0] != operations[1]:
        problems.append(f"pending operations {operations[1]} instead of {operations[0]}")
    for key in recorded.keys() - ours.keys() - {"pending_operations"}:
        problems.append(f"no '{key}'")
    return problems


def _entries(latest: dict[str, Any], cipher: Passphrase) -> dict[tuple[str, bool], dict[str, Any]]:
    entries = latest.get("resources") or []
    ids = {f"{e['urn']}::{e['id']}": e["urn"] for e in entries if ":providers:" in e["urn"]}
    found: dict[tuple[str, bool], dict[str, Any]] = {}
    for entry in entries:
        made = {
            **entry,
            "inputs": cipher.open(entry.get("inputs")),
            "outputs": cipher.open(entry.get("outputs")),
        }
        if ":providers:" not in entry["urn"]:
            made["idText"] = entry.get("id")
        made["provider"] = ids.get(entry.get("provider", ""), entry.get("provider"))
        made["dependencies"] = sorted(entry.get("dependencies") or [])
        if ".venv" in entry.get("sourcePosition", ""):  # the SDK lay inside of the project there
            del made["sourcePosition"]
        found[entry["urn"], bool(entry.get("delete"))] = made
    return found


def _differences(theirs: dict[str, Any], mine: dict[str, Any]) -> list[str]:
    problems: list[str] = []
    for key in (theirs.keys() | mine.keys()) - VARIES:
        one, other = theirs.get(key), mine.get(key)
        if plain(one) != plain(other):
            problems.append(f"{key}: {plain(other)} instead of {plain(one)}")
        if not _at_least_as_secret(other, one):
            problems.append(f"{key}: something secret is in clear")
    problems += [
        f"no '{key}'" for key in ("created", "modified") if key in theirs and key not in mine
    ]
    return problems


def _at_least_as_secret(ours: Any, theirs: Any) -> bool:
    if is_secret(ours):
        return True
    if is_secret(theirs):
        return False
    if isinstance(theirs, dict) and isinstance(ours, dict):
        mine, real = cast("dict[str, Any]", ours), cast("dict[str, Any]", theirs)
        return all(_at_least_as_secret(mine.get(key), value) for key, value in real.items())
    return True


def compare_json(recorded: Any, ours: Any, cipher: Passphrase | None) -> list[str]:
    """Compares JSON output: a deployment as a state, anything else value by value."""
    if isinstance(recorded, dict) and "deployment" in recorded and cipher:
        return compare_states(recorded["deployment"], ours["deployment"], cipher)
    theirs, mine = _stripped(recorded), _stripped(ours)
    if theirs == mine:
        return []
    if not (isinstance(theirs, dict) and isinstance(mine, dict)):
        return [f"{mine} instead of {theirs}"]
    return [
        f"{key}: {mine.get(key)} instead of {theirs.get(key)}"
        for key in theirs.keys() | mine.keys()
        if theirs.get(key) != mine.get(key)
    ]


def compare_events(recorded: list[str], ours: list[str]) -> list[str]:
    """Compares `up --json`: the same events, up to order, times and the SDK's debug messages."""

    def told(lines: list[str]) -> list[str]:
        found: list[str] = []
        for line in lines:
            event = json.loads(line)
            kind = next(key for key in event if key.endswith("Event"))
            body = event[kind]
            if body.get("severity") == "debug" or (kind, body.get("metadata", {}).get("type")) == (
                "resOutputsEvent", "pulumi:pulumi:Stack",
            ):  # fmt: skip
                continue
            body.pop("durationSeconds", None)
            metadata = body.pop("metadata", None)
            keys = ("op", "urn", "type", "detailedDiff", "diffs", "logical")
            if metadata and (
                ":providers:" in metadata["urn"] or "index:Foundry" in metadata["type"]
            ):
                continue
            body |= {key: (metadata or {}).get(key) for key in keys}
            found.append(json.dumps([kind, body], sort_keys=True))
        return sorted(found)

    theirs, mine = told(recorded), told(ours)
    lacks, more = [e for e in theirs if e not in mine], [e for e in mine if e not in theirs]
    return [f"events lack {lacks}, have too {more}"] if lacks or more else []


def _stripped(value: Any) -> Any:
    """A preview's or a list's JSON without times, ids and the order of what is unordered."""
    if isinstance(value, dict):
        drop = {"created", "modified", "sourcePosition", "stackTrace", "duration", "lastUpdate"}
        made = {key: _stripped(item) for key, item in value.items() if key not in drop}
        for key in ("dependencies", "steps", "diagnostics"):
            if isinstance(made.get(key), list):
                made[key] = sorted(made[key], key=json.dumps)
        if "provider" in made:
            made["provider"] = made["provider"].rsplit("::", 1)[0]
        return made
    return [_stripped(item) for item in value] if isinstance(value, list) else value


def load(folder: Path, number: str) -> Recording:
    """One recording, its checkpoint under `state` if it has one."""
    file = next(
        f for f in folder.glob(f"{number}-*.json") if not f.name.endswith(".checkpoint.json")
    )
    recording: Recording = json.loads(file.read_text())
    state = file.with_name(f"{file.stem}.checkpoint.json")
    recording["name"] = file.stem
    recording["state"] = json.loads(state.read_text()) if state.exists() else None
    return recording
