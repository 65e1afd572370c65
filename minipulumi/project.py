"""Pulumi.yaml, and where things are: the program, its interpreter, the workspace's selection."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import json
import os
import sys
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from typing import Any, cast

from minipulumi.errors import PulumiError, Refused
from minipulumi.values import Props

_KNOWN = {
    "name", "runtime", "main", "description", "author", "website", "license", "backend",
    "plugins", "stackConfigDir", "template",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A Pulumi project on disk."""

    file: Path
    name: str
    main: str
    options: dict[str, str]
    plugins: dict[str, Path]
    backend: str
    config_folder: Path

    @property
    def root(self) -> Path:
        """The folder of Pulumi.yaml."""
        return self.file.parent

    @property
    def program(self) -> Path:
        """The folder that the program runs in; with a file as `main`, the file's folder."""
        path = (self.root / self.main).resolve()
        return path if path.is_dir() else path.parent

    @property
    def entry_point(self) -> str:
        """What the program's host executes, relative to `program`."""
        path = (self.root / self.main).resolve()
        return "." if path.is_dir() else path.name

    @property
    def python(self) -> str:
        """The interpreter: the project's virtual environment, or the one that runs this."""
        if folder := self.options.get("virtualenv"):
            python = self.root / folder / "bin" / "python"
            if not python.exists():
                raise PulumiError(f"Pulumi.yaml: virtualenv '{folder}': {python} doesn't exist")
            return str(python)
        return sys.executable

    def stack_file(self, stack: str) -> Path:
        """The stack's settings, Pulumi.<stack>.yaml."""
        return self.config_folder / f"Pulumi.{stack}.yaml"


def load_project(start: Path) -> Project:
    """Finds Pulumi.yaml in the folder or above it."""
    for folder in (start.resolve(), *start.resolve().parents):
        for name in ("Pulumi.yaml", "Pulumi.yml"):
            if (folder / name).is_file():
                return _read(folder / name)
    raise PulumiError(
        f"no Pulumi.yaml project file found (searching upwards from {start.resolve()})."
        " If you have not created a project yet, use `pulumi new` to do so"
    )


def _read(file: Path) -> Project:
    data = load_yaml(file)
    for key in data.keys() - _KNOWN:
        raise Refused(f"'{key}' in {file}")
    runtime: Any = data.get("runtime")
    runtime = {"name": runtime} if isinstance(runtime, str) else runtime or {}
    if runtime.get("name") != "python":
        raise Refused(f"runtime '{runtime.get('name')}' in {file}")
    options: dict[str, str] = runtime.get("options") or {}
    for key in options.keys() - {"virtualenv"}:
        raise Refused(f"runtime option '{key}' in {file}")
    plugins: Props = data.get("plugins") or {}
    for key in plugins.keys() - {"providers"}:
        raise Refused(f"'plugins.{key}' in {file}")
    if not isinstance(data.get("name"), str):
        raise PulumiError(f"{file}: project is missing a 'name' attribute")
    return Project(
        file=file,
        name=data["name"],
        main=data.get("main") or ".",
        options=options,
        plugins={p["name"]: file.parent / p["path"] for p in plugins.get("providers") or []},
        backend=(data.get("backend") or {}).get("url") or "",
        config_folder=file.parent / (data.get("stackConfigDir") or "."),
    )


def load_yaml(file: Path) -> Props:
    """Reads a YAML file whose top level is a mapping."""
    import yaml

    try:
        data: object = yaml.load(file.read_bytes(), Loader=_loader())
    except yaml.YAMLError as error:
        raise PulumiError(f"{file}: {error}") from error
    if data is not None and not isinstance(data, dict):
        raise PulumiError(f"{file}: expected a mapping at the top")
    return cast("Props", data or {})


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def pulumi_home() -> Path:
    """Where the CLI keeps what belongs to the user: plugins, credentials, selections."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")


def selected_stack(project: Project) -> str | None:
    """The stack that `pulumi stack select` chose for this project on this machine."""
    try:
        choice = json.loads(_workspace(project).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(choice.get("stack") or "").rsplit("/", 1)[-1] or None


def select_stack(project: Project, stack: str | None) -> None:
    """Remembers the choice where the real CLI looks for it."""
    file = _workspace(project)
    file.parent.mkdir(parents=True, exist_ok=True)
    name = f"organization/{project.name}/{stack}" if stack else ""
    file.write_text(json.dumps({"stack": name}), encoding="utf-8")


def _workspace(project: Project) -> Path:
    digest = sha1(str(project.file).encode(), usedforsecurity=False).hexdigest()
    return pulumi_home() / "workspaces" / f"{project.name}-{digest}-workspace.json"
