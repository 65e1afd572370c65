"""A command document made ready: its code, environment and data by their content, its revision."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import yaml

from jobs import revision
from jobs.errors import InvalidInputError, UsageError
from jobs.files import Digest, UnreadableFileError, read_bounded
from jobs.folders import Folder, folder_of
from jobs.foundry import command
from jobs.foundry.data import INPUT
from jobs.plan.undertaking import DataKind, DataVersion, Undertaking
from jobs.spec import content_hash
from jobs.spec.command import Command, Environment, JobInput
from jobs.spec.references import parse
from jobs.spec.story import Chapter

_CONDA_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeVersion:
    """A local folder as a version of a code asset: named by what is in it."""

    name: str
    version: str
    folder: Folder

    @property
    def label(self) -> str:
        """`name:version`."""
        return f"{self.name}:{self.version}"

    @property
    def digest(self) -> Digest:
        """Of all its files."""
        return self.folder.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentVersion:
    """An environment written in place, as a version that its definition names."""

    name: str
    version: str
    image: str
    conda_file: str
    """The text of a conda file; empty where there is none."""
    build: Folder | str
    """The folder with the Dockerfile, or its address; empty where there is none."""
    dockerfile: str
    os_type: str
    spec: Environment

    @property
    def label(self) -> str:
        """`name:version`."""
        return f"{self.name}:{self.version}"

    @property
    def content(self) -> Mapping[str, str]:
        """What it is made of: another is another version."""
        build = self.build
        return {
            "image": self.image,
            "conda_file": self.conda_file,
            "build": build.sha256 if isinstance(build, Folder) else build,
            "dockerfile": self.dockerfile,
            "os_type": self.os_type,
        }

    def called(self, name: str) -> "EnvironmentVersion":
        """The same under a name of its own, its version made of its content."""
        return replace(self, name=name, version=revision.digest(self.content))


@dataclass(frozen=True, slots=True, kw_only=True)
class Running(Undertaking):
    """A command document with the content of all that it names and its revision."""

    spec: Command
    code: CodeVersion | str
    """A local folder, or an id that Azure knows already; empty where there is no code."""
    environment: EnvironmentVersion | str
    inputs: Mapping[str, DataVersion | Undertaking | str]
    """Of each input that is no plain value: local data, an id that Azure knows already, or the
    document whose job makes the model."""
    sources: tuple[Path, ...] | None = None
    """What the code was made from, where it isn't the user's own folder."""
    note: str = ""
    """What else a plan has to say of it."""

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models that its outputs become, in the order of the document."""
        return self.spec.model_names

    @property
    def data(self) -> tuple[DataVersion, ...]:
        """The local files and folders, each once."""
        local = (one for one in self.inputs.values() if isinstance(one, DataVersion))
        return tuple({one.label: one for one in local}.values())

    @property
    def makers(self) -> tuple[Undertaking, ...]:
        """The documents whose models it reads."""
        return tuple(one for one in self.inputs.values() if isinstance(one, Undertaking))

    @property
    def files(self) -> Iterator[Path]:
        """Every file on this machine that is sent."""
        for one in self.data:
            yield from [file.path for file in one.folder.files] if one.folder else [one.path]
        if self.sources is not None:
            yield from self.sources
        for folder in (
            self.code.folder
            if self.sources is None and isinstance(self.code, CodeVersion)
            else None,
            self.environment.build if isinstance(self.environment, EnvironmentVersion) else None,
        ):
            if isinstance(folder, Folder):
                yield from (file.path for file in folder.files)

    @property
    def compute(self) -> str:
        """The name of the compute that it runs on; empty where it runs serverless."""
        return self.spec.compute_name

    @property
    def fields(self) -> Mapping[str, str]:
        """What a plan compares, in the words of the document."""
        spec, resources = self.spec, self.spec.resources
        return command.fields(
            command=spec.command,
            code=_label(self.code),
            environment=_label(self.environment),
            compute=self.compute,
            instance_type=(resources.instance_type or "") if resources else "",
            instance_count=resources.instance_count if resources else None,
            timeout=spec.limits.timeout if spec.limits else None,
            distribution=spec.distribution.type if spec.distribution else "",
            inputs={
                name: _label(self.inputs[name])
                if name in self.inputs
                else command.literal(_value(given))
                for name, given in (spec.inputs or {}).items()
            },
            outputs={
                name: (output.name or "") if output else ""
                for name, output in (spec.outputs or {}).items()
            },
            variables=spec.variables,
        )


