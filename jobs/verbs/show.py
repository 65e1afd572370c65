"""One job, model or endpoint in full."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, is_dataclass
from typing import Any

from jobs.options import add_output, add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="a spec's, job's, model's (name:version) or endpoint's name")
    add_target(parser)
    add_output(parser, choices=("yaml", "json"))


def run(arguments: Namespace) -> int:
    """Everything that Azure says about what carries the name."""
    from jobs.arguments import names_of, session_of
    from jobs.errors import NotFoundError
    from jobs.foundry.hyperparameters import from_wire
    from jobs.look import inventory
    from jobs.terminal import output

    name = names_of(arguments.name)[0]
    found = inventory.look(session_of(arguments, arguments.name))
    holding = found.of(name)
    newest = {job.name for job in holding.jobs[:1]}
    jobs = [job for job in found.jobs if job.name == name or job.name in newest]
    own = {model.label for model in holding.models}
    models = [model for model in found.models if model.label == name or model.label in own]
    own_endpoints = {endpoint.name for endpoint in holding.endpoints}
    endpoints = [e for e in found.endpoints if e.name == name or e.name in own_endpoints]
    pointers = [holding.pointer] if holding.pointer else []
    if not (jobs or models or endpoints or pointers):
        raise NotFoundError(
            f"The project has no job, model or endpoint '{name}'.",
            next_step="foundry-tune list shows what there is.",
        )
    value: dict[str, object] = {
        "jobs": [_plain(job) | {"hyperparameters": from_wire(job.hyperparameters)} for job in jobs],
        "models": [_plain(model) for model in models],
        "endpoints": [_plain(endpoint) for endpoint in endpoints],
        "connections": [_plain(pointer) for pointer in pointers],
    }
    output.emit_structured({key: rows for key, rows in value.items() if rows}, arguments.output)
    return 0


def _plain(resource: Any) -> dict[str, object]:
    assert is_dataclass(resource) and not isinstance(resource, type)  # noqa: PT018
    return {key: value for key, value in asdict(resource).items() if value not in ("", {}, None)}
