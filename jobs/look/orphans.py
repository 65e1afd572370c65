"""What costs, and belongs to no file: endpoints and jobs that the documents at hand don't have."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from jobs.foundry.endpoints import Endpoint
from jobs.foundry.jobs import Job
from jobs.foundry.online import Managed
from jobs.look.inventory import Inventory
from jobs.revision import TAG_SPEC, is_endpoint_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """Something billed that no file has."""

    of: Endpoint | Job | Managed
    document: str
    """The document that it was made for; empty where foundry-tune didn't make it."""
    why: str
    command: str
    """What takes it down; empty where that is no work of foundry-tune's."""


def orphans(
    found: Inventory,
    endpoints: Collection[str],
    trainings: Collection[str],
    jobs: Collection[str],
    onlines: Collection[str] = (),
) -> Iterator[Orphan]:
    """What is billed and belongs to none of these.

    `endpoints`, `onlines` and `trainings` are names of documents, `jobs` the jobs of their
    revisions of today. A sweep's are all those whose names begin so.
    """
    for endpoint in found.endpoints:
        document = endpoint.tags.get(TAG_SPEC, "") or next(
            (name for name in endpoints if is_endpoint_of(endpoint.name, name)), ""
        )
        if document not in endpoints:
            yield Orphan(
                of=endpoint,
                document=document,
                why=f"no file has a serverless_endpoint '{document}'"
                if document
                else "no file has it, and foundry-tune didn't make it",
                command=f"foundry-tune down {document} --only endpoint" if document else "",
            )
        elif _is_left(endpoint, document, found):
            yield Orphan(
                of=endpoint,
                document=document,
                why=f"a revision that '{document}' doesn't follow",
                command=f"foundry-tune gc {document}",
            )
    for managed in found.onlines:
        document = managed.endpoint.tags.get(TAG_SPEC, "")
        if managed.deployments and managed.name not in onlines:
            yield Orphan(
                of=managed,
                document=document,
                why=f"no file has an online_endpoint '{document}'"
                if document
                else "no file has it, and foundry-tune didn't make it",
                command=f"foundry-tune down {document} --only endpoint" if document else "",
            )
    for job in found.jobs:
        document = job.tags.get(TAG_SPEC, "")
        if job.is_finished:
            continue
        if document not in trainings:
            why = f"no file has a {job.kind} '{document}'" if document else "no file has it"
        elif not job.name.startswith(tuple(jobs)):
            why = f"a revision that the file of '{document}' no longer has"
        else:
            continue
        yield Orphan(of=job, document=document, why=why, command=f"foundry-tune cancel {job.name}")


def _is_left(endpoint: Endpoint, document: str, found: Inventory) -> bool:
    pointer = found.of(document).pointer
    return pointer is not None and endpoint.name != pointer.endpoint
