"""`pulumi config …`."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from minipulumi.backend import open_backend
from minipulumi.checkpoint import read_latest, salt_of
from minipulumi.config import (
    StackFile,
    full_key,
    parse_path,
    quoted,
    read_stack_file,
    remove_value,
    set_salt,
    set_value,
)  # fmt: skip
from minipulumi.errors import PulumiError
from minipulumi.passphrase import Passphrase
from minipulumi.project import Project, load_project
from minipulumi.verbs import current_stack


def _open(arguments: Namespace) -> tuple[Project, str, StackFile]:
    project = load_project(Path(arguments.cwd))
    stack = current_stack(arguments, project)
    open_backend(project).require(stack)
    return project, stack, read_stack_file(project.stack_file(stack))


def _cipher(project: Project, stack: str, file: StackFile) -> Passphrase:
    return file.cipher(salt_of(read_latest(open_backend(project).require(stack))))


def _place(arguments: Namespace, project: Project) -> tuple[str, list[str | int]]:
    """The setting, and with --path the place inside of it."""
    if not arguments.path:
        return full_key(arguments.key, project.name), []
    first, *rest = parse_path(arguments.key)
    return full_key(str(first), project.name), rest


def get(arguments: Namespace) -> int:
    """`pulumi config get`."""
    project, stack, file = _open(arguments)
    key, rest = _place(arguments, project)
    missing = PulumiError(f"configuration key '{arguments.key}' not found for stack '{stack}'")
    if key not in file.values:
        raise missing
    sealed = file.settings(None)[key].secret
    setting = file.settings(_cipher(project, stack, file) if sealed else None)[key]
    value: Any = setting.object if setting.is_object else setting.text
    try:
        for step in rest:
            value = value[step]
    except (KeyError, IndexError, TypeError) as error:
        raise missing from error
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    if arguments.json:
        text = json.dumps({"value": text, "secret": setting.secret}, indent=2)
    sys.stdout.write(f"{text}\n")
    return 0


def store(arguments: Namespace) -> int:
    """`pulumi config set`."""
    project, stack, file = _open(arguments)
    key, rest = _place(arguments, project)
    value = sys.stdin.read().rstrip("\r\n") if arguments.value is None else arguments.value
    sealed = value
    if arguments.secret:
        cipher = _cipher(project, stack, file)
        sealed = {"secure": cipher.encrypt(value)}
        if not file.salt:
            set_salt(file.path, cipher.state)
    elif rest and value in ("true", "false"):
        sealed = value == "true"
    elif rest and value.isdigit():
        sealed = int(value)
    else:
        sealed = quoted(value)
    set_value(file.path, key, rest, sealed)
    return 0


def remove(arguments: Namespace) -> int:
    """`pulumi config rm`."""
    project, _, file = _open(arguments)
    key, rest = _place(arguments, project)
    remove_value(file.path, key, rest)
    return 0
