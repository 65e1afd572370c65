"""The `foundry-tune` command: finds the verb, runs it, and turns errors into words and exit codes.

A verb is a module `jobs.verbs.<verb>` with `add_arguments(parser)` and `run(arguments) -> int`,
imported when it is named. The help below is static so that `foundry-tune --help` imports nothing.
"""

import sys

TYPE_CHECKING = False  # what typing's is; importing typing would cost more than this whole module
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from typing import Any, TextIO

    from jobs.errors import FoundryTuneError

VERBS = {
    "init": "A repository of one's own: environment, spec, data, workflows",
    "validate": "Check specs, and the data they name, before anything is spent",
    "dataset": "check, split, fix or describe a JSONL file of conversations",
    "cost": "What a spec would cost, with the price rows it rests on",
    "models": "What can be fine-tuned and served, where, until when",
    "forecast": "On which day a spec, or what is served, stops working",
    "plan": "What apply would do: data, checks, cost, actions",
    "policy": "Hold specs, and what is live in Azure, against the platform team's rules",
    "apply": "Do it: upload, fine-tune, register, serve, prove",
    "lock": "Write down all that a revision is made with, beside the spec",
    "verify": "What moved since a lock was written: files, packages, Azure",
    "status": "What a spec's resources are doing",
    "drift": "What changed in Azure behind the files' back, and its repair",
    "orphans": "What costs and belongs to no file",
    "comment": "Keep one comment of a pull request, or one issue, up to date",
    "promote": "Let the name follow a revision that is ready",
    "rollback": "Back to an earlier revision, in seconds while its endpoint lives",
    "gc": "Delete the endpoints that no name follows and whose time is over",
    "report": "A revision on one page: verdict, losses, scores, answers, cost, origin",
    "diff": "Two revisions of a name: fields, data, scores, answers",
    "history": "The revisions of a name: when, by whom, what changed",
    "trials": "The trials of a sweep: parameters, losses, cost, the best",
    "list": "The jobs, models and endpoints of the project",
    "show": "One job, model or endpoint in full",
    "logs": "What a job wrote",
    "metrics": "A job's loss curve",
    "checkpoint": "The files a training left: weights, tokenizer, card; --download",
    "wait": "Follow a job to its end",
    "cancel": "Stop a job, or all jobs of a spec",
    "chat": "Ask an endpoint",
    "connect": "How applications ask it: snippets, the key by reference",
    "monitor": "What an endpoint is asked and costs, and whether its gates still hold",
    "watch": "Keep times to live and caps: warn, then take down what costs",
    "safety": "What its content filter refuses and lets through, and what changed",
    "down": "Delete what a spec made, in the order Azure allows",
    "doctor": "Which target, credential and settings win, and why",
    "schema": "The JSON Schema of specs, for editors",
    "export": "A spec as `az ml` reads it",
    "explain": "What a rule means, with an example and its fix",
}
"""Every verb with its line of help, in the order of use."""

USAGE = "usage: foundry-tune VERB [ARGUMENTS]    foundry-tune VERB --help"


def main(argv: list[str] | None = None) -> int:
    """Run one command line and give its exit code."""
    if sys.stdout is None:  # `>&-`: somebody wants the exit code alone
        sys.stdout = _nowhere()
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        return _help(arguments[1:])
    if arguments[0] == "--version":
        from importlib.metadata import version

        return _write(sys.stdout, f"foundry-tune {version('foundry-tune')}\n")
    verb, rest = arguments[0], arguments[1:]
    if verb not in VERBS:
        _write(sys.stderr, f"{_unknown_verb(verb)}\n{USAGE}\n")
        return 2
    return _run(verb, rest)


def _run(verb: str, rest: list[str]) -> int:
    """The one place where errors are caught; Ctrl-C may come while a verb is being imported."""
    try:
        return _answer(verb, rest)
    except KeyboardInterrupt:
        _write(sys.stderr, "\nInterrupted.\n")
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted. Python would complain at exit when it flushes.
        _close_stdout()
        return 0


def _answer(verb: str, rest: list[str]) -> int:
    from jobs.errors import FoundryTuneError

    module = _module(verb)
    try:
        code = module.run(parser_of(verb).parse_args(rest))
    except SystemExit as usage:  # argparse has said what is wrong
        return usage.code if isinstance(usage.code, int) else 2
    except FoundryTuneError as error:
        _write(sys.stderr, f"{_fitted(_with_findings(error))}\n")
        if type(error).__name__ == "UnwritableOutputError":
            _close_stdout()
        return error.exit_code
    return code


def _close_stdout() -> None:
    """Let what is still in the buffer go nowhere, so that Python doesn't complain when it ends."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _nowhere() -> "TextIO":
    import os

    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 (pathlib costs, and it stays open)


def parser_of(verb: str) -> "ArgumentParser":
    """The command line of a verb."""
    from argparse import ArgumentParser, RawDescriptionHelpFormatter

    module = _module(verb)
    parser = ArgumentParser(
        prog=f"foundry-tune {verb}",
        description=module.__doc__,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return parser


def _module(verb: str) -> "Any":
    from importlib import import_module

    return import_module(f"jobs.verbs.{verb.replace('-', '_')}")


def _with_findings(error: "FoundryTuneError") -> str:
    """The error in words, after the findings that it carries, if it does."""
    findings = getattr(error, "findings", ())
    if not findings:
        return str(error)
    from jobs.terminal.findings import as_text

    return f"{as_text(findings)}\n{error}"


def _fitted(text: str) -> str:
    if not sys.stderr.isatty():
        return text
    from jobs.terminal.fold import fitted

    return fitted(text, sys.stderr)


def _help(topics: list[str]) -> int:
    if topics and topics[0] in VERBS:
        return _run(topics[0], ["--help"])
    width = max(map(len, VERBS)) + 2
    lines = [
        USAGE,
        "",
        "Fine-tune, serve and prove models with Azure AI Foundry, from reviewed files.",
    ]
    lines += ["", *(f"  {verb:<{width}}{line}" for verb, line in VERBS.items())]
    return _write(sys.stdout, "\n".join(lines) + "\n")


def _unknown_verb(verb: str) -> str:
    from jobs.suggestions import did_you_mean

    return f"foundry-tune has no verb '{verb}'.{did_you_mean(verb, VERBS)}"


def _write(stream: "TextIO", text: str) -> int:
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _close_stdout()
    except OSError:  # a full disk: there is nowhere left to say so
        _close_stdout()
        return 1
    return 0
