"""Every recorded command of the covered verbs, replayed: same exit, plan, calls and checkpoint."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
import copy
import json
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from minipulumi.passphrase import Passphrase
from tests.integration.minipulumi.conftest import DATA, Outcome, World
from tests.integration.minipulumi.replay import (
    Recording,
    calls_of,
    compare_calls,
    compare_events,
    compare_json,
    compare_states,
    load,
    needs_of,
    phases,
)  # fmt: skip

FOLDER = DATA / "recordings"
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-03"
PROJECT = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/proj-chat-03"


def drift(world: World) -> None:
    """What the recorder did before 053 and 059: a tag changed and the project deleted."""
    store = world.store
    for part in ("inputs", "outputs"):
        store[GROUP][part]["tags"] = {"owner": "somebody"}
    store.pop(PROJECT, None)
    world.store = store


@dataclass(frozen=True)
class Chain:
    """Consecutive recordings of one stack, and the recording whose checkpoint they start from."""

    name: str
    numbers: str
    start: str = ""
    config: str = ""  # the recording whose settings file is in place at the start
    before: dict[str, Callable[[World], object]] = field(default_factory=dict)


def settings(number: str, **change: str | None) -> Callable[[World], None]:
    """Settings as a recording has them, with some values changed or taken away."""

    def write(world: World) -> None:
        recording = load(FOLDER, number)
        write_settings(world, stack_of(recording), recording)
        for key, value in change.items():
            key = key.replace("azure_native__", "azure-native:")
            words = ["rm", key] if value is None else ["set", key, value]
            assert world.run(["config", *words, "-s", stack_of(recording)]).code == 0

    return write


def up(world: World) -> None:
    """An update that wasn't recorded."""
    file = next(world.project.glob("Pulumi.*.yaml"))
    assert world.run(["up", "--yes", "--skip-preview", "-s", file.name.split(".")[1]]).code == 0


def up_before(number: str, **change: str | None) -> Callable[[World], None]:
    """An update with earlier settings, which wasn't recorded."""

    def run(world: World) -> None:
        settings(number, **change)(world)
        up(world)

    return run


def nine_seconds_later(world: World) -> None:
    """`stack ls` was recorded nine seconds after an update."""
    history = world.root / "state" / ".pulumi" / "history" / "golden" / "dev"
    for file in history.glob("*.history.json"):
        file.write_text(json.dumps({**json.loads(file.read_text()), "endTime": time.time() - 9}))


def two_projects(world: World) -> None:
    """The state before 103: one project more, another owner."""
    settings("103", owner="platform")(world)
    file = world.project / "Pulumi.last.yaml"
    file.write_text(file.read_text().replace("    - chat\n", "    - chat\n    - code\n"))
    up(world)


def unprotected(world: World) -> None:
    """In place of 073, `state unprotect`, which isn't covered: the program takes the mark off."""
    settings("070", protect=None)(world)
    up(world)
    settings("070")(world)


def with_dependents(world: World) -> None:
    """In place of 062, `--target-dependents`, which isn't covered: they are named."""
    names = ("group", "account", "vault", "api-key", "hub", "project-chat", "developer")
    urns = [e["urn"] for e in world.state("dev")["resources"] if e["urn"].split("::")[3] in names]
    targets = [word for urn in urns for word in ("--target", urn)]
    assert world.run(["up", "--yes", "--skip-preview", *targets, "-s", "dev"]).code == 0


