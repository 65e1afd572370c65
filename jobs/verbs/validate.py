"""Check spec files, and the data they name, before anything is spent. Needs no network.

Every finding has a place and a rule; `foundry-tune explain FT-D031` says more about one.
Exit code 3 if anything is wrong (with --strict: or doubtful).
"""

from argparse import ArgumentParser, Namespace

from jobs.options import add_date, add_output, add_policy, add_specs, add_strict


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    from jobs.terminal.findings import FORMS

    add_specs(parser)
    add_output(parser, FORMS)
    add_strict(parser)
    add_date(parser)
    parser.add_argument("--sarif", metavar="FILE", help="the findings as SARIF too, in this file")
    add_policy(parser)
    parser.add_argument("--no-data", action="store_true", help="leave the data files unread")


def run(arguments: Namespace) -> int:
    """Examine each file, and say everything at once."""
    from pathlib import Path

    from jobs.files import whole_file
    from jobs.findings import refuses
    from jobs.read.examine import examine
    from jobs.read.paths import spec_paths
    from jobs.terminal.findings import as_records, as_sarif, as_text, as_tool, summary
    from jobs.terminal.output import emit, emit_structured, tell

    paths = spec_paths(arguments)
    specs = examine(
        paths,
        on=arguments.date,
        overrides=arguments.overrides,
        with_data=not arguments.no_data,
        policy=arguments.policy,
    )
    findings = specs.findings
    refused = refuses(findings, strict=arguments.strict)
    if arguments.sarif:
        with whole_file(Path(arguments.sarif), overwrite=True) as file:
            file.write(as_sarif(findings).encode())
    if (for_tool := as_tool(arguments.output, findings, paths)) is not None:
        emit(for_tool)
    elif arguments.output != "table":
        result: dict[str, object] = {
            "valid": not refused,
            "files": paths,
            "documents": len(specs.chapters),
            "ignored": specs.ignored,
            "findings": as_records(findings),
        }
        emit_structured(result, arguments.output)
    else:
        if findings:
            tell(as_text(findings))
        tell(summary(findings, ignored=specs.ignored))
    return 3 if refused else 0
