"""Keep one comment of a pull request, or one issue, up to date. For workflows on GitHub.

It is found again by its name and changed, never repeated; what a person wrote is never touched.
The run's summary page shows the same. A file that ends in .md is shown as it is. Others are what
steps printed, called after the steps' ids: what failed is open, the rest folded, and an issue is
closed once nothing fails.

    foundry-tune comment comment.md
    foundry-tune comment drift.txt orphans.txt --issue "Nightly look at prod" --steps "$STEPS"
"""

from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="what is said")
    parser.add_argument(
        "--name", default="plan", help="which of the pull request's comments it is (plan)"
    )
    parser.add_argument(
        "--pull-request", type=int, metavar="NUMBER", help="which one (the run's own)"
    )
    parser.add_argument("--issue", metavar="TITLE", help="an issue instead of a comment")
    parser.add_argument(
        "--steps",
        default="{}",
        metavar="JSON",
        help="how the job's steps went: ${{ toJSON(steps) }}",
    )


def run(arguments: Namespace) -> int:
    """Find it, and make it say so."""
    from jobs.errors import UsageError
    from jobs.github import kept, workflow
    from jobs.github.sections import outcomes_of
    from jobs.terminal import output

    outcomes = outcomes_of(arguments.steps)
    text = _said(arguments.files, outcomes)
    workflow.add_to_summary(text)
    where = workflow.here()
    if arguments.issue:
        failed = "failure" in outcomes.values()
        address = kept.issue(where, arguments.issue, text, is_open=failed)
        output.tell(address or "Nothing failed, and no issue says otherwise.")
        return 0
    number = arguments.pull_request or where.pull_request
    if number is None:
        raise UsageError(
            "This run is for no pull request.", next_step="Name one: --pull-request NUMBER"
        )
    output.tell(kept.comment(where, number, arguments.name, text))
    return 0


def _said(files: list[str], outcomes: dict[str, str]) -> str:
    from jobs.errors import UsageError
    from jobs.files import UnreadableFileError, read_bounded
    from jobs.github.sections import sections
    from jobs.terminal.github import LIMIT

    if not any(file.endswith(".md") for file in files):
        return sections(files, outcomes)
    if len(files) > 1:
        raise UsageError(
            f"{', '.join(files)}: Markdown is shown as it is, and nothing beside it.",
            next_step="Name one .md file.",
        )
    try:
        return read_bounded(files[0], 4 * LIMIT).decode("utf-8", "replace")
    except UnreadableFileError as error:
        raise UsageError(
            f"{files[0]} can't be read: {error}.",
            next_step="foundry-tune plan SPEC --markdown > comment.md",
        ) from error