CHAINS = [
    Chain("settings", "001 002 003 004 006 007 008"),
    Chain("outputs", "021 022 023 024 025 026", start="017", config="005"),
    Chain("export", "066", start="065", config="061"),
    Chain(
        "first", "012 013 014 015 016 017 018 019 027 028 030 031 032 033 034", config="005",
        before={"027": nine_seconds_later},
    ),
    Chain("changes", "035 036 040 041 042 043", start="034", config="034"),
    Chain("replaced", "044 045 047 048", start="043", config="043"),
    Chain(
        "provider-config", "049 050", config="049",
        before={
            "049": up_before("049", azure_native__location=None, azure_native__clientSecret=None)
        },
    ),
    Chain(
        "refresh", "051 052 053 054 055 056 057 058", start="051",
        before={"051": settings("061", owner="platform"), "053": drift},
    ),
    Chain(
        "targets", "059 060 061 063 064 065", start="051",
        before={
            "059": lambda world: (settings("061", owner="platform")(world), drift(world)),
            "063": with_dependents,
        },
    ),
    Chain(
        "protect", "070 071 072 074 075 076 077 078 079", start="065", config="061",
        before={"074": unprotected},
    ),
    Chain("fail", "080 081 082", config="080"),
    Chain("fail-deletes", "084 085 086 087", start="083"),
    Chain("half", "088 089 090 091 092 093 094 095 096 097 098 099 100 101 102", config="088"),
    Chain(
        "last", "103 104", config="103",
        before={"103": two_projects},
    ),
    Chain("alias", "110 111", config="110"),
    Chain("serial", "162 163 164 165", config="162"),
    Chain("processes", "160", config="160"),
    Chain("invoke", "166", config="166"),
]  # fmt: skip

# Where minipulumi means to differ; docs/minipulumi.md says why.
DIFFERENT_CALLS = {
    "065": "a destroy that is refused asks no provider first",
    "090": "what doesn't depend on a failed check is done",
    "091": "what doesn't depend on a failed check is planned",
    "092": "what doesn't depend on a failed check is planned",
    "104": "a run that is refused asks no provider first",
}
DIFFERENT_PRINT = {
    "092": "more is planned, and the program isn't interrupted with a traceback",
    "102": "it also says how to make the stack that isn't there",
}
DIFFERENT_STATE = {
    "103": "a component keeps its outputs when the run fails",
}
DIFFERENT_COUNTS = {
    "090": "more is unchanged",
    "091": "more is unchanged",
    "104": "what --target left out isn't counted",
}

IDS = [chain.name for chain in CHAINS]


