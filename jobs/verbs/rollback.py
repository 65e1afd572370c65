"""Back to an earlier revision: in seconds while its endpoint lives, else its model is served again.

foundry-tune rollback xbox-support
foundry-tune rollback xbox-support a8bbe5a87e

Nothing is trained. No apply promotes the revision that was left again, until somebody says so.
"""

from argparse import ArgumentParser, Namespace

from jobs.options import add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="the endpoint's name, or the spec file that makes it")
    parser.add_argument(
        "revision", nargs="?", default="", help="its hash, or the start of it (the one before)"
    )
    add_target(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask")


def run(arguments: Namespace) -> int:
    """Show what would serve, ask, prove, and lead the name there."""
    from jobs.apply import switch
    from jobs.verbs.promote import led

    return led(arguments, switch.earlier, rolling_back=True)
