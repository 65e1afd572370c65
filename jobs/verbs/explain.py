"""What a rule means: why it matters, a piece of a file that it finds, and the fix.

foundry-tune explain FT-D031
foundry-tune explain leakage        every rule that speaks of it
"""

from argparse import ArgumentParser, Namespace

from jobs.options import add_output


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("rule", nargs="?", metavar="RULE", help="an id, or a word; all without it")
    add_output(parser)


def run(arguments: Namespace) -> int:
    """Show one rule in full, or list those that fit."""
    from jobs.errors import UsageError
    from jobs.rules import RULES
    from jobs.suggestions import did_you_mean
    from jobs.terminal.output import emit_structured, style, table, tell

    asked = (arguments.rule or "").strip()
    exact = RULES.get(asked.upper())
    word = asked.casefold()
    found = [exact] if exact else [r for r in RULES.values() if word in " ".join(r[:4]).casefold()]
    if not found:
        raise UsageError(
            f"'{asked[:60]}' is no rule.{did_you_mean(asked.upper(), RULES)}",
            next_step="List them all: foundry-tune explain",
        )
    if arguments.output != "table":
        emit_structured({"rules": [rule._asdict() for rule in found]}, arguments.output)
    elif len(found) == 1:
        rule = found[0]
        tell(f"{style(rule.id, 'bold')}  {rule.severity}  {rule.title}")
        tell(f"\n{rule.why}\n")
        tell("Found in:")
        tell("\n".join(f"    {line}" for line in rule.example.splitlines()))
        tell("Fix:")
        tell("\n".join(f"    {line}" for line in rule.fix.splitlines()))
        if not rule.silenceable:
            tell("\nIt can't be silenced with ignore.")
    else:
        tell(table((rule.id, rule.severity, rule.title) for rule in found))
    return 0
