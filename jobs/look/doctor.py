"""What `doctor` finds: each setting with who said so, then each step of getting to Azure, tried."""

import os
from dataclasses import dataclass

from jobs.catalog.catalog import region_name
from jobs.errors import AccessDeniedError, FoundryTuneError
from jobs.foundry import projects, subscription
from jobs.foundry.arm import Arm
from jobs.foundry.credential import sign_in
from jobs.foundry.pipeline_credential import is_pipelines_task, is_workflow_job
from jobs.foundry.projects import Project
from jobs.foundry.reachability import MANAGEMENT_HOST, require_reachable
from jobs.foundry.session import Session
from jobs.foundry.subscription import Grant
from jobs.target.sources import ENVIRONMENT, Source
from jobs.target.target import Target, choose, looked_at
from jobs.terminal import output

_NETWORK = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_CREDENTIAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
_TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that doctor looked at."""

    subject: str
    verdict: str
    """`ok`, `fail`, or empty for a mere statement."""
    message: str
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that doctor looked at, in order."""

    seen: tuple[Observation, ...]

    @property
    def exit_code(self) -> int:
        """That of the first failure."""
        return next((one.exit_code for one in self.seen if one.exit_code), 0)

    def lines(self) -> list[str]:
        """The report as people read it."""
        colours = {"ok": "green", "fail": "red"}
        width = max(len(one.subject) for one in self.seen)
        lines: list[str] = []
        for one in self.seen:
            verdict = f"{one.verdict:<4}"
            if one.verdict:
                verdict = output.style(verdict, colours[one.verdict])
            first, *rest = one.message.splitlines() or [""]
            lines.append(f"{one.subject:<{width}}  {verdict}  {first}")
            lines += [f"{'':<{width}}        {line.strip()}" for line in rest]
        return lines

    def as_dict(self) -> dict[str, object]:
        """The report as JSON carries it."""
        return {
            "findings": [
                {"subject": f.subject, "verdict": f.verdict, "message": f.message}
                for f in self.seen
            ],
            "exit_code": self.exit_code,
        }


def diagnose(
    *,
    subscription_id: str | None,
    resource_group: str | None,
    project: str | None,
    stack: str | None,
    spec: str | None = None,
) -> Diagnosis:
    """Look at everything; what fails is a finding, and what rests on it is left out."""
    seen = _settings()
    target = _target(
        seen,
        {"subscription_id": subscription_id, "resource_group": resource_group, "project": project},
        stack,
        spec,
    )
    session = _session(seen, target) if target else None
    if session:
        _project(seen, session)
    return Diagnosis(tuple(seen))


def _settings() -> list[Observation]:
    """What the environment says of the network and of the credential; never a secret's value."""
    seen = [
        Observation("network", "", f"{name}={output.printable(_shown(name), 120)}")
        for name in _NETWORK
        if os.environ.get(name)
    ]
    if os.environ.get("FOUNDRY_EMULATOR"):
        seen.insert(0, Observation("rehearsal", "", "this is the emulator, not Azure"))
    given = [name for name in _CREDENTIAL if os.environ.get(name)]
    client = os.environ.get("AZURE_CLIENT_ID", "")
    words = f"the environment's service principal {client}".rstrip()
    if is_workflow_job():
        words = f"identity {client}, by the token of this workflow's job"
    elif is_pipelines_task():
        client = os.environ["AZURESUBSCRIPTION_CLIENT_ID"]
        words = f"identity {client}, by the service connection of this task"
    elif os.environ.get(_TOKEN_FILE) and "AZURE_CLIENT_SECRET" not in given:
        words = f"identity {client}, by the token in {_TOKEN_FILE}"
    elif len(given) < len(_CREDENTIAL):
        missing = ", ".join(name for name in _CREDENTIAL if name not in given)
        words = f"az login or a managed identity ({missing} not set)"
    return [*seen, Observation("credential", "", words)]


def _shown(name: str) -> str:
    """A variable's value without a password that a proxy's address may hold."""
    value = os.environ[name]
    scheme, separator, rest = value.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else value


