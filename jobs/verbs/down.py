"""Delete what a spec made, in the order Azure allows: endpoint, then model, then data.

It ends by looking whether anything that costs money is left. An `apply` of the same spec that runs
beside it may make things anew after that look: stop it first.
"""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_target

if TYPE_CHECKING:
    from jobs.apply.teardown import Teardown


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("what", nargs="+", metavar="SPEC|NAME", help="spec files or names")
    parser.add_argument(
        "--only",
        action="append",
        choices=("endpoint", "finetuning", "command", "model", "data"),
        help="leave the rest (several times: several kinds)",
    )
    parser.add_argument(
        "--foreign",
        action="store_true",
        help="an endpoint of this name, or a deployment of it, too that nothing shows to be "
        "foundry-tune's",
    )
    add_target(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask before deleting")


def run(arguments: Namespace) -> int:
    """Show what would go, ask, delete, and look that nothing billable is left."""
    from jobs.apply import teardown
    from jobs.arguments import names_of, session_of
    from jobs.terminal import output
    from jobs.terminal.question import confirmed

    names = list(dict.fromkeys(name for what in arguments.what for name in names_of(what)))
    session = session_of(arguments, *arguments.what)
    kinds = arguments.only or teardown.KINDS
    found = teardown.look(session, names, kinds, foreign_too=arguments.foreign)
    words = " and ".join(names)
    teardown.require_known(found)
    teardown.refuse_foreign(found)
    if found.is_empty:
        output.tell(f"Nothing is left of {words}.")
        return 0
    teardown.refuse_followed(found)
    teardown.refuse_served_elsewhere(found)
    question = f"This deletes {_listed(found)} of {words}."
    if not confirmed(question, yes=arguments.yes):
        output.progress("Nothing was deleted.")
        return 0
    width = max(len(name) for name in (*_labels(found), "00 versions"))

    def say(kind: str, name: str, done: str) -> None:
        output.tell(f"  -  {kind:<10}  {name:<{width}}  {done}")

    teardown.take_down(session, found, say)
    teardown.require_nothing_billable(session, names, kinds)
    if arguments.only:
        output.tell(f"The rest of {words} stays.")
        return 0
    output.tell(f"Nothing that costs money is left of {words}.")
    return 0


def _labels(found: "Teardown") -> list[str]:
    return [
        *(pointer.name for pointer in found.pointers),
        *(endpoint.name for endpoint in found.endpoints),
        *(f"{one.name}/{it.name}" for one in found.onlines for it in one.deployments),
        *(job.name for job in found.running),
        *(model.label for model in found.models),
    ]


def _listed(found: "Teardown") -> str:
    counts = (
        ("connection", len(found.pointers)),
        ("endpoint", len(found.endpoints) + len(found.onlines)),
        ("deployment", sum(len(one.deployments) for one in found.onlines)),
        ("running job", len(found.running)),
        ("model", len(found.models)),
        ("data version", len(found.data)),
    )
    return ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for word, count in counts if count)
