"""What the content filter refuses and lets through: harm category, severity and language.

Prompts and completions, plain, wrapped as jailbreaks and streamed; and harmless near misses, so
that over-blocking is measured: in English, what the spec's data is written in, and the languages
that you name. That costs a little money. Against another endpoint (the base model's, or what served
before) or an earlier answer of this verb, it says what got less safe. Exit code 6 means that harm
was answered, 7 that a gate is missed or something is less safe.

foundry-tune safety jobs/specs/xbox-support.yaml
foundry-tune safety xbox-support --against phi-base --against last-night.json -o json
"""

from argparse import ArgumentParser, Namespace

from jobs.options import add_output, add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", metavar="SPEC|NAME", help="the spec file, or the endpoint's name")
    parser.add_argument(
        "-f",
        "--file",
        action="append",
        default=[],
        help="the spec with your own probes and gates, where a name is given",
    )
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="NAME|FILE.json",
        help="an endpoint, or an earlier answer (-o json) of this verb",
    )
    parser.add_argument(
        "--language",
        action="append",
        default=[],
        metavar="CODE",
        help="ask in this language too: ne, hi, es, de, fr, ar; or all",
    )
    add_target(parser)
    add_output(parser)


def run(arguments: Namespace) -> int:
    """Ask, tell, and raise what is wrong."""
    from jobs.arguments import session_of
    from jobs.proof.matrix import as_rows
    from jobs.terminal import output
    from jobs.watch import filter as watched
    from jobs.watch.asked import asked_for

    asked = asked_for(arguments.name, arguments.file)
    found = watched.look(
        session_of(arguments, arguments.name, *arguments.file),
        asked,
        arguments.against,
        output.progress,
        also=_codes(arguments.language),
    )
    if arguments.output == "table":
        output.tell("\n".join(watched.lines(found)))
    else:
        value: dict[str, object] = {
            "endpoint": found.endpoint.name,
            "leaks": [str(cell) for cell in found.matrix.leaks],
            "over_blocking": found.matrix.over_blocking,
            "over_blocked": [str(cell) for cell in found.matrix.over_blocked],
            "against": {
                name: {
                    "less_safe": len(what.less_safe),
                    "uncompared": what.uncompared,
                    "changes": [
                        {"what": str(c.after), "direction": c.direction, "words": c.words}
                        for c in what.changes
                    ],
                }
                for name, what in found.differences
            },
            "matrix": as_rows(found.matrix),
        }
        output.emit_structured(value, arguments.output)
    watched.require_safe(found, asked)
    return 0


def _codes(named: list[str]) -> list[str]:
    from jobs.errors import UsageError
    from jobs.spec.grid import languages
    from jobs.suggestions import did_you_mean

    if "all" in named:
        return list(languages())
    for code in named:
        if code not in languages():
            hint = did_you_mean(code, languages())
            known = ", ".join(f"{one} ({title})" for one, title in languages().items())
            raise UsageError(
                f"No built-in question is in the language '{code}'.{hint}",
                next_step=f"There are {known}.",
            )
    return named
