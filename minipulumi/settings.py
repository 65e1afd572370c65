"""`pulumi config …`, and Pulumi.<stack>.yaml: read, and edited with comments and order kept."""

# YAML of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import json
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from minipulumi.backend import Stack, open_stack
from minipulumi.checkpoint import read_latest, salt_of
from minipulumi.errors import PulumiError
from minipulumi.passphrase import Passphrase
from minipulumi.project import load_yaml, refuse_others
from minipulumi.values import parts

_SEALED = {"secure"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as the program sees it."""

    text: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class StackFile:
    """Pulumi.<stack>.yaml as read."""

    path: Path
    salt: str | None
    values: dict[str, Any]

    def settings(self, cipher: Passphrase) -> dict[str, Setting]:
        """All settings, opened."""
        return {key: open_setting(value, cipher) for key, value in self.values.items()}


def get(arguments: Namespace) -> int:
    """`pulumi config get`."""
    stack, file, key = _place(arguments)
    if key not in file.values:
        raise PulumiError(f"configuration key '{arguments.key}' not found for stack '{stack.name}'")
    sys.stdout.write(f"{open_setting(file.values[key], cipher_of(stack)).text}\n")
    return 0


def store(arguments: Namespace) -> int:
    """`pulumi config set`."""
    stack, file, key = _place(arguments)
    value = sys.stdin.read().rstrip("\r\n") if arguments.value is None else arguments.value
    if not arguments.secret:
        set_value(file.path, key, value)
        return 0
    cipher = cipher_of(stack)
    set_value(file.path, key, {"secure": cipher.encrypt(value)})
    if not file.salt:
        set_salt(file.path, cipher.state)
    return 0


def remove(arguments: Namespace) -> int:
    """`pulumi config rm`."""
    _, file, key = _place(arguments)
    remove_value(file.path, key)
    return 0


def _place(arguments: Namespace) -> tuple[Stack, StackFile, str]:
    stack = open_stack(arguments)
    key = arguments.key
    full = key if ":" in key else f"{stack.project.name}:{key}"
    return stack, read_stack_file(stack.settings_file), full


def read_stack_file(path: Path) -> StackFile:
    """Reads a stack's settings file; one that doesn't exist is an empty one."""
    data = load_yaml(path) if path.exists() else {}
    refuse_others(data, {"config", "encryptionsalt"}, str(path))
    return StackFile(path, data.get("encryptionsalt"), data.get("config") or {})


def cipher_of(stack: Stack) -> Passphrase:
    """The stack's secrets; its file's salt goes before the state's."""
    salt = read_stack_file(stack.settings_file).salt or salt_of(read_latest(stack.file))
    if not salt:
        name = stack.settings_file.name
        raise PulumiError(f"{name} has no encryptionsalt; run `pulumi stack init`")
    return Passphrase(salt)


def open_setting(value: Any, cipher: Passphrase) -> Setting:
    """One setting as text; with one secret in it a list or mapping is a secret as a whole."""
    opened = _opened(value, cipher)
    sealed = any(isinstance(part, dict) and part.keys() == _SEALED for part in parts(value))
    if not isinstance(opened, dict | list):
        text = "" if opened is None else str(opened)
        return Setting(text.lower() if isinstance(opened, bool) else text, secret=sealed)
    text = json.dumps(opened, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return Setting(text, secret=sealed)


def _opened(value: Any, cipher: Passphrase) -> Any:
    if isinstance(value, dict):
        if value.keys() == _SEALED:
            return cipher.decrypt(value["secure"])
        return {str(key): _opened(item, cipher) for key, item in value.items()}
    return [_opened(item, cipher) for item in value] if isinstance(value, list) else value


def set_value(file: Path, key: str, value: str | dict[str, str]) -> None:
    """Sets a setting."""
    import yaml
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    # A string has to be one when the file is read again.
    if isinstance(value, str) and yaml.safe_load(value or "''") != value:
        value = DoubleQuotedScalarString(value)
    _edit(file, lambda data: data.setdefault("config", {}).update({key: value}))


def remove_value(file: Path, key: str) -> None:
    """Removes a setting; what isn't there is no error."""

    def change(data: Any) -> None:
        if "config" in data and data["config"].pop(key, None) is not None and not data["config"]:
            del data["config"]

    _edit(file, change)


def set_salt(file: Path, salt: str) -> None:
    """Writes the stack's salt at the top of its settings file."""
    _edit(file, lambda data: data.insert(0, "encryptionsalt", salt))


def _edit(file: Path, change: Callable[[Any], None]) -> None:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10**6
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        data = yaml.load(file.read_text(encoding="utf-8")) if file.exists() else None
    except YAMLError as error:
        raise PulumiError(f"{file}: {error}") from error
    data = CommentedMap() if data is None else data
    change(data)
    text = StringIO()
    if data:
        yaml.dump(data, text)
    temporary = file.with_suffix(".yaml.tmp")
    temporary.write_text(text.getvalue(), encoding="utf-8")
    temporary.replace(file)
