"""Say what moved since a lock was written: files, packages, settings, and what is in Azure.

Exit code 11 where anything did.

    foundry-tune verify jobs/specs/xbox-support.yaml
"""

from argparse import ArgumentParser, Namespace

from jobs.options import add_output, add_target

MOVED = 11
"""The exit code that says so; a saved plan that is refused has the same."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("spec", help="a spec that has a lock beside it, or the lock")
    add_target(parser)
    add_output(parser)


def run(arguments: Namespace) -> int:
    """Plan anew, and hold it against the lock."""
    from jobs.arguments import session_of
    from jobs.plan import lock
    from jobs.plan.plan import make
    from jobs.read.examine import checked
    from jobs.terminal import output

    path = lock.path_of(arguments.spec)
    before = lock.read(path)
    specs = [str(path.parent / name) for name in before.specs]
    session = session_of(arguments, *specs)
    plan = make(session, checked(specs, [], strict=False))
    found = lock.verify(path, before, lock.made(plan, session.target, specs, path.parent))
    if arguments.output != "table":
        output.emit_structured({"lock": str(path), "moved": found.records}, arguments.output)
    else:
        rows = [(move.what, move.before, "→", move.after) for move in found.moves]
        output.tell(output.plain(output.table(rows)) or f"Nothing moved since {path} was written.")
    return MOVED if found.moves else 0
