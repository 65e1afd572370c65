"""Deciding about what a job reads and runs in: data, code, environment."""

from jobs.folders import Folder
from jobs.foundry import uploads as folder_uploads
from jobs.foundry.environments import EnvironmentDefinition
from jobs.plan.actual import Actual
from jobs.plan.hosting import Hosting
from jobs.plan.running import CodeVersion, EnvironmentVersion, Running
from jobs.plan.steps import Action, Change, CodeStep, DataStep, EnvironmentStep
from jobs.plan.undertaking import DataVersion, Undertaking
from jobs.plan.uploads import Upload, is_spoiled


def data_step(
    data: DataVersion, owner: Undertaking, actual: Actual, upload: Upload | None, *, needed: bool
) -> DataStep:
    """A data asset's version: there, to be brought, or not needed any more."""
    standing = actual.data.get(data.label)
    if standing is None and needed:
        action = Action(kind="create", type="data", name=data.label)
    elif standing == "archived" and needed:
        changes = (Change("archived", "true", "false"),)
        action = Action(kind="update", type="data", name=data.label, changes=changes)
    elif upload and is_spoiled(upload, standing == "active"):
        action = Action(
            kind="update", type="data", name=data.label, changes=(_content_change(upload),)
        )
        return DataStep(action=action, data=data, owner=owner, registers=False)
    else:
        note = "" if standing == "active" else "archived: its job needs it no more"
        action = Action(kind="unchanged", type="data", name=data.label, note=note)
    return DataStep(action=action, data=data, owner=owner)


def code_step(
    code: CodeVersion,
    running: Running | Hosting,
    actual: Actual,
    upload: Upload | None,
    *,
    needed: bool,
) -> CodeStep:
    """A version of a document's code: there, or to be brought."""
    is_there = code.label in actual.codes
    if not is_there and needed:
        count = len(code.folder.files)
        note = f"{count} file{'s' if count > 1 else ''}"
        action = Action(kind="create", type="code", name=code.label, note=note)
    elif upload and is_spoiled(upload, is_there):
        action = Action(
            kind="update", type="code", name=code.label, changes=(_content_change(upload),)
        )
    else:
        note = "" if is_there else "gone: nothing needs it any more"
        action = Action(kind="unchanged", type="code", name=code.label, note=note)
    return CodeStep(action=action, code=code, running=running)


def environment_step(
    environment: EnvironmentVersion, running: Running | Hosting, actual: Actual, *, needed: bool
) -> EnvironmentStep:
    """A version of an environment: there as it is written, to be made, or there as another."""
    found, label = actual.environments.get(environment.label), environment.label
    if found is None and needed:
        made_of = environment.image or "built from a Dockerfile"
        action = Action(kind="create", type="environment", name=label, note=made_of)
    elif found is not None and needed and not is_made_of(environment, found):
        action = Action(
            kind="blocked",
            type="environment",
            name=label,
            note="is there already, and made of something else",
            next_step="Give it another version, or leave the version out: its content names it.",
            rule="FT-R015",
        )
    else:
        note = "" if found else "gone: nothing needs it any more"
        action = Action(kind="unchanged", type="environment", name=label, note=note)
    return EnvironmentStep(action=action, environment=environment, running=running)


def is_made_of(environment: EnvironmentVersion, found: EnvironmentDefinition) -> bool:
    """Whether what is there is what is written; of a build folder its address has the hash."""
    build = environment.build
    in_same_folder = (
        folder_uploads.path_of(build) in found.context
        if isinstance(build, Folder)
        else found.context == build
    )
    return in_same_folder and (
        environment.image,
        environment.conda_file,
        environment.dockerfile if build else "",
    ) == (found.image, found.conda_file, found.dockerfile if build else "")


def _content_change(upload: Upload) -> Change:
    return Change("content", upload.sha256[:12] or "gone", upload.content.digest.sha256[:12])
