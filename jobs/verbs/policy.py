"""Hold specs, and what is live in Azure, against the platform team's rules.

The rules are those of each foundry-policy.yaml above the specs, or of --policy. `validate`, `plan`
and `apply` hold specs to the same ones; this says nothing else. Exit code 3 where a rule is broken
that isn't only advisory. Exceptions are listed with their last days: after it the rule holds again.

    foundry-tune policy jobs/specs/
    foundry-tune policy jobs/specs/ --live -o sarif
"""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_output, add_overrides, add_policy, add_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.findings import Finding
    from jobs.read.examine import CheckedSpecs
    from jobs.read.policies import Excepted


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    from jobs.terminal.findings import FORMS

    parser.add_argument("specs", nargs="*", metavar="SPEC", help="spec files, or folders of them")
    parser.add_argument("-f", "--file", action="append", default=[], help="a spec file (as az ml)")
    add_overrides(parser)
    add_policy(parser)
    parser.add_argument(
        "--live",
        action="store_true",
        help="also the project's resource group: resources, roles, endpoints, jobs that run",
    )
    add_target(parser)
    add_output(parser, FORMS)


def run(arguments: Namespace) -> int:
    """Judge, and say everything at once."""
    from jobs.arguments import session_of
    from jobs.findings import refuses
    from jobs.look.governed import live
    from jobs.read.examine import examine
    from jobs.read.paths import spec_paths
    from jobs.read.policies import exceptions, found_live
    from jobs.terminal.findings import as_records, as_text, as_tool, summary
    from jobs.terminal.output import emit, emit_structured, plain, table, tell

    paths = spec_paths(arguments)
    specs = examine(
        paths,
        overrides=arguments.overrides,
        with_data=False,
        with_prices=False,
        policy=arguments.policy,
    )
    findings = list(_of_policy(specs))
    _require_any(specs, findings)
    if arguments.live:
        session = session_of(arguments, *paths)
        findings += [f for one in live(session) for f in found_live(*one, specs.policies)]
    refused = refuses(findings, strict=False)
    held = [one.file for one in specs.policies]
    excepted = list(exceptions(specs.policies))
    if (for_tool := as_tool(arguments.output, findings, paths)) is not None:
        emit(for_tool)
    elif arguments.output != "table":
        result: dict[str, object] = {
            "allowed": not refused,
            "policies": held,
            "files": paths,
            "live": arguments.live,
            "findings": as_records(findings),
            "exceptions": [one._asdict() for one in excepted],
        }
        emit_structured(result, arguments.output)
    else:
        if findings:
            tell(as_text(findings))
        tell(f"Held against {', '.join(held) or 'no policy that can be read'}: {summary(findings)}")
        if excepted:
            rows = [(one.rule, one.of, _until(one), one.reason, one.place) for one in excepted]
            tell(plain(table(rows, header=("EXCEPTION OF", "FOR", "UNTIL", "REASON", "WRITTEN"))))
    return 3 if refused else 0


def _until(one: "Excepted") -> str:
    words = {"holds": "", "soon": " (soon)", "over": " (over)"}
    return f"{one.until}{words[one.state]}"


def _of_policy(specs: "CheckedSpecs") -> "Iterator[Finding]":
    """Broken rules, and what keeps a file from being judged by them."""
    unread = set(specs.unreadable)
    return (f for f in specs.findings if f.rule.startswith("FT-P") or f in unread)


def _require_any(specs: "CheckedSpecs", findings: "list[Finding]") -> None:
    from jobs.errors import UsageError
    from policy.settings import POLICY_FILE

    if not specs.policies and not findings:
        raise UsageError(
            f"No {POLICY_FILE} is beside these specs or above them.",
            next_step="Write one (docs/policy.md), or name it: --policy FILE",
        )
