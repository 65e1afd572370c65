"""`pulumi`: which verbs and flags there are, and the refusal by name of all others."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

from minipulumi.errors import GENERAL, USAGE, PulumiError, Refused

_WHO = (
    "minipulumi: no Pulumi CLI on PATH, so this is foundry-tune's stand-in for it."
    " The state it writes is Pulumi's."
)

# A verb: where its function is, its positional arguments, the names of its flags.
_VERBS: dict[str, tuple[str, list[str], list[str]]] = {
    "preview": ("verbs:preview", [], ["operation", "preview"]),
    "up": ("verbs:up", [], ["operation", "change", "up"]),
    "update": ("verbs:up", [], ["operation", "change", "up"]),
    "refresh": ("verbs:refresh", [], ["operation", "change", "refresh"]),
    "destroy": ("verbs:destroy", [], ["operation", "change"]),
    "cancel": ("stacks:cancel", ["name?"], ["yes"]),
    "login": ("verbs:login", ["url?"], ["local"]),
    "version": ("verbs:version", [], []),
    "stack init": ("stacks:init", ["name?"], ["init"]),
    "stack select": ("stacks:select", ["name?"], ["create"]),
    "stack ls": ("stacks:listing", [], ["json"]),
    "stack rm": ("stacks:remove", ["name?"], ["yes", "rm"]),
    "stack output": ("stacks:output", ["name?"], ["json", "secrets"]),
    "stack export": ("stacks:export", [], ["file", "secrets"]),
    "stack import": ("stacks:load", [], ["file", "force"]),
    "state unprotect": ("stacks:unprotect", ["urn"], ["yes"]),
    "config get": ("settings:get", ["key"], ["path", "json"]),
    "config set": ("settings:store", ["key", "value?"], ["path", "set"]),
    "config rm": ("settings:remove", ["key"], ["path"]),
}

_FLAGS: dict[str, list[tuple[tuple[str, ...], dict[str, Any]]]] = {
    "operation": [
        (("--json", "-j"), {"action": "store_true"}),
        (("--diff",), {"action": "store_true"}),
        (("--expect-no-changes",), {"action": "store_true"}),
        (("--refresh", "-r"), {"nargs": "?", "const": "true", "default": ""}),
        (("--target", "-t"), {"action": "append", "default": []}),
        (("--target-dependents",), {"action": "store_true"}),
        (("--parallel", "-p"), {"type": int, "default": 8}),
        (("--message", "-m"), {}),
    ],
    "preview": [(("--replace",), {"action": "append", "default": []})],
    "change": [
        (("--yes", "-y"), {"action": "store_true"}),
        (("--skip-preview", "-f"), {"action": "store_true"}),
        (("--preview-only",), {"action": "store_true"}),
    ],
    "up": [
        (("--replace",), {"action": "append", "default": []}),
        (("--continue-on-error",), {"action": "store_true"}),
    ],
    "refresh": [(("--clear-pending-creates",), {"action": "store_true"})],
    "yes": [(("--yes", "-y"), {"action": "store_true"})],
    "local": [(("--local", "-l"), {"action": "store_true"})],
    "init": [
        (("--secrets-provider",), {"default": "passphrase"}),
        (("--no-select",), {"action": "store_true"}),
    ],
    "create": [
        (("--create", "-c"), {"action": "store_true"}),
        (("--secrets-provider",), {"default": "passphrase"}),
    ],
    "json": [(("--json", "-j"), {"action": "store_true"})],
    "secrets": [(("--show-secrets",), {"action": "store_true"})],
    "rm": [
        (("--force", "-f"), {"action": "store_true"}),
        (("--preserve-config",), {"action": "store_true"}),
    ],
    "file": [(("--file",), {})],
    "force": [(("--force", "-f"), {"action": "store_true"})],
    "path": [(("--path",), {"action": "store_true"})],
    "set": [
        (("--secret",), {"action": "store_true"}),
        (("--plaintext",), {"action": "store_true"}),
    ],
}

_GLOBAL = [
    (("--stack", "-s"), {}),
    (("--cwd", "-C"), {"default": "."}),
    (("--color",), {"choices": ["always", "auto", "never", "raw"]}),
    (("--non-interactive",), {"action": "store_true"}),
]


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    sys.stderr.write(f"{_WHO}\n")
    sys.stderr.flush()
    try:
        verb, rest = _split(words)
        arguments = _parse(verb, rest)
        module, name = _VERBS[verb][0].split(":")
        run: Callable[[argparse.Namespace], int] = getattr(
            import_module(f"minipulumi.{module}"), name
        )
        return run(arguments)
    except PulumiError as error:
        sys.stdout.flush()
        sys.stderr.write(f"error: {error}\n")
        return error.code
    except (BrokenPipeError, KeyboardInterrupt):
        return GENERAL


def _split(words: list[str]) -> tuple[str, list[str]]:
    """Finds the verb; flags may stand before it."""
    positions, skip = list[int](), False
    for index, word in enumerate(words):
        if skip or word.startswith("-"):
            skip = word in ("-s", "--stack", "-C", "--cwd", "--color") and not skip
            continue
        positions.append(index)
    for count in (2, 1):
        verb = " ".join(words[i] for i in positions[:count])
        if len(positions) >= count and verb in _VERBS:
            rest = [word for i, word in enumerate(words) if i not in positions[:count]]
            return verb, rest
    if not positions:
        raise PulumiError(f"no command; there are: {', '.join(_VERBS)}", USAGE)
    raise Refused(f"'pulumi {' '.join(words[i] for i in positions[:2])}'")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise PulumiError(f"pulumi {self.prog}: {message}", USAGE)


def _parse(verb: str, rest: list[str]) -> argparse.Namespace:
    _, positional, groups = _VERBS[verb]
    parser = _Parser(prog=verb, allow_abbrev=False, description=f"pulumi {verb}")
    for word in positional:
        parser.add_argument(word.rstrip("?"), nargs="?" if word.endswith("?") else None)
    for names, how in [flag for group in groups for flag in _FLAGS[group]] + _GLOBAL:
        parser.add_argument(*names, **how)
    arguments, unknown = parser.parse_known_args(rest)
    if unknown:
        raise Refused(f"'{unknown[0]}' of `pulumi {verb}`")
    arguments.verb = verb
    arguments.interactive = (
        not arguments.non_interactive and sys.stdin.isatty() and sys.stdout.isatty()
    )
    return arguments
