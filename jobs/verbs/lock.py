"""Write down all that a revision is made with: files, model, hyperparameters, packages, Azure.

The lock lies beside the spec, as NAME.run.lock. No secret and no time is in it: it is to be
committed and reviewed. `apply` writes it anew where there is one, and `verify` says what moved.

    foundry-tune lock jobs/specs/xbox-support.yaml
"""

from argparse import ArgumentParser, Namespace

from jobs.options import add_specs, add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_specs(parser)
    add_target(parser)


def run(arguments: Namespace) -> int:
    """Plan, and write what the plan rests on."""
    from jobs.arguments import session_of
    from jobs.plan import lock
    from jobs.plan.plan import make
    from jobs.read.examine import checked
    from jobs.read.paths import spec_paths
    from jobs.terminal import output

    paths = spec_paths(arguments)
    specs = checked(paths, arguments.overrides, strict=False)
    session = session_of(arguments, *paths)
    plan = make(session, specs)
    path = lock.path_of(paths[0])
    written = lock.write(path, lock.made(plan, session.target, paths, path.parent))
    output.tell(f"{path}  {'written' if written else 'says so already'}")
    return 0
