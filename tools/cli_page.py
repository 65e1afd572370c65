"""docs/cli.md from the parsers: every verb, argument and option of both commands.

argparse's own help is set differently by each Python, so the page is made from what it holds.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from emulator import cli as emulator_cli
from jobs.cli import VERBS, parser_of

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"

HEAD = """\
# Commands

Every verb of `foundry-tune` and of `foundry-emulator`, with its arguments; `foundry-tune VERB
--help` says the same. Exit codes, and what to do about them, are in
[troubleshooting.md](troubleshooting.md).
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## foundry-tune\n", "| verb | |\n| --- | --- |"]
    parts += [f"| [{verb}](#foundry-tune-{verb}) | {line} |" for verb, line in VERBS.items()]
    for verb in VERBS:
        parts += ["", *_section(parser_of(verb), "###")]
    parts += ["", "## foundry-emulator\n", "| verb | |\n| --- | --- |"]
    for verb, line in emulator_cli.VERBS.items():
        parts.append(f"| [{verb}](#foundry-emulator-{verb}) | {line.replace('|', chr(92) + '|')} |")
    for verb in emulator_cli.VERBS:
        parts += ["", *_section(emulator_cli.parser_of(verb), "###")]
    return "\n".join(parts) + "\n"


def _section(parser: argparse.ArgumentParser, heading: str) -> Iterator[str]:
    yield f"{heading} {parser.prog}\n"
    if parser.description:
        yield f"{_described(parser.description)}\n"
    rows = [_row(action) for action in _actions(parser)]
    if rows:
        yield "| argument | |\n| --- | --- |"
        yield from rows
    for inner in _subparsers(parser).values():
        yield ""
        yield from _section(inner, f"{heading}#")


def _described(text: str) -> str:
    """The first paragraph as prose, examples (lines that begin with a command) as code."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        is_command = line.startswith("foundry-")
        if is_command != (lines[-1:] != [] and lines[-1].startswith("    ")) and lines:
            lines.append("")
        lines.append(f"    {line}" if is_command else line)
    return "\n".join(lines)


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    found: list[argparse.Action] = parser._actions  # pyright: ignore[reportPrivateUsage] # argparse shows them in no other way
    hidden = (argparse._HelpAction, argparse._SubParsersAction)  # pyright: ignore[reportPrivateUsage]
    return [action for action in found if not isinstance(action, hidden)]


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:  # pyright: ignore[reportPrivateUsage]
        if isinstance(action, argparse._SubParsersAction):  # pyright: ignore[reportPrivateUsage]
            inner: dict[str, argparse.ArgumentParser] = action.choices  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            return inner
    return {}


def _row(action: argparse.Action) -> str:
    value = ""
    if action.nargs != 0:
        choices = action.choices
        name = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
        value = "\\|".join(map(str, choices)) if choices and not action.metavar else name
    words = ", ".join(f"{option} {value}".strip() for option in action.option_strings) or value
    return f"| `{words.replace('`', '')}` | {(action.help or '').replace('|', chr(92) + '|')} |"
