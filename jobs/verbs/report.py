"""A revision on one page: verdict, losses, data, scores, answers, safety, cost, whence it comes.

foundry-tune report jobs/specs/xbox-support.yaml          the revision of the spec as it is
foundry-tune report xbox-support --revision a8bbe5a87e    by name: without data, gates and cost
foundry-tune report jobs/specs/xbox-support.yaml --markdown > comment.md

It writes NAME-REVISION-report.html into the current folder: a file of less than 400 kB that needs
nothing else. Nothing is changed in Azure, and no model is asked: scores rest on kept answers, the
content filter in depth on a file that `foundry-tune safety NAME -o json` wrote.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from jobs.options import add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="a spec file, which tells more, or a name")
    parser.add_argument(
        "--revision", default="", help="its hash, or the start of it (the spec's, or the newest)"
    )
    parser.add_argument(
        "--safety", default="", metavar="FILE", help="what foundry-tune safety NAME -o json said"
    )
    parser.add_argument("--open", action="store_true", help="show it in the browser")
    parser.add_argument(
        "--markdown", action="store_true", help="Markdown on stdout, for a pull request; no file"
    )
    parser.add_argument(
        "--force", action="store_true", help="write over a file that is no report of foundry-tune"
    )
    add_target(parser)


def run(arguments: Namespace) -> int:
    """Gather, and write."""
    from jobs.arguments import session_of
    from jobs.report import gather, html, markdown
    from jobs.terminal import output

    about = gather.subjects(arguments.name)
    session = session_of(arguments, arguments.name)
    report = gather.gather(session, about, arguments.revision, arguments.safety)
    if arguments.markdown:
        output.emit(markdown.page(report).rstrip("\n"))
        return 0
    path = Path(f"{report.name}-{report.revision}-report.html")
    content = html.page(report).encode()
    _write(path, content, is_forced=arguments.force)
    output.tell(f"{path}  {len(content) / 1000:,.0f} kB: {report.judgement.word}")
    if arguments.open:
        _show(path)
    return 0


def _write(path: Path, content: bytes, *, is_forced: bool) -> None:
    """Write a report as a whole; an earlier report may go, another file only with --force."""
    from jobs.files import UnreadableFileError, open_regular, whole_file
    from jobs.report.html import MARK

    try:
        with open_regular(path) as there:
            is_report = MARK.encode() in there.read(2000)
    except UnreadableFileError:
        is_report = False
    with whole_file(path, overwrite=is_forced or is_report) as file:
        file.write(content)


def _show(path: Path) -> None:
    import webbrowser

    from jobs.terminal.output import progress

    if not webbrowser.open(path.resolve().as_uri()):
        progress(f"No browser was found here to show {path} in.")
