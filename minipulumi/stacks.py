"""`pulumi stack …`, `pulumi cancel` and `pulumi version`: verbs that need no program."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import json
import sys
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from minipulumi import checkpoint
from minipulumi.backend import Stack, open_stack
from minipulumi.checkpoint import json_text, read_latest, salt_of
from minipulumi.errors import USAGE, PulumiError, Refused
from minipulumi.passphrase import Passphrase
from minipulumi.project import select_stack, selected_stack
from minipulumi.resources import STACK, Resource, now
from minipulumi.settings import cipher_of, read_stack_file, set_salt
from minipulumi.shape import require_deployment
from minipulumi.values import Props, masked, plain


def init(arguments: Namespace) -> int:
    """`pulumi stack init`."""
    stack = _named(arguments)
    if stack.file.exists():
        full = f"organization/{stack.project.name}/{stack.name}"
        raise PulumiError(f"stack '{full}' already exists")
    make(stack)
    select_stack(stack.project, stack.name)
    return 0


def select(arguments: Namespace) -> int:
    """`pulumi stack select`."""
    stack = _named(arguments)
    if arguments.create and not stack.file.exists():
        make(stack)
    open_stack(arguments, stack.name)  # there has to be one
    select_stack(stack.project, stack.name)
    return 0


def _named(arguments: Namespace) -> Stack:
    if not (name := arguments.name or arguments.stack):
        raise PulumiError("missing stack name")
    return open_stack(arguments, name, exists=False)


def make(stack: Stack) -> None:
    """Makes an empty stack, with a salt of its own unless its settings file has one."""
    salt = read_stack_file(stack.settings_file).salt
    cipher = Passphrase(salt) if salt else Passphrase.new()
    cipher.unlock()
    if not salt:
        set_salt(stack.settings_file, cipher.state)
    _write(stack, cipher, [], [])
    sys.stderr.write(f"Created stack '{stack.name}'\n")


def _write(stack: Stack, cipher: Passphrase, entries: list[Props], pending: list[Props]) -> None:
    stack.file.parent.mkdir(parents=True, exist_ok=True)
    secrets = {"type": "passphrase", "state": {"salt": cipher.state}}
    resources, operations = (list(map(json_text, parts)) for parts in (entries, pending))
    checkpoint.replace_file(
        stack.file, checkpoint.render(stack.file, now(), secrets, resources, operations)
    )


def listing(arguments: Namespace) -> int:
    """`pulumi stack ls`."""
    here, rows = open_stack(arguments, exists=False), list[Props]()
    for name in here.siblings():
        stack = Stack(here.project, here.url, name)
        row: Props = {"name": name, "current": name == selected_stack(here.project)}
        if last := stack.last_update():
            when = datetime.fromtimestamp(last, UTC).isoformat(timespec="milliseconds")
            row["lastUpdate"] = when.replace("+00:00", "Z")
        row["resourceCount"] = len(read_latest(stack.file).get("resources") or [])
        rows.append(row)
    if arguments.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return 0
    table = [("NAME", "LAST UPDATE", "RESOURCE COUNT")]
    for row in rows:
        name = f"{row['name']}{'*' if row['current'] else ''}"
        table.append((name, _age(row.get("lastUpdate")), str(row["resourceCount"])))
    _print(table)
    return 0


def _age(stamp: str | None) -> str:
    if not stamp:
        return "n/a"
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(stamp)).total_seconds())
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if (count := seconds // size) > 0:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "now"


def _print(rows: list[tuple[str, ...]], indent: str = "") -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(f"{indent}{cells.rstrip()}\n")


def remove(arguments: Namespace) -> int:
    """`pulumi stack rm`."""
    stack = open_stack(arguments, arguments.name)
    _ask(arguments, f"remove the stack '{stack.name}'")
    if read_latest(stack.file).get("resources") and not arguments.force:
        raise PulumiError(
            f"'{stack.name}' still has resources; removal rejected. Possible actions:\n"
            f"- Make sure that '{stack.name}' is the stack that you want to destroy\n"
            "- Run `pulumi destroy` to delete the resources, then run `pulumi stack rm`\n"
            "- Run `pulumi stack rm --force` to override this error"
        )
    with stack.lock():
        stack.remove()
    if not arguments.preserve_config:
        stack.settings_file.unlink(missing_ok=True)
    if selected_stack(stack.project) == stack.name:
        select_stack(stack.project, None)
    sys.stdout.write(f"Stack '{stack.name}' has been removed!\n")
    return 0


def _ask(arguments: Namespace, what: str) -> None:
    if arguments.yes:
        return
    if not arguments.interactive:
        text = "--yes must be passed in to proceed when running in non-interactive mode"
        raise PulumiError(text, USAGE)
    if input(f"Do you want to {what}? [yes/no]: ").strip().lower() != "yes":
        raise PulumiError("confirmation declined")


def output(arguments: Namespace) -> int:
    """`pulumi stack output`."""
    stack = open_stack(arguments)
    latest = read_latest(stack.file)
    entries = [e for e in latest.get("resources") or [] if e["type"] == STACK]
    outputs = entries[-1].get("outputs") or {} if entries else {}
    if arguments.show_secrets:
        outputs = plain(cipher_of(stack).open(outputs))
    values: Props = dict(sorted(masked(outputs).items()))
    if arguments.name is not None and arguments.name not in values:
        raise PulumiError(f"current stack does not have output property '{arguments.name}'")
    shown = values if arguments.name is None else values[arguments.name]
    if arguments.json:
        sys.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False) + "\n")
    elif arguments.name is not None:
        sys.stdout.write(f"{_cell(shown)}\n")
    else:
        sys.stdout.write(f"Current stack outputs ({len(values)}):\n")
        if values:
            _print([("OUTPUT", "VALUE"), *((k, _cell(v)) for k, v in values.items())], "    ")
        else:
            sys.stdout.write("    No output values currently in this stack\n")
    return 0


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def export(arguments: Namespace) -> int:
    """`pulumi stack export`."""
    stack = open_stack(arguments)
    latest = read_latest(stack.file)
    text = json.dumps({"version": 3, "deployment": latest}, indent=4, ensure_ascii=False) + "\n"
    if arguments.file:
        Path(arguments.file).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


def load(arguments: Namespace) -> int:
    """`pulumi stack import`."""
    stack = open_stack(arguments)
    try:
        text = Path(arguments.file).read_text("utf-8") if arguments.file else sys.stdin.read()
        data = json.loads(text, object_pairs_hook=checkpoint.unique)
        require_deployment(data.get("deployment") or {} if isinstance(data, dict) else data)
    except (OSError, ValueError) as error:
        raise PulumiError(f"could not read the deployment: {error}") from error
    if data.get("version") != 3:
        raise Refused(f"a deployment of version {data.get('version')}")
    latest = checkpoint.checked(data.get("deployment") or {}, arguments.file or "the deployment")
    cipher = cipher_of(stack)
    theirs = Passphrase(salt_of(latest) or cipher.state)
    resources = [Resource.from_json(entry, theirs) for entry in latest.get("resources") or []]
    if not arguments.force and (problems := _problems(resources, stack)):
        problems.append(
            "importing this file could be dangerous; rerun with --force to proceed anyway"
        )
        numbered = "".join(f"\n    {i}) {text}" for i, text in enumerate(problems, 1))
        raise PulumiError(f"{len(problems)} errors occurred:{numbered}")
    entries = [resource.to_json(cipher) for resource in resources]
    pending = cipher.seal(theirs.open(latest.get("pending_operations") or []))
    with stack.lock():
        _write(stack, cipher, entries, pending)
    sys.stdout.write("Import complete.\n")
    return 0


def _problems(resources: list[Resource], stack: Stack) -> list[str]:
    """What the real engine's integrity check finds wrong with a state."""
    known, found = set[str](), list[str]()
    for resource in resources:
        if not resource.urn.startswith(f"urn:pulumi:{stack.name}::{stack.project.name}::"):
            found.append(f"resource '{resource.urn}' is for a different stack or project")
        for kind, urns in (("dependency", resource.dependencies), ("parent", [resource.parent])):
            if missing := [urn for urn in urns if urn and urn not in known]:
                text = f"state file contains errors: resource {resource.urn}'s {kind} {missing[0]}"
                return [*found, f"{text} refers to missing resource"]
        known.add(resource.urn)
    return found


def cancel(arguments: Namespace) -> int:
    """`pulumi cancel`: deletes every lock of the stack, whoever holds it."""
    stack = open_stack(arguments, arguments.name)
    _ask(arguments, f"cancel the update of '{stack.name}'")
    for file in stack.locks.glob("*.json*"):
        file.unlink(missing_ok=True)
    sys.stdout.write(f"The currently running update for '{stack.name}' has been canceled!\n")
    return 0


def version(_: Namespace) -> int:
    """`pulumi version`."""
    sys.stdout.write(f"{checkpoint.VERSION}\n")
    return 0
