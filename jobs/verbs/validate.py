"""Check spec files, and the data they name, before anything is spent. Needs no network.

Every finding has a place and a rule; `foundry-tune explain FT-D031` says more about one.
Exit code 3 if anything is wrong (with --strict: or doubtful).
"""

from argparse import ArgumentParser, Namespace

from jobs.options import add_date, add_output, add_specs, add_strict


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    from jobs.reporting import FORMS

    add_specs(parser)
    add_output(parser, FORMS)
    add_strict(parser)
    add_date(parser)
    parser.add_argument("--no-data", action="store_true", help="leave the data files unread")


def run(arguments: Namespace) -> int:
    """Examine each file, and say everything at once."""
    from jobs.catalog import today
    from jobs.examine import examine
    from jobs.findings import Finding, refuses
    from jobs.options import spec_paths
    from jobs.output import emit, emit_structured
    from jobs.reporting import as_junit, as_records, as_sarif, as_text, summary

    paths = spec_paths(arguments.specs, arguments.file)
    on = arguments.date or today()
    findings: list[Finding] = []
    ignored = documents = 0
    for path in paths:
        examined = examine(
            path,
            on=on,
            overrides=arguments.overrides,
            with_data=not arguments.no_data,
        )
        findings += examined.findings
        ignored += examined.ignored
        documents += len(examined.story.chapters)
    refused = refuses(findings, strict=arguments.strict)
    if arguments.output == "sarif":
        emit(as_sarif(findings))
    elif arguments.output == "junit":
        emit(as_junit(findings, paths))
    elif arguments.output != "table":
        result: dict[str, object] = {
            "valid": not refused,
            "files": paths,
            "documents": documents,
            "ignored": ignored,
            "findings": as_records(findings),
        }
        emit_structured(result, arguments.output)
    else:
        if findings:
            emit(as_text(findings))
        emit(summary(findings, ignored=ignored))
    return 3 if refused else 0
