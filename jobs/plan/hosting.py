"""An online endpoint's document made ready: its code by its content, and whose model it serves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from jobs import revision
from jobs.errors import InvalidInputError, UsageError
from jobs.files import UnreadableFileError
from jobs.folders import Folder, folder_of
from jobs.foundry import online
from jobs.foundry.models import ModelVersion
from jobs.foundry.online import Deployment, Online
from jobs.plan.running import CodeVersion, EnvironmentVersion, Running
from jobs.read.program import PROGRAM, SCORE
from jobs.spec import references
from jobs.spec.online_endpoint import OnlineEndpoint
from jobs.spec.story import Chapter


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """An online endpoint's document with its code, and the job that makes its model, if one does.

    The endpoint bears the document's name for good. Each revision is a deployment of it, named by
    its content, and the traffic moves from one to the next.
    """

    spec: OnlineEndpoint
    code: CodeVersion
    script: str
    """The scoring script, a file of the code."""
    environment: EnvironmentVersion | str
    """One of its own, as the training's that it is made like, or an id that Azure knows already."""
    made_by: Running | None
    """The job's document, where the model is one of these files'."""
    model: str
    """The model's name where a job makes it, else `name:version`."""

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return self.spec.name

    @property
    def files(self) -> Iterator[Path]:
        """Every file of the user's own that is sent."""
        if self.spec.code_configuration is not None:
            yield from (file.path for file in self.code.folder.files)

    @property
    def machines(self) -> str:
        """`2 x Standard_DS3_v2`."""
        return f"{self.spec.instance_count} x {self.spec.instance_type}"

    def revision(self, made_from: str) -> str:
        """Ten hex digits of all that a deployment is made of.

        `made_from` is the model's `name:version`, or the revision of the job that makes it.
        """
        return revision.digest({"format": revision.FORMAT, "model": made_from, **self._made_of})

    def deployment(self, made_from: str) -> str:
        """The name of this revision's deployment."""
        return f"r-{self.revision(made_from)}"

    def proof(self, made_from: str) -> str:
        """The mark of having answered as this document says, with this model."""
        spec = self.spec
        return revision.digest(
            {
                "revision": self.revision(made_from),
                "smoke_tests": [msgspec.to_builtins(test) for test in spec.smoke_tests],
                "content_safety": spec.content_safety,
            }
        )

    @property
    def _made_of(self) -> Mapping[str, Any]:
        spec, environment = self.spec, self.environment
        return {
            "code": self.code.folder.sha256,
            "scoring_script": self.script,
            "environment": environment.content
            if isinstance(environment, EnvironmentVersion)
            else environment,
            "environment_variables": spec.environment_variables,
            "instance_type": spec.instance_type.casefold(),
            "instance_count": spec.instance_count,
            "request_settings": msgspec.to_builtins(spec.request_settings),
            "liveness_probe": msgspec.to_builtins(spec.liveness_probe),
            "readiness_probe": msgspec.to_builtins(spec.readiness_probe),
            "app_insights_enabled": spec.app_insights_enabled,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """What an endpoint's name has in Azure."""

    endpoint: Online | None
    deployments: tuple[Deployment, ...]
    model: ModelVersion | None
    """The model that the document names by its version; None where it isn't there."""

    @property
    def served(self) -> Deployment | None:
        """The deployment that gets the traffic, most of it where it is split."""
        return online.served(self.endpoint, self.deployments) if self.endpoint else None


def read(chapter: Chapter, spec: OnlineEndpoint, runnings: Mapping[str, Running]) -> Hosting:
    """Hash the code that the document names, and find the job that makes its model.

    `runnings` are the documents of jobs, by their references (`command.x`, `training.y`).

    Raises:
        InvalidInputError: The code can't be read, or the script isn't in it.
        UsageError: The job's document isn't here, or registers no model.
    """
    made_by = _maker(spec, runnings)
    folder, script = _code(chapter, spec)
    version = folder.sha256[: revision.HASH_LENGTH]
    return Hosting(
        spec=spec,
        code=CodeVersion(name=f"{spec.name}-code", version=version, folder=folder),
        script=script,
        environment=_environment(spec, made_by),
        made_by=made_by,
        model=made_by.models[0] if made_by else spec.model.removeprefix("azureml:"),
    )


def _maker(spec: OnlineEndpoint, runnings: Mapping[str, Running]) -> Running | None:
    reference = references.parse(spec.model)
    if reference is None:
        return None
    made_by = runnings.get(reference.target)
    if made_by is None:
        raise UsageError(f"{spec.reference}: model refers to '{reference.target}', not found.")
    if len(made_by.models) != 1:
        count = len(made_by.models)
        raise UsageError(
            f"{spec.reference}: {reference.target} registers {count or 'no'} models, and one is "
            "served.",
            next_step="Name one output of a model's type (custom_model), or write "
            "azureml:<name>:<version>.",
        )
    return made_by


def _code(chapter: Chapter, spec: OnlineEndpoint) -> tuple[Folder, str]:
    """What is sent, and the script in it."""
    written = spec.code_configuration
    if written is None:
        return _read(PROGRAM / SCORE), SCORE
    path = chapter.local_path(written.code)
    if path is None:
        raise UsageError(f"'{written.code}' is no local folder.")  # FT-S040 has said so
    folder, script = _read(path), written.scoring_script
    if script not in {file.name for file in folder.files}:
        raise InvalidInputError(
            f"{chapter.place(('code_configuration', 'scoring_script'))}: '{script}' is not among "
            f"the files that would be sent of {path}.",
            next_step="Correct the name; what .amlignore or .gitignore names isn't sent.",
        )
    return folder, script


def _read(path: Path) -> Folder:
    try:
        return folder_of(path)
    except UnreadableFileError as error:
        raise InvalidInputError(f"{path} can't be read: {error}.") from error


def _environment(spec: OnlineEndpoint, made_by: Running | None) -> EnvironmentVersion | str:
    if spec.environment is not None:
        return spec.environment
    if made_by is None:
        raise UsageError(f"{spec.reference} has no environment.")  # FT-S005 has said so
    made = made_by.environment
    return made.called(f"{spec.name}-serving") if isinstance(made, EnvironmentVersion) else made
