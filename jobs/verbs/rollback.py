"""Back to an earlier revision: in seconds while its endpoint lives, else its model is served again.

foundry-tune rollback xbox-support
foundry-tune rollback xbox-support a8bbe5a87e

Nothing is trained. No apply promotes the revision that was left again, until somebody says so.
"""

from argparse import ArgumentParser, Namespace

from jobs.verbs.promote import add_revision, led


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_revision(parser, default="the one before")


def run(arguments: Namespace) -> int:
    """Show what would serve, ask, prove, and lead the name there."""
    from jobs.apply import switch

    return led(arguments, switch.earlier, rolling_back=True)
