"""What a name's resources are doing, in one row: revision, job, model, endpoint, filter."""

from jobs.foundry.endpoints import Endpoint, serves
from jobs.look.inventory import Holding
from jobs.revision import TAG_HASH


def row(holding: Holding) -> dict[str, object]:
    """What one spec has, as JSON carries it."""
    job, endpoint = holding.job, holding.endpoint
    newest = endpoint.created if endpoint else job.created if job else ""
    beside = [one.name for one in holding.endpoints if one is not endpoint]
    return {
        "name": holding.name,
        "revision": job.tags.get(TAG_HASH, "") if job else "",
        "job": job.status if job else "",
        "job_name": job.name if job else "",
        "model": _model(holding),
        "endpoint": state(endpoint) if endpoint else "",
        "uri": endpoint.uri if endpoint else "",
        "safety": safety(endpoint) if endpoint else "",
        "created": newest,
        "beside": beside,
    }


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


def _model(holding: Holding) -> str:
    if holding.endpoint:
        return serves(holding.endpoint)
    return holding.models[-1].label if holding.models else ""
