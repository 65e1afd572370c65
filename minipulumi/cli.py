"""`pulumi`: which verbs and flags there are, and the refusal by name of all others."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import argparse
import sys
from importlib import import_module
from typing import Any, NoReturn

from minipulumi.errors import GENERAL, USAGE, PulumiError, Refused

_WHO = (
    "minipulumi: no Pulumi CLI on PATH, so this is foundry-tune's stand-in for it."
    " The state it writes is Pulumi's."
)

# A flag: its names, and what argparse has to know of it if it is no switch.
_FLAGS: dict[str, tuple[str, dict[str, Any]]] = {
    "json": ("--json -j", {}),
    "diff": ("--diff", {}),
    "expect": ("--expect-no-changes", {}),
    "refresh": ("--refresh -r", {}),
    "target": ("--target -t", {"action": "append", "default": []}),
    "packs": ("--policy-pack", {"action": "append", "default": []}),
    "parallel": ("--parallel -p", {"type": int, "default": 8}),
    "message": ("--message -m", {"default": ""}),
    "yes": ("--yes -y", {}),
    "skip": ("--skip-preview", {}),
    "only": ("--preview-only", {}),
    "local": ("--local -l", {}),
    "create": ("--create -c", {}),
    "secrets": ("--show-secrets", {}),
    "force": ("--force -f", {}),
    "keep": ("--preserve-config", {}),
    "file": ("--file", {"default": ""}),
    "secret": ("--secret", {}),
    "stack": ("--stack -s", {"default": ""}),
    "cwd": ("--cwd -C", {"default": "."}),
    "color": ("--color", {"choices": ["always", "auto", "never", "raw"]}),
    "quiet": ("--non-interactive", {}),
}
_GLOBAL = "stack cwd color quiet"
_OPERATION = "json diff expect refresh target parallel message"

# A verb: where its function is, its positional arguments, its flags.
_VERBS: dict[str, tuple[str, str, str]] = {
    "preview": ("operations:operate", "", f"{_OPERATION} packs"),
    "up": ("operations:operate", "", f"{_OPERATION} packs yes skip only"),
    "refresh": ("operations:operate", "", f"{_OPERATION} yes skip only"),
    "destroy": ("operations:operate", "", f"{_OPERATION} yes skip only"),
    "cancel": ("stacks:cancel", "name?", "yes"),
    "login": ("backend:login", "", "local"),
    "version": ("stacks:version", "", ""),
    "stack init": ("stacks:init", "name?", ""),
    "stack select": ("stacks:select", "name?", "create"),
    "stack ls": ("stacks:listing", "", "json"),
    "stack rm": ("stacks:remove", "name?", "yes force keep"),
    "stack output": ("stacks:output", "name?", "json secrets"),
    "stack export": ("stacks:export", "", "file"),
    "stack import": ("stacks:load", "", "file force"),
    "config get": ("settings:get", "key", ""),
    "config set": ("settings:store", "key value?", "secret"),
    "config rm": ("settings:remove", "key", ""),
    "help": ("cli:usage", "", ""),
}


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    sys.stderr.write(f"{_WHO}\n")
    sys.stderr.flush()
    try:
        verb, rest = _split(list(sys.argv[1:] if argv is None else argv))
        arguments = _parse(verb, rest)
        module, name = _VERBS[verb][0].split(":")
        return getattr(import_module(f"minipulumi.{module}"), name)(arguments)
    except PulumiError as error:
        sys.stdout.flush()
        sys.stderr.write(f"error: {error}\n")
        return error.code
    except (BrokenPipeError, KeyboardInterrupt):
        return GENERAL


def usage(_: argparse.Namespace) -> int:
    """`pulumi`, `pulumi help`: what there is."""
    lines = [f"  pulumi {verb}" for verb in _VERBS]
    sys.stdout.write(
        "\n".join(["What is covered; `pulumi VERB --help` tells the flags:", *lines, ""])
    )
    return 0


def _split(words: list[str]) -> tuple[str, list[str]]:
    """Finds the verb; flags may stand before it."""
    first = 0
    while first < len(words) and words[first].startswith("-"):
        first += 2 if words[first] in ("-s", "--stack", "-C", "--cwd", "--color") else 1
    for count in (2, 1):
        verb = " ".join(words[first : first + count])
        if verb in _VERBS:
            return verb, [*words[:first], *words[first + count :]]
    if first >= len(words):
        return "help", []
    named = [word for word in words[first : first + 2] if not word.startswith("-")]
    raise Refused(f"'pulumi {' '.join(named)}'")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise PulumiError(f"pulumi {self.prog}: {message}", USAGE)


def _parse(verb: str, rest: list[str]) -> argparse.Namespace:
    _, positional, flags = _VERBS[verb]
    parser = _Parser(prog=verb, allow_abbrev=False, description=f"pulumi {verb}")
    for word in positional.split():
        parser.add_argument(word.rstrip("?"), nargs="?" if word.endswith("?") else None)
    for flag in f"{flags} {_GLOBAL}".split():
        names, how = _FLAGS[flag]
        parser.add_argument(*names.split(), **(how or {"action": "store_true"}))
    parser.set_defaults(yes=False, skip_preview=False, preview_only=False, policy_pack=[])
    arguments, unknown = parser.parse_known_args(rest)
    if any(word.startswith("--exec-kind") for word in unknown):
        raise Refused("programs that drive it by Pulumi's Automation API ('--exec-kind')")
    if unknown:
        raise Refused(f"'{unknown[0]}' of `pulumi {verb}`")
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    arguments.verb, arguments.interactive = verb, terminal and not arguments.non_interactive
    return arguments
