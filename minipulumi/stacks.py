"""`pulumi stack …`, `pulumi state unprotect` and `pulumi cancel`: verbs that need no program."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import json
import sys
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from minipulumi.backend import Backend, open_backend
from minipulumi.checkpoint import checked, json_text, read_latest, render, replace_file, salt_of
from minipulumi.config import read_stack_file, set_salt
from minipulumi.errors import PulumiError, Refused
from minipulumi.passphrase import Passphrase
from minipulumi.project import Project, load_project, select_stack, selected_stack
from minipulumi.resources import STACK, Resource
from minipulumi.values import SECRET, SIGNATURE, Props, masked, plain, swap_marked
from minipulumi.verbs import current_stack, stack_name


def _open(arguments: Namespace) -> tuple[Project, Backend]:
    project = load_project(Path(arguments.cwd))
    return project, open_backend(project)


def _current(arguments: Namespace) -> tuple[Project, Backend, str]:
    project, backend = _open(arguments)
    name = getattr(arguments, "name", None) if arguments.verb != "stack output" else None
    stack = stack_name(name, project) if name else current_stack(arguments, project)
    backend.require(stack)
    return project, backend, stack


def init(arguments: Namespace) -> int:
    """`pulumi stack init`."""
    project, backend = _open(arguments)
    if not (name := arguments.name or arguments.stack):
        raise PulumiError("missing stack name")
    stack = stack_name(name, project)
    if backend.checkpoint(stack).exists():
        raise PulumiError(f"stack 'organization/{project.name}/{stack}' already exists")
    _make(project, backend, stack, arguments.secrets_provider)
    if not arguments.no_select:
        select_stack(project, stack)
    sys.stderr.write(f"Created stack '{stack}'\n")
    return 0


def _make(project: Project, backend: Backend, stack: str, secrets: str) -> None:
    if secrets not in ("passphrase", "default", ""):
        raise Refused(f"the secrets provider '{secrets}'")
    file = project.stack_file(stack)
    salt = read_stack_file(file).salt
    cipher = Passphrase(salt) if salt else Passphrase.new()
    cipher.unlock()
    if not salt:
        set_salt(file, cipher.state)
    _write(backend.checkpoint(stack), [], _secrets(cipher), [])


def _secrets(cipher: Passphrase) -> Props:
    return {"type": "passphrase", "state": {"salt": cipher.state}}


def _write(path: Path, resources: list[Props], secrets: Any, pending: list[Props]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    stamp = f"{datetime.now(UTC).isoformat()[:-6]}Z"
    texts = [json_text(entry) for entry in resources]
    text = render(path, stamp, secrets, texts, [json_text(operation) for operation in pending])
    replace_file(path, text, sync=True)
    path.with_suffix(".journal").unlink(missing_ok=True)


def select(arguments: Namespace) -> int:
    """`pulumi stack select`."""
    project, backend = _open(arguments)
    if not (name := arguments.name or arguments.stack):
        raise PulumiError("missing stack name; there are: " + ", ".join(backend.stacks()))
    stack = stack_name(name, project)
    if arguments.create and not backend.checkpoint(stack).exists():
        _make(project, backend, stack, arguments.secrets_provider)
        sys.stderr.write(f"Created stack '{stack}'\n")
    backend.require(stack)
    select_stack(project, stack)
    return 0


def listing(arguments: Namespace) -> int:
    """`pulumi stack ls`."""
    project, backend = _open(arguments)
    current, rows = selected_stack(project), list[Props]()
    for stack in backend.stacks():
        latest = read_latest(backend.checkpoint(stack))
        history = backend.history(stack)
        row: Props = {"name": stack, "current": stack == current}
        if history:
            when = datetime.fromtimestamp(history[0]["endTime"], UTC)
            row["lastUpdate"] = f"{when.isoformat(timespec='milliseconds')[:-6]}Z"
        row["resourceCount"] = len(latest.get("resources") or [])
        rows.append(row)
    if arguments.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return 0
    names = [f"{row['name']}{'*' if row['current'] else ''}" for row in rows]
    ages = [_age(row.get("lastUpdate")) for row in rows]
    counts = [str(row["resourceCount"]) for row in rows]
    _table(["NAME", "LAST UPDATE", "RESOURCE COUNT"], list(zip(names, ages, counts, strict=True)))
    return 0


def _age(stamp: str | None) -> str:
    if not stamp:
        return "n/a"
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(stamp)).total_seconds())
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if (count := seconds // size) > 0:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "now"


def _table(head: list[str], rows: list[tuple[str, ...]], indent: str = "") -> None:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        cells = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(f"{indent}{cells.rstrip()}\n")


def remove(arguments: Namespace) -> int:
    """`pulumi stack rm`."""
    project, backend, stack = _current(arguments)
    if not arguments.yes and not _sure(arguments, f"remove the stack '{stack}'"):
        return 1
    if read_latest(backend.checkpoint(stack)).get("resources") and not arguments.force:
        raise PulumiError(
            f"'{stack}' still has resources; removal rejected. Possible actions:\n"
            f"- Make sure that '{stack}' is the stack that you want to destroy\n"
            "- Run `pulumi destroy` to delete the resources, then run `pulumi stack rm`\n"
            "- Run `pulumi stack rm --force` to override this error"
        )
    with backend.lock(stack):
        backend.remove(stack)
    if not arguments.preserve_config:
        project.stack_file(stack).unlink(missing_ok=True)
    if selected_stack(project) == stack:
        select_stack(project, None)
    sys.stdout.write(f"Stack '{stack}' has been removed!\n")
    return 0


def _sure(arguments: Namespace, what: str) -> bool:
    if not arguments.interactive:
        raise PulumiError(
            "--yes must be passed in to proceed when running in non-interactive mode", 2
        )
    return input(f"Do you want to {what}? [yes/no]: ").strip().lower() == "yes"


def output(arguments: Namespace) -> int:
    """`pulumi stack output`."""
    project, backend, stack = _current(arguments)
    latest = read_latest(backend.checkpoint(stack))
    outputs: Props = {}
    for entry in latest.get("resources") or []:
        if entry["type"] == STACK:
            outputs = entry.get("outputs") or {}
    if arguments.show_secrets:
        outputs = _cipher(project, stack, latest).open(outputs)
    shown = plain(outputs) if arguments.show_secrets else masked(outputs)
    values = dict(sorted(shown.items()))
    if (name := arguments.name) is not None:
        if name not in values:
            raise PulumiError(f"current stack does not have output property '{name}'")
        text = json.dumps(values[name], indent=2) if arguments.json else _cell(values[name])
        sys.stdout.write(f"{text}\n")
    elif arguments.json:
        sys.stdout.write(json.dumps(values, indent=2, ensure_ascii=False) + "\n")
    else:
        _print_outputs(values)
    return 0


def _print_outputs(values: Props) -> None:
    sys.stdout.write(f"Current stack outputs ({len(values)}):\n")
    if values:
        _table(["OUTPUT", "VALUE"], [(k, _cell(v)) for k, v in values.items()], "    ")
    else:
        sys.stdout.write("    No output values currently in this stack\n")


def _cipher(project: Project, stack: str, latest: Props) -> Passphrase:
    return read_stack_file(project.stack_file(stack)).cipher(salt_of(latest))


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def export(arguments: Namespace) -> int:
    """`pulumi stack export`."""
    project, backend, stack = _current(arguments)
    latest = read_latest(backend.checkpoint(stack))
    if arguments.show_secrets:
        cipher = _cipher(project, stack, latest)
        for entry in latest.get("resources") or []:
            for key in ("inputs", "outputs"):
                if key in entry:
                    entry[key] = swap_marked(cipher.open(entry[key]), _in_clear)
    text = json.dumps({"version": 3, "deployment": latest}, indent=4, ensure_ascii=False)
    if arguments.file:
        Path(arguments.file).write_text(f"{text}\n", encoding="utf-8")
    else:
        sys.stdout.write(f"{text}\n")
    return 0


def _in_clear(secret: Props) -> Props:
    return {SIGNATURE: SECRET, "plaintext": json_text(secret["value"])}


def load(arguments: Namespace) -> int:
    """`pulumi stack import`."""
    project, backend, stack = _current(arguments)
    try:
        text = Path(arguments.file).read_text("utf-8") if arguments.file else sys.stdin.read()
        data = json.loads(text)
    except (OSError, ValueError) as error:
        raise PulumiError(f"could not read the deployment: {error}") from error
    if data.get("version") != 3:
        raise Refused(f"a deployment of version {data.get('version')}")
    latest = checked(data.get("deployment") or {}, arguments.file or "the deployment")
    entries: list[Props] = latest.get("resources") or []
    if (problems := _problems(entries, stack, project)) and not arguments.force:
        problems.append(
            "importing this file could be dangerous; rerun with --force to proceed anyway"
        )
        numbered = "".join(f"\n    {i}) {text}" for i, text in enumerate(problems, 1))
        raise PulumiError(f"{len(problems)} errors occurred:{numbered}")
    cipher = _cipher(project, stack, read_latest(backend.checkpoint(stack)))
    theirs = Passphrase(salt_of(latest) or cipher.state)
    resources = [Resource.from_json(entry, theirs).to_json(cipher) for entry in entries]
    pending: list[Props] = latest.get("pending_operations") or []
    with backend.lock(stack):
        _write(backend.checkpoint(stack), resources, _secrets(cipher), pending)
    sys.stdout.write("Import complete.\n")
    return 0


def _problems(entries: list[Props], stack: str, project: Project) -> list[str]:
    """What the real engine's integrity check finds wrong with a state."""
    known, found = set[str](), list[str]()
    for entry in entries:
        resource = Resource.from_json(entry, None)
        if not resource.urn.startswith(f"urn:pulumi:{stack}::{project.name}::"):
            found.append(f"resource '{resource.urn}' is for a different stack or project")
        for kind, urns in (("dependency", resource.dependencies), ("parent", [resource.parent])):
            missing = [urn for urn in urns if urn and urn not in known]
            if missing:
                found.append(
                    f"state file contains errors: resource {resource.urn}'s {kind} {missing[0]}"
                    " refers to missing resource"
                )
                return found
        known.add(resource.urn)
    return found


def unprotect(arguments: Namespace) -> int:
    """`pulumi state unprotect URN`."""
    _, backend, stack = _current(arguments)
    if not arguments.yes:
        _sure(arguments, f"unprotect {arguments.urn}")
    path = backend.require(stack)
    with backend.lock(stack):
        latest = read_latest(path)
        entries: list[Props] = latest.get("resources") or []
        hits = [entry for entry in entries if entry["urn"] == arguments.urn]
        if not hits:
            raise PulumiError(f'No such resource "{arguments.urn}" exists in the current state')
        for entry in hits:
            entry.pop("protect", None)
        _write(
            path, entries, latest.get("secrets_providers"), latest.get("pending_operations") or []
        )
    sys.stdout.write(f"{len(hits)} resources unprotected\n")
    return 0


def cancel(arguments: Namespace) -> int:
    """`pulumi cancel`."""
    _, backend, stack = _current(arguments)
    if not arguments.yes:
        _sure(arguments, f"cancel the update of '{stack}'")
    backend.cancel(stack)
    sys.stdout.write(f"The currently running update for '{stack}' has been canceled!\n")
    return 0
