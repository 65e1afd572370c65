"""A stack's settings: what Pulumi.<stack>.yaml says, and its edits with comments and order kept."""

# YAML of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# pyright: reportCallIssue=false, reportArgumentType=false
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

from minipulumi.errors import PulumiError, Refused
from minipulumi.passphrase import Passphrase
from minipulumi.project import load_yaml

_KNOWN = {"config", "encryptionsalt"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as the program sees it."""

    text: str
    secret: bool
    object: Any = None  # of a setting that is a list or a mapping

    @property
    def is_object(self) -> bool:
        """Whether the setting is more than a scalar."""
        return isinstance(self.object, dict | list)


@dataclass(frozen=True, slots=True)
class StackFile:
    """Pulumi.<stack>.yaml as read."""

    path: Path
    salt: str | None
    values: dict[str, Any]

    def cipher(self, salt: str | None = None) -> Passphrase:
        """The stack's secrets; the file's salt goes before the state's."""
        if not (state := self.salt or salt):
            raise PulumiError(f"{self.path.name} has no encryptionsalt; run `pulumi stack init`")
        return Passphrase(state)

    def settings(self, cipher: Passphrase | None) -> dict[str, Setting]:
        """All settings; without a cipher secrets stay sealed."""
        return {key: _setting(value, cipher) for key, value in self.values.items()}


def read_stack_file(path: Path) -> StackFile:
    """Reads a stack's settings file; one that doesn't exist is an empty one."""
    data = load_yaml(path) if path.exists() else {}
    for key in data.keys() - _KNOWN:
        raise Refused(f"'{key}' in {path}")
    return StackFile(path, data.get("encryptionsalt"), data.get("config") or {})


def _setting(value: Any, cipher: Passphrase | None) -> Setting:
    if not isinstance(value, dict | list):
        return Setting(_scalar(value), secret=False)
    found: list[str] = []

    def open_secrets(part: Any) -> Any:
        if isinstance(part, dict):
            if part.keys() == {"secure"}:
                found.append(part["secure"])
                return cipher.decrypt(part["secure"]) if cipher else "[secret]"
            return {str(key): open_secrets(item) for key, item in part.items()}
        return [open_secrets(item) for item in part] if isinstance(part, list) else part

    opened = open_secrets(value)
    if isinstance(opened, str):
        return Setting(opened, secret=True)
    text = json.dumps(opened, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return Setting(text, secret=bool(found), object=opened)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def full_key(key: str, project: str) -> str:
    """Adds the project's namespace to a key without one."""
    return key if ":" in key else f"{project}:{key}"


def parse_path(path: str) -> list[str | int]:
    """Splits `a.b[0]["c.d"]` into its steps."""
    steps: list[str | int] = []
    for name, index, quoted in re.findall(r'([^.\[\]]+)|\[(\d+)\]|\["([^"]*)"\]', path):
        steps.append(int(index) if index else quoted or name)
    if not steps or isinstance(steps[0], int):
        raise PulumiError(f"invalid config property path '{path}'")
    return steps


def set_value(file: Path, key: str, rest: list[str | int], value: Any) -> None:
    """Sets a setting, or one place inside of an object setting."""

    def change(data: Any) -> None:
        node, steps = data.setdefault("config", {}), [key, *rest]
        for step, following in pairwise(steps):
            empty: Any = [] if isinstance(following, int) else {}
            if isinstance(node, list) and step == len(node):
                node.append(empty)
            elif isinstance(node, dict) and step not in node:
                node[step] = empty
            node = node[step]
        if isinstance(node, list) and steps[-1] == len(node):
            node.append(value)
        else:
            node[steps[-1]] = value

    _edit(file, change)


def remove_value(file: Path, key: str, rest: list[str | int]) -> None:
    """Removes a setting, or one place inside of an object setting; what isn't there is no error."""

    def change(data: Any) -> None:
        node, steps = data.get("config") or {}, [key, *rest]
        try:
            for step in steps[:-1]:
                node = node[step]
            del node[steps[-1]]
        except (KeyError, IndexError, TypeError):
            return
        if "config" in data and not data["config"]:
            del data["config"]

    _edit(file, change)


def set_salt(file: Path, salt: str) -> None:
    """Writes the stack's salt at the top of its settings file."""
    _edit(file, lambda data: data.insert(0, "encryptionsalt", salt))


def quoted(text: str) -> Any:
    """A string that stays a string when the file is read again."""
    import yaml
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    return text if yaml.safe_load(text or "''") == text else DoubleQuotedScalarString(text)


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
        data = CommentedMap() if data is None else data
        change(data)
    except (YAMLError, TypeError, KeyError, IndexError) as error:
        raise PulumiError(f"{file}: can't be changed there: {error}") from error
    text = StringIO()
    if data:
        yaml.dump(data, text)
    temporary = file.with_suffix(".yaml.tmp")
    temporary.write_text(text.getvalue(), encoding="utf-8")
    temporary.replace(file)