def _target(
    seen: list[Observation], flags: dict[str, str | None], stack: str | None, spec: str | None
) -> Target | None:
    sources: list[Source] = []
    try:
        for source in looked_at(flags, spec, stack, all_of_them=True):
            sources.append(source)  # noqa: PERF402  (one that fails keeps the earlier ones)
        target = choose(sources)
    except FoundryTuneError as error:
        seen += [_said(source) for source in sources]
        seen.append(Observation("target", "fail", str(error), error.exit_code))
        return None
    seen += [_said(source) for source in sources]
    for setting in ENVIRONMENT:
        value: str = getattr(target, setting)
        subject = setting.removesuffix("_id").replace("_", " ")
        seen.append(Observation(subject, "ok", f"{value}   from {target.sources[setting]}"))
    return target


def _said(source: Source) -> Observation:
    said = ", ".join(f"{key.removesuffix('_id')} {value}" for key, value in source.values.items())
    words = said or source.problem or "nothing"
    return Observation("source", "", f"{source.called}: {words}")


def _session(seen: list[Observation], target: Target) -> Session | None:
    try:
        require_reachable()
        seen.append(Observation("network", "ok", f"{MANAGEMENT_HOST} is within reach"))
        credential = sign_in()
        seen.append(Observation("sign-in", "ok", "Microsoft Entra ID gave a token"))
    except FoundryTuneError as error:
        seen.append(Observation("sign-in", "fail", str(error), error.exit_code))
        return None
    return Session(target, Arm(credential))


def _project(seen: list[Observation], session: Session) -> None:
    try:
        project = projects.get(session)
        region = region_name(project.location)
        seen.append(Observation("project", "ok", f"{project.name} in {region}"))
        seen.append(_datastore(session))
    except FoundryTuneError as error:
        seen.append(Observation("project", "fail", str(error), error.exit_code))
        if isinstance(error, AccessDeniedError):
            seen.append(_missing(session, "submit jobs", subscription.group_id(session)))
        return
    seen += _access(session, project.id)
    seen += _blobs(session, project)


def _datastore(session: Session) -> Observation:
    try:
        store = projects.default_datastore(session)
    except AccessDeniedError:  # who only calls an endpoint has no need of it
        return Observation("datastore", "", "you may not read where the project keeps its data")
    way = "your own identity" if store.uses_identity else "a key that Azure ML lends"
    return Observation("datastore", "ok", f"{store.account}, opened with {way}")


def _access(session: Session, scope: str) -> list[Observation]:
    """What the caller may do in the project, and by which roles, their own or a group's."""
    try:
        granted = subscription.permissions(session, scope)
    except FoundryTuneError:
        message = "Azure doesn't show you your permissions on the project"
        return [Observation("access", "", message)]
    refused = [
        words
        for words, actions in subscription.ACTIONS.items()
        if not all(granted.allow(action) for action in actions)
    ]
    by = _roles(session, scope)
    if not refused:
        words = f"you may {' and '.join(subscription.ACTIONS)}{by}"
        return [Observation("access", "ok", words)]
    # Who only looks has no need of it: `plan` says what is missing, and `apply` refuses.
    group = subscription.group_id(session)
    return [
        Observation("access", "", f"you may not {' or '.join(refused)}{by}"),
        *(_missing(session, words, group) for words in refused),
    ]


def _blobs(session: Session, project: Project) -> list[Observation]:
    """Whether the caller may write where training data goes: a right of the storage account."""
    try:
        account = projects.storage_account(session, project)
        granted = subscription.permissions(session, account)
    except FoundryTuneError:
        message = "Azure doesn't show you your permissions on the project's storage"
        return [Observation("blobs", "", message)]
    if all(granted.allow(action, data=True) for action in subscription.BLOB_ACTIONS):
        return [Observation("blobs", "ok", "you may read and write them")]
    return [
        Observation("blobs", "", "you may not read and write them"),
        _missing(session, "read and write blobs", account),
    ]


def _missing(session: Session, words: str, scope: str) -> Observation:
    how = subscription.how_to_grant(session, words, scope)
    return Observation("missing", "", f"to {words}:\n{how}")


def _roles(session: Session, scope: str) -> str:
    try:
        grants = subscription.grants(session, scope)
    except FoundryTuneError:
        return ", by roles that Azure doesn't show you"
    return "".join(f"\n{words}" for words in dict.fromkeys(map(_in_words, grants)))


def _in_words(grant: Grant) -> str:
    through = f", through group {grant.group}" if grant.group else ""
    return f"{grant.role} on {grant.scope.rpartition('/')[2] or 'everything'}{through}"
