"""What is wrong with a command document beyond its shape, told before anything is uploaded."""

import re
from collections.abc import Iterator

from jobs.files import UnreadableFileError
from jobs.findings import Finding
from jobs.folders import sent_of
from jobs.spec import ids
from jobs.spec.command import Command, Environment, JobInput
from jobs.spec.models import FineTuning
from jobs.spec.reader import Path
from jobs.spec.story import Chapter, Story
from jobs.suggestions import did_you_mean

_BINDING = re.compile(r"\$\{\{\s*(inputs|outputs)\.([\w-]+)[\w.-]*\s*\}\}")
_OPTIONAL = re.compile(r"\$\[\[.*?\]\]", re.DOTALL)


_FIELDS_OF = {
    "pytorch": {"process_count_per_instance"},
    "mpi": {"process_count_per_instance"},
    "tensorflow": {"parameter_server_count", "worker_count"},
    "ray": {
        "port",
        "address",
        "include_dashboard",
        "dashboard_port",
        "head_node_additional_args",
        "worker_node_additional_args",
    },
}


def model_findings(chapter: Chapter, story: Story) -> Iterator[Finding]:
    """References to the model of a job that leaves none, or several, or isn't one job."""
    for reference in chapter.references:
        named = story.chapter(reference.target)
        spec = named.spec if named else None
        if isinstance(spec, Command) and len(spec.model_names) != 1:
            left = "no model" if not spec.model_names else "several models"
            message = f"{reference.target} registers {left}. A named output of type custom_model "
            message += "or mlflow_model is one."
            yield chapter.finding("FT-S014", reference.path, message)
        if isinstance(spec, FineTuning) and spec.sweep and isinstance(chapter.spec, Command):
            message = f"{reference.target} is a sweep: which model it is isn't known before."
            yield chapter.finding(
                "FT-S040", reference.path, f"{message} Write azureml:name:version."
            )


def command_findings(chapter: Chapter, spec: Command) -> Iterator[Finding]:
    """What azure-ai-ml, or Azure, would find after the upload."""
    yield from _files(chapter, spec)
    yield from _bindings(chapter, spec)
    yield from _environment(chapter, spec)
    yield from _ids(chapter, spec)
    yield from _distribution(chapter, spec)


def _bindings(chapter: Chapter, spec: Command) -> Iterator[Finding]:
    """Inputs and outputs that the command names, and that aren't there."""
    there = {"inputs": tuple(spec.inputs or ()), "outputs": tuple(spec.outputs or ())}
    for found in dict.fromkeys(_BINDING.findall(_OPTIONAL.sub("", spec.command))):
        kind, name = found
        if name not in there[kind]:
            hint = did_you_mean(name, there[kind]) or f" Add it to '{kind}'."
            message = f"names ${{{{{kind}.{name}}}}}, which the job doesn't have.{hint}"
            yield chapter.finding("FT-S012", ("command",), message)


def _environment(chapter: Chapter, spec: Command) -> Iterator[Finding]:
    written = spec.environment
    if isinstance(written, str):
        if not re.match(r"azureml:|/subscriptions/|file:", written):
            message = f"'{written[:80]}' is no id. Write azureml:<name>:<version>, or, for an image"
            yield chapter.finding("FT-S038", ("environment",), f"{message}, {{image: …}}.")
        return
    if not written.image and not written.build:
        message = "is missing: an environment is an image, or is built. Write image: python:3.11."
        yield chapter.finding("FT-S005", ("environment", "image"), message, at_key=True)
    if written.image and written.build:
        message = "an environment is built, or is an image. Keep one of them."
        yield chapter.finding("FT-S016", ("environment", "build"), message, at_key=True)


def _ids(chapter: Chapter, spec: Command) -> Iterator[Finding]:
    """Ids of inputs that were never filled in, or that name no version."""
    for name, given in (spec.inputs or {}).items():
        if not isinstance(given, JobInput) or not given.path:
            continue
        if chapter.local_path(given.path) is not None or "${{" in given.path:
            continue
        path = ("inputs", name, "path")
        if unfilled := ids.placeholder(given.path):
            yield chapter.finding("FT-S038", path, f"'{unfilled[:40]}' was never filled in.")
        elif re.fullmatch(r"azureml:[^/:@]+", given.path):
            message = f"'{given.path}' names no version. Write {given.path}:<version>."
            yield chapter.finding("FT-S038", path, message)


def _distribution(chapter: Chapter, spec: Command) -> Iterator[Finding]:
    distribution = spec.distribution
    if distribution is None:
        return
    own = _FIELDS_OF[distribution.type]
    for field in sorted(set[str]().union(*_FIELDS_OF.values()) - own):
        if getattr(distribution, field) is not None:
            message = (
                f"a {distribution.type} distribution has no such field: {', '.join(sorted(own))}."
            )
            yield chapter.finding("FT-S035", ("distribution", field), message, at_key=True)


def _files(chapter: Chapter, spec: Command) -> Iterator[Finding]:
    """Local files and folders that the job would upload: looked for before anything is spent."""
    named: list[tuple[Path, str]] = []
    if spec.code:
        named.append((("code",), spec.code))
    if isinstance(spec.environment, Environment):
        if isinstance(spec.environment.conda_file, str):
            named.append((("environment", "conda_file"), spec.environment.conda_file))
        if spec.environment.build and spec.environment.build.path:
            named.append((("environment", "build", "path"), spec.environment.build.path))
    for name, given in (spec.inputs or {}).items():
        if isinstance(given, JobInput) and given.path:
            named.append((("inputs", name, "path"), given.path))
    for path, written in named:
        local = chapter.local_path(written)
        if local is None:
            continue
        try:
            sent_of(local)
        except UnreadableFileError as error:
            yield chapter.finding("FT-S017", path, f"'{written}' can't be read: {error}.")
    for name, given in (spec.inputs or {}).items():
        if isinstance(given, JobInput) and given.path:
            yield from _is_what_it_says(chapter, name, given)


def _is_what_it_says(chapter: Chapter, name: str, given: JobInput) -> Iterator[Finding]:
    """Whether local data is the file or the folder that its type says."""
    local = chapter.local_path(given.path or "")
    if local is None or not local.exists():
        return
    if given.type == "uri_file" and local.is_dir():
        message = f"'{given.path}' is a folder. Write type: uri_folder."
    elif given.type in ("uri_folder", "mltable") and not local.is_dir():
        message = f"'{given.path}' is a file. Write type: uri_file."
    else:
        return
    yield chapter.finding("FT-S039", ("inputs", name, "type"), message)
