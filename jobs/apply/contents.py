"""Bringing what a job reads and runs in to Azure: data, code, environment."""

from jobs import revision
from jobs.apply.work import Work
from jobs.folders import Folder
from jobs.foundry import blobs, codes, data, environments, uploads
from jobs.foundry.blobs import Outcome
from jobs.foundry.environments import EnvironmentDefinition
from jobs.plan.hosting import Hosting
from jobs.plan.running import CodeVersion, EnvironmentVersion, Running
from jobs.plan.steps import CodeStep, DataStep, EnvironmentStep
from jobs.plan.undertaking import DataVersion, Undertaking
from jobs.terminal.progress import size


def bring_data(step: DataStep, work: Work) -> bool:
    """Upload a file or folder, and register it as a version of its data asset."""
    if step.action.kind == "unchanged":
        return True
    wanted = step.data
    work.report.progress("data", wanted.label, "being uploaded")
    uri = _uploaded(wanted, work)
    if not step.registers:
        work.report.result(
            "data", wanted.label, f"replaced and verified {size(wanted.digest.size)}"
        )
        return True
    data.register(
        work.session,
        wanted.name,
        wanted.version,
        uri=uri,
        description=f"{wanted.path.name} of {wanted.owner}, sha256 {wanted.digest.sha256}",
        tags=revision.tags(wanted.owner, wanted.version, step.owner.spec.tags),
        kind=wanted.kind,
    )
    done = "uploaded" if step.action.kind == "create" else "brought back from the archive,"
    work.report.result("data", wanted.label, f"{done} {size(wanted.digest.size)}")
    return True


def bring_code(step: CodeStep, work: Work) -> bool:
    """Upload a folder of code, and register it as a version."""
    if step.action.kind == "unchanged":
        return True
    code = step.code
    work.report.progress("code", code.label, "being uploaded")
    _register_code(code, step.running, work)
    files = len(code.folder.files)
    amount = f"{files} file{'s' if files > 1 else ''}, {size(code.folder.size)}"
    done = "uploaded" if step.action.kind == "create" else "replaced and verified"
    work.report.result("code", code.label, f"{done} {amount}")
    return True


def make_environment(step: EnvironmentStep, work: Work) -> bool:
    """Make a version of an environment, with the folder that it is built from."""
    if step.action.kind == "unchanged":
        return True
    environment = step.environment
    work.report.progress("environment", environment.label, "being made")
    spec = environment.spec
    environments.register(
        work.session,
        environment.name,
        environment.version,
        EnvironmentDefinition(
            image=environment.image,
            conda_file=environment.conda_file,
            context=_context(environment, work),
            dockerfile=environment.dockerfile,
            os_type=environment.os_type,
        ),
        description=spec.description or f"of {step.running.name}",
        tags=revision.tags(step.running.name, environment.version, spec.tags),
    )
    work.report.result("environment", environment.label, "made")
    return True


def make_sure_of(undertaking: Undertaking, work: Work) -> None:
    """A job whose data or code is gone fails after it was paid for: look before it is submitted."""
    for wanted in undertaking.data:
        _uploaded(wanted, work)
    if isinstance(undertaking, Running) and isinstance(undertaking.code, CodeVersion):
        _bring(undertaking.code.folder, undertaking.code.label, "code", work)


def _uploaded(wanted: DataVersion, work: Work) -> str:
    """The address of what a version holds, which lies there afterwards, unchanged."""
    if wanted.folder is not None:
        return blobs.address(work.datastore(), _bring(wanted.folder, wanted.label, "data", work))

    def told(done: int, total: int) -> None:
        work.report.step("data", wanted.label, f"{size(done)} of {size(total)}", done, total)

    uri, outcome = data.upload(
        work.session,
        work.datastore(),
        wanted.path,
        wanted.digest,
        wanted.name,
        told,
        by_content=wanted.label in work.plan.spoiled,
    )
    _warn_of(outcome, "data", wanted.label, work)
    return uri


def _register_code(code: CodeVersion, running: Running | Hosting, work: Work) -> None:
    datastore = work.datastore()
    path = _bring(code.folder, code.label, "code", work)
    codes.register(
        work.session,
        code.name,
        code.version,
        uri=f"{datastore.account_url}/{datastore.container}/{path}",
        tags=revision.tags(running.name, code.version, running.spec.tags),
    )


def _context(environment: EnvironmentVersion, work: Work) -> str:
    """The address of the folder that an environment is built from; empty where there is none."""
    build = environment.build
    if not isinstance(build, Folder):
        return build
    datastore = work.datastore()
    path = _bring(build, environment.label, "environment", work)
    return f"{datastore.account_url}/{datastore.container}/{path}/"


def _bring(folder: Folder, label: str, kind: str, work: Work) -> str:
    """The path of a folder in the datastore, where all of it lies afterwards, and nothing else."""

    def told(done: int, total: int) -> None:
        work.report.step(kind, label, f"{size(done)} of {size(total)}", done, total)

    outcome = uploads.upload(
        work.session, work.datastore(), folder, told, by_content=label in work.plan.spoiled
    )
    _warn_of(outcome, kind, label, work)
    return uploads.path_of(folder)


def _warn_of(outcome: Outcome, kind: str, label: str, work: Work) -> None:
    if outcome == "healed":
        work.report.warn(
            f"what was uploaded as {kind} '{label}' held other content than its name says; it "
            "was replaced. Jobs that used it before learned from other data: see --retrain."
        )