def read(chapter: Chapter, spec: Command, made: Mapping[str, Undertaking] | None = None) -> Running:
    """Hash all that a command document names on this machine.

    `made` has the documents before it, by name, whose models it may read. Paths are seen from the
    chapter's file; an absolute one stays as it is, so that a document of another type can be made a
    command job whose code lies elsewhere.

    Raises:
        InvalidInputError: Something of it can't be read.
    """
    code = _code(chapter, spec)
    environment = _environment(chapter, spec)
    inputs = {
        name: _input(chapter, spec, name, given, made or {})
        for name, given in (spec.inputs or {}).items()
        if isinstance(given, JobInput) and given.path is not None
    }
    content: dict[str, Any] = {
        "code": code.folder.sha256 if isinstance(code, CodeVersion) else code,
        "environment": environment.content
        if isinstance(environment, EnvironmentVersion)
        else environment,
        "inputs": {
            name: _asked(given, inputs.get(name)) for name, given in (spec.inputs or {}).items()
        },
    }
    return Running(
        spec=spec,
        revision=content_hash(spec, content),
        code=code,
        environment=environment,
        inputs=inputs,
    )


def _code(chapter: Chapter, spec: Command) -> CodeVersion | str:
    if not spec.code:
        return ""
    path = chapter.local_path(spec.code)
    if path is None:
        return spec.code
    folder = _folder(path)
    return CodeVersion(name=f"{spec.name}-code", version=_short(folder.sha256), folder=folder)


def _environment(chapter: Chapter, spec: Command) -> EnvironmentVersion | str:
    written = spec.environment
    if isinstance(written, str):
        return written
    build: Folder | str = ""
    if written.build and written.build.path:
        path = chapter.local_path(written.build.path)
        build = _folder(path) if path else written.build.path
    made = EnvironmentVersion(
        name=written.name or f"{spec.name}-environment",
        version=str(written.version or ""),
        image=written.image or "",
        conda_file=_conda(chapter, written),
        build=build,
        dockerfile=(written.build.dockerfile_path or "Dockerfile")
        if written.build and build
        else "",
        os_type=(written.os_type or "linux").capitalize(),
        spec=written,
    )
    return made if made.version else made.called(made.name)


def _conda(chapter: Chapter, written: Environment) -> str:
    if not isinstance(written.conda_file, str):
        return yaml.safe_dump(written.conda_file, sort_keys=False) if written.conda_file else ""
    path = chapter.local_path(written.conda_file)
    if path is None:
        raise UsageError(f"'{written.conda_file}' is no local file.")  # FT-S040 has said so
    try:
        return read_bounded(path, _CONDA_LIMIT).decode("utf-8")
    except (UnreadableFileError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} can't be read: {error}.") from error


def _input(
    chapter: Chapter, spec: Command, name: str, given: JobInput, made: Mapping[str, Undertaking]
) -> DataVersion | Undertaking | str:
    written = given.path or ""
    if reference := parse(written):
        maker = made.get(reference.name)
        if maker is None:
            raise UsageError(f"{spec.reference}: '{reference.target}' makes no model before it.")
        return maker
    path = chapter.local_path(written)
    if path is None:
        return written
    folder = _folder(path)
    is_file = not path.is_dir()
    kind: DataKind = "uri_file" if is_file else "uri_folder"
    if given.type == "mltable":
        kind = "mltable"
    digest = folder.files[0].digest if is_file else folder.digest
    return DataVersion(
        name=f"{spec.name}{INPUT}{name}",
        version=_short(digest.sha256),
        digest=digest,
        path=path,
        owner=spec.name,
        kind=kind,
        folder=None if is_file else folder,
    )


def _asked(given: Any, data: DataVersion | Undertaking | str | None) -> Any:
    """An input as the revision has it: local data by its content, and a value in one spelling."""
    if not isinstance(given, JobInput):
        return command.literal(given)
    if data is None:
        return command.literal(given.value)
    plain: dict[str, Any] = msgspec.to_builtins(given)
    if isinstance(data, DataVersion):
        plain["path"] = data.digest.sha256
    else:
        # A model that is still to be made is known by what it is made from.
        plain["path"] = data.job_name if isinstance(data, Undertaking) else data
    return plain


def _value(given: Any) -> Any:
    return given.value if isinstance(given, JobInput) else given


def _label(named: CodeVersion | EnvironmentVersion | DataVersion | Undertaking | str) -> str:
    if isinstance(named, Undertaking):
        return f"the model of {named.job_name}"
    return command.label_of(named) if isinstance(named, str) else named.label


def _folder(path: Path) -> Folder:
    try:
        return folder_of(path)
    except UnreadableFileError as error:
        raise InvalidInputError(f"{path} can't be read: {error}.") from error


def _short(sha256: str) -> str:
    return sha256[: revision.HASH_LENGTH]
