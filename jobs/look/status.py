"""What a name's resources are doing, in one row: revision, job, model, endpoint, filter."""

from collections.abc import Iterable
from datetime import date

from jobs.catalog.forecast import end_of_answers
from jobs.catalog.objections import ending_objection
from jobs.foundry.endpoints import Endpoint, serves
from jobs.foundry.online import Managed
from jobs.look.inventory import Holding
from jobs.look.served import Served
from jobs.revision import TAG_HASH


def row(holding: Holding, served: Served | None) -> dict[str, object]:
    """What one spec has, as JSON carries it; `served` is its endpoint with the base model.

    Revision and job are those of what is served; where nothing is yet, those of the newest job.
    """
    endpoint, newest_job = holding.endpoint, holding.job
    job = holding.served_job or newest_job
    newest = endpoint.created if endpoint else job.created if job else ""
    beside = [one.name for one in holding.endpoints if one is not endpoint]
    shown = {
        "model": _model(holding),
        "endpoint": state(endpoint) if endpoint else "",
        "uri": endpoint.uri if endpoint else "",
        "safety": safety(endpoint) if endpoint else "",
    }
    if holding.online and endpoint is None:
        shown = deployed(holding.online)
        newest = holding.online.endpoint.created
        idle = (it for it in holding.online.deployments if it is not holding.online.served)
        beside += [f"{holding.name}/{it.name}" for it in idle]
    return {
        "name": holding.name,
        "revision": job.tags.get(TAG_HASH, "") if job else "",
        "job": job.status if job else "",
        "job_name": job.name if job else "",
        **shown,
        "refused_from": _end(served) if served else "",
        "created": newest,
        "newer_job": newest_job.name if newest_job and newest_job is not job else "",
        "newer_job_status": newest_job.status if newest_job and newest_job is not job else "",
        "beside": beside,
    }


def deployed(managed: Managed) -> dict[str, str]:
    """What a managed online endpoint serves; Azure has no filter in front of one."""
    served = managed.served
    state = served.provisioning_state if served else "no traffic"
    return {
        "model": managed.model,
        "endpoint": "Healthy" if state == "Succeeded" else state,
        "uri": managed.endpoint.uri,
        "safety": "no filter",
    }


def endings(served: Iterable[Served], on: date) -> list[str]:
    """What stops answering soon, or has stopped, and what to do: a line an endpoint."""
    return [
        f"{one.endpoint.name}: {objection.message} {objection.next_step}"
        for one in served
        if (objection := ending_objection(one.base_model, on, tuned=one.is_tuned))
    ]


def state(endpoint: Endpoint) -> str:
    """`Healthy`, as the portal says it, where it is made and answers; else Azure's own word."""
    if endpoint.provisioning_state != "Succeeded":
        return endpoint.provisioning_state
    return "Healthy" if endpoint.state in {"Online", ""} else endpoint.state


def safety(endpoint: Endpoint) -> str:
    """`on` only where the filter is set AND was probed so; anything else says what is wrong."""
    if not endpoint.is_filtered:
        return "OFF" if endpoint.content_safety == "Disabled" else "unknown"
    return "on" if endpoint.is_probed else "unproven"


def _end(served: Served) -> str:
    """The first day on which it answers 404; empty where none is published."""
    day = end_of_answers(served.base_model, tuned=served.is_tuned).on
    return f"{day}" if day else ""


def _model(holding: Holding) -> str:
    if holding.endpoint:
        return serves(holding.endpoint)
    return holding.models[-1].label if holding.models else ""
