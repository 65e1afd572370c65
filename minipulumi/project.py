"""Pulumi.yaml, and where things are: the program, the stack's settings, the user's selection."""

# YAML of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import json
import os
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from typing import Any, cast

from minipulumi.errors import PulumiError, Refused
from minipulumi.values import Props

_KNOWN = {"name", "runtime", "main", "description", "author", "website", "license"}


@dataclass(frozen=True, slots=True)
class Project:
    """A Pulumi project on disk."""

    file: Path
    name: str
    main: str = "."

    @property
    def root(self) -> Path:
        """The folder of Pulumi.yaml."""
        return self.file.parent

    @property
    def program(self) -> Path:
        """The folder of the program."""
        return (self.root / self.main).resolve()


def load_project(start: Path) -> Project:
    """Finds Pulumi.yaml in the folder or above it."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / "Pulumi.yaml").is_file():
            return _read(folder / "Pulumi.yaml")
    raise PulumiError(
        f"no Pulumi.yaml project file found (searching upwards from {start.resolve()})."
        " If you have not created a project yet, use `pulumi new` to do so"
    )


def _read(file: Path) -> Project:
    data = load_yaml(file)
    refuse_others(data, _KNOWN, str(file))
    runtime: Any = data.get("runtime")
    runtime = {"name": runtime} if isinstance(runtime, str) else runtime or {}
    if runtime.get("name") != "python":
        raise Refused(f"runtime '{runtime.get('name')}' in {file}")
    for key in runtime.get("options") or {}:
        raise Refused(f"runtime option '{key}' in {file}")
    if not isinstance(data.get("name"), str):
        raise PulumiError(f"{file}: project is missing a 'name' attribute")
    project = Project(file, data["name"], data.get("main") or ".")
    if not project.program.is_dir():
        raise Refused(f"'main: {project.main}', which is no folder, in {file}")
    return project


def refuse_others(data: Props, known: set[str], where: str) -> None:
    """Refuses the first key that nobody would look at."""
    for key in data.keys() - known:
        raise Refused(f"'{key}' in {where}")


def load_yaml(file: Path) -> Props:
    """Reads a YAML file whose top level is a mapping; a key that is there twice is an error."""
    import yaml

    class Loader(yaml.SafeLoader):
        """As the real CLI: PyYAML alone would take the second of two equal keys in silence."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            lines: dict[str, int] = {}
            for key, _ in node.value:
                line = key.start_mark.line + 1
                if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                    if key.value in lines:
                        text = f"'{key.value}' is written twice, in lines {lines[key.value]}"
                        raise PulumiError(f"{file}:{line}: {text} and {line}. Remove one of them")
                    lines[key.value] = line
            return super().construct_mapping(node, deep)

    try:
        data: object = yaml.load(file.read_bytes(), Loader)
    except yaml.YAMLError as error:
        raise PulumiError(f"{file}: {error}") from error
    if data is not None and not isinstance(data, dict):
        raise PulumiError(f"{file}: expected a mapping at the top")
    return cast("Props", data or {})


def read_json(file: Path) -> Props:
    """Reads a small JSON file; one that can't be read says nothing."""
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}


def pulumi_home() -> Path:
    """Where the CLI keeps what belongs to the user: credentials, selections."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")


def selected_stack(project: Project) -> str | None:
    """The stack that `pulumi stack select` chose for this project on this machine."""
    choice = str(read_json(_workspace(project)).get("stack") or "")
    return choice.rsplit("/", 1)[-1] or None


def select_stack(project: Project, stack: str | None) -> None:
    """Remembers the choice where the real CLI looks for it."""
    file = _workspace(project)
    file.parent.mkdir(parents=True, exist_ok=True)
    name = f"organization/{project.name}/{stack}" if stack else ""
    file.write_text(json.dumps({"stack": name}), encoding="utf-8")


def _workspace(project: Project) -> Path:
    digest = sha1(str(project.file).encode(), usedforsecurity=False).hexdigest()
    return pulumi_home() / "workspaces" / f"{project.name}-{digest}-workspace.json"
