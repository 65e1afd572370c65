"""What is live in Azure, as rules of a policy judge it: resources, roles, endpoints, jobs."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from jobs.foundry import projects, resources
from jobs.foundry.answers import Json, strings, text
from jobs.foundry.jobs import COMMAND, Job
from jobs.foundry.session import Session
from jobs.look import inventory
from jobs.look.served import served
from jobs.revision import TAG_SPEC
from policy.subject import ENDPOINT, JOB, ROLE_ASSIGNMENT, Subject, lifted

_ONLINE = "microsoft.machinelearningservices/workspaces/onlineendpoints"


class Live(NamedTuple):
    """Something in Azure, and where."""

    place: str
    """What of its ARM id says where it is: from the group's name on."""
    subject: Subject


def live(session: Session) -> Iterator[Live]:
    """Everything in the project's resource group, and the project's jobs that run.

    A budget and the gates of an evaluation are nothing that Azure has: they are unseen.
    """
    found = inventory.look(session)
    models = {one.endpoint.id: one.base_model for one in served(found, projects.get(session))}
    for resource in resources.everything(session):
        yield Live(_place(text(resource, "id")), _resource(resource, models))
    for job in found.jobs:
        if not job.is_finished:
            yield Live(f"job/{job.name}", _job(job))


def _job(job: Job) -> Subject:
    if job.type == COMMAND:
        unseen = frozenset({"budget", "model", "epochs"})
        return Subject(
            type=JOB,
            name=job.name,
            also=_document("command", job.tags),
            properties={},
            unseen=unseen,
        )
    epochs = job.hyperparameters.get("num_train_epochs", "1")
    return Subject(
        type=JOB,
        name=job.name,
        also=_document("finetuning", job.tags),
        properties={"model": job.base_model, "epochs": _whole(epochs)},
        unseen=frozenset({"budget"}),
    )


def _resource(resource: Json, models: dict[str, str]) -> Subject:
    type = text(resource, "type").casefold()
    fields = lifted(resource)
    unseen: frozenset[str] = frozenset()
    if type == ENDPOINT:
        unseen = frozenset({"budget", "gates"})
        written = text(resource, "properties", "modelSettings", "modelId")
        fields["model"] = models.get(text(resource, "id")) or (
            written if written.startswith("azureml://registries/") else ""
        )
    elif type == _ONLINE:
        # An endpoint like any other, and one that Azure has no content filter for.
        unseen = frozenset({"budget", "gates"})
        mode = "AAD" if text(resource, "properties", "authMode") == "AADToken" else "Key"
        unfiltered = {"contentSafety": {"contentSafetyStatus": "Disabled"}, "model": ""}
        fields, type = fields | unfiltered | {"authMode": mode}, ENDPOINT
    elif type == ROLE_ASSIGNMENT and "/resourcegroups/" not in text(resource, "id").casefold():
        # It reaches the group from above: who may hold it there is what is ruled, not what it is.
        unseen = frozenset({"roleDefinitionId"})
    also = (text(resource, "properties", "principalId"),) if type == ROLE_ASSIGNMENT else ()
    if type == ENDPOINT:
        also = _document("serverless_endpoint", strings(resource, "tags"))
    return Subject(
        type=type, name=text(resource, "name"), properties=fields, unseen=unseen, also=also
    )


def _document(kind: str, tags: Mapping[str, str]) -> tuple[str, ...]:
    """What the document is called that something was made for, where its tags say so."""
    name = tags.get(TAG_SPEC, "")
    return (name, f"{kind}.{name}") if name else ()


def _place(id: str) -> str:
    return id.partition("/resourceGroups/")[2] or id


def _whole(written: str) -> int | None:
    try:
        return int(float(written))
    except ValueError:
        return None