@pytest.mark.parametrize("chain", CHAINS, ids=IDS)
def test_recorded_commands_replay_alike(
    chain: Chain, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = stack_of(load(FOLDER, chain.numbers[:3]))
    if chain.config:
        write_settings(world, stack, load(FOLDER, chain.config))
    if chain.start:
        begin_at(world, stack, load(FOLDER, chain.start))
    elif not chain.numbers.startswith("001"):
        world.run(["stack", "init", stack])
    problems: list[str] = []
    for number in chain.numbers.split():
        recording = load(FOLDER, number)
        if number in chain.before:
            chain.before[number](world)
        problems += [
            f"{recording['name']}: {p}" for p in replay(world, stack, recording, monkeypatch)
        ]
    assert not problems, "\n".join(problems)


# Recorded commands of verbs and flags that aren't covered, and how each is named.
REFUSED = {
    "005": "'--path' of `pulumi config set`",
    "009": "'pulumi config'",
    "010": "'pulumi config'",
    "011": "'pulumi config'",
    "020": "'pulumi stack'",
    "029": "'pulumi stack history'",
    "046": "'--replace' of `pulumi up`",
    "062": "'--target-dependents' of `pulumi up`",
    "067": "'--show-secrets' of `pulumi stack export`",
    "073": "'pulumi state unprotect'",
    "083": "'--continue-on-error' of `pulumi up`",
    "135": "'--clear-pending-creates' of `pulumi refresh`",
    "161": "'pulumi config'",
    "171": "'pulumi import azure-native:machinelearningservices:Workspace'",
    "173": "'--import-pending-creates' of `pulumi refresh`",
}


@pytest.mark.parametrize("number", REFUSED)
def test_recorded_commands_that_are_not_covered_are_refused_by_name(
    number: str, world: World
) -> None:
    command = load(FOLDER, number)["command"]
    outcome = world.run(shlex.split(command)[1:])
    assert (outcome.code, outcome.out, outcome.calls) == (2, [], [])
    assert len(outcome.err) == 1
    assert outcome.err[0].startswith(f"error: minipulumi doesn't cover {REFUSED[number]}")


@pytest.mark.parametrize("number", ["167", "168"])
def test_reading_a_resource_is_refused_before_anything_is_changed(
    number: str, world: World
) -> None:
    recording = load(FOLDER, number)
    write_settings(world, "read", recording)
    assert world.run("stack init read").code == 0
    before = world.state_file("read").read_bytes()
    outcome = world.run(shlex.split(recording["command"])[1:])
    assert outcome.code == 2
    assert outcome.err[-1].startswith("error: minipulumi doesn't cover ReadResource ('existing')")
    assert {call["method"] for call in outcome.calls}.isdisjoint({"Check", "Create"})
    assert world.state_file("read").read_bytes() == before


def test_an_exported_stack_is_imported_again_and_a_broken_one_is_refused(world: World) -> None:
    write_settings(world, "dev", load(FOLDER, "061"))
    begin_at(world, "dev", load(FOLDER, "065"))
    before = world.state("dev")
    file = world.root / "exported.json"
    assert world.run(f"stack export --file {file} -s dev").code == 0
    assert world.run(f"stack import --file {file} -s dev").out == load(FOLDER, "068")["stdout"]
    assert "s3cr3t" not in world.state_file("dev").read_text()
    assert compare_states(before, world.state("dev"), cipher_of(before)) == []
    exported = json.loads(file.read_text())
    entries = exported["deployment"]["resources"]
    exported["deployment"]["resources"] = [e for e in entries if not e["urn"].endswith("::group")]
    file.write_text(json.dumps(exported))
    broken = load(FOLDER, "069")
    outcome = world.run(f"stack import --file {file} -s dev")
    assert (outcome.code, outcome.err) == (broken["exit_code"], broken["stderr"])
    assert world.run(f"stack import --force --file {file} -s dev").code == 0
    assert len(world.state("dev")["resources"]) == len(entries) - 1


def test_a_stack_is_removed_by_force_with_its_settings(world: World) -> None:
    write_settings(world, "two", load(FOLDER, "140"))
    assert world.run("stack init two").code == 0
    recording = load(FOLDER, "150")
    assert world.run(shlex.split(recording["command"])[1:]).out == recording["stdout"]
    assert not (world.project / "Pulumi.two.yaml").exists()
    assert not world.state_file("two").exists()


def replay(
    world: World, stack: str, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    write_settings(world, stack, recording)
    world.faults.clear()
    world.faults.update(named_faults(recording))
    before = world.state(stack) if world.state_file(stack).exists() else {}
    with monkeypatch.context() as patch:
        for name, value in (recording.get("environment") or {}).items():
            if name == "PULUMI_CONFIG_PASSPHRASE_FILE":
                value = str(world.root / "passphrase.txt")
                (world.root / "passphrase.txt").write_text("golden\n")
            patch.setenv(name, value) if value else patch.delenv(name)
        outcome = world.run(shlex.split(recording["command"])[1:])
    after = world.state(stack) if world.state_file(stack).exists() else {}
    problems: list[str] = []
    if outcome.code != recording["exit_code"]:
        problems.append(
            f"exit {outcome.code}, not {recording['exit_code']}: {outcome.err} {outcome.out[-30:]}"
        )
    problems += compare_printed(recording, outcome, cipher_of(after) if after else None)
    needs = needs_of(before)
    for name, above in needs_of(after).items():
        needs.setdefault(name, set()).update(above)
    if recording["name"][:3] not in DIFFERENT_CALLS:
        recorded = recording.get("provider_calls") or []
        problems += compare_calls(recorded, calls_of(outcome.calls), needs)
    if recording["state"] and recording["name"][:3] not in DIFFERENT_STATE:
        problems += compare_states(
            recording["state"]["checkpoint"]["latest"], after, cipher_of(after)
        )
    return problems


def compare_printed(recording: Recording, outcome: Outcome, cipher: Passphrase | None) -> list[str]:
    """Compares stdout in the shape that the command gives it, and stderr."""
    problems: list[str] = []
    if recording["name"][:3] in DIFFERENT_PRINT:
        return []
    theirs, mine = (shown(lines) for lines in (recording.get("stderr") or [], outcome.err))
    if theirs != mine:
        problems.append(f"stderr {mine} instead of {theirs}")
    if "--json" in recording["command"] and recording["command"].startswith("pulumi up"):
        events = (FOLDER / "047-up-json.stdout.jsonl").read_text().splitlines()
        preview = "--skip-preview" not in recording["command"]
        if preview:  # 048: the preview's document first; its events weren't kept
            return [] if outcome.text.startswith("{\n") else ["no preview"]
        problems += compare_events(events, outcome.out)
    elif "stdout_json" in recording:
        printed = json.loads(outcome.text)
        problems += compare_json(recording["stdout_json"], printed, cipher)
    elif "--diff" in recording["command"]:
        lines = (sorted(map(str.strip, side)) for side in (recording["stdout"], outcome.out))
        theirs, mine = (shown(side) for side in lines)
        problems += [f"{mine} instead of {theirs}"] if theirs != mine else []
    elif phases(recording["stdout"]):
        problems += compare_output(recording, outcome.out)
    elif shown(recording["stdout"]) != shown(outcome.out):
        problems.append(f"{outcome.out} instead of {recording['stdout']}")
    return problems


def shown(lines: list[str]) -> list[str]:
    """Lines without what differs from run to run."""
    varies = (
        r"Duration: \d+s|default_3_29_0::[-0-9a-f]{36}|file://.*/\.pulumi/"
        r"|pid \S+|at \S+Z"
    )
    return [re.sub(varies, "…", line) for line in lines]


def named_faults(recording: Recording) -> dict[str, Any]:
    """The recording's faults, with "the third create" said as the resource that it hit."""
    faults = dict(recording.get("faults") or {})
    for verb in ("create", "update", "delete"):
        if nth := faults.pop(f"fail_{verb}", None):
            failed = [c for c in recording["provider_calls"] if c.startswith(f"{verb} fails ")]
            faults[f"fail_{verb}_of"] = [call.split("::")[-1] for call in failed]
            said = f'"{verb} number {nth[0]} was told to fail"'
            faults["message"] = f'Status=409 Code="Conflict" Message={said}'
    return faults


def compare_output(recording: Recording, lines: list[str]) -> list[str]:
    problems: list[str] = []
    theirs, mine = phases(recording["stdout"]), phases(lines)
    if [p.title for p in theirs] != [p.title for p in mine]:
        return [f"phases {[p.title for p in mine]}"]
    for one, other in zip(theirs, mine, strict=True):
        if one.rows != other.rows:
            problems.append(
                f"{one.title} lacks {one.rows - other.rows}, has too {other.rows - one.rows}"
            )
        if one.counts != other.counts and recording["name"][:3] not in DIFFERENT_COUNTS:
            problems.append(f"{one.title} {other.counts} instead of {one.counts}")
        compared = recording["exit_code"] == 0 or one.title.startswith("Previewing")
        if compared and one.outputs != other.outputs:
            problems.append(f"{one.title} {other.outputs} instead of {one.outputs}")
        if one.errors != other.errors:
            problems.append(f"{one.title} {other.errors} instead of {one.errors}")
    return problems


def stack_of(recording: Recording) -> str:
    words = shlex.split(recording["command"])
    return words[words.index("-s") + 1] if "-s" in words else words[3]


def write_settings(world: World, stack: str, recording: Recording) -> None:
    if lines := recording.get(f"Pulumi.{stack}.yaml"):
        (world.project / f"Pulumi.{stack}.yaml").write_text("\n".join(lines) + "\n")


def cipher_of(latest: dict[str, Any]) -> Passphrase:
    return Passphrase(latest["secrets_providers"]["state"]["salt"])


def begin_at(world: World, stack: str, recording: Recording) -> None:
    """Puts a recorded checkpoint in place, and in the provider's store what it says exists."""
    file = world.state_file(stack)
    file.parent.mkdir(parents=True)
    (file.parents[2] / "meta.yaml").write_text("version: 1\n")
    file.write_text(json.dumps(recording["state"]))
    latest = recording["state"]["checkpoint"]["latest"]
    cipher, store = cipher_of(latest), {}
    for entry in latest.get("resources") or []:
        if entry["type"].startswith("azure-native:"):
            sides = {key: bare(cipher.open(entry.get(key) or {})) for key in ("inputs", "outputs")}
            store[entry["id"]] = {"type": entry["type"], **copy.deepcopy(sides)}
    world.store = store
    assert world.run(["stack", "select", stack]).code == 0


def bare(value: Any) -> Any:
    from minipulumi.values import plain

    return plain(value)
