"""foundry-emulator: run any command with an emulated Azure in place of the real one."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DEFAULT_STATE = ".foundry-emulator"
MEMORY = ":memory:"

_EPILOG = """\
examples:
  foundry-emulator run -- bash               a shell in which Azure is emulated; in it:
    pulumi stack select --create dev         the stack of rehearsals
    pulumi up                                makes its environment
    foundry-emulator clock advance 2h
  foundry-emulator run --date 2025-06-01 -- foundry-tune doctor
  foundry-emulator run --state :memory: -- foundry-emulator inventory
  foundry-emulator workflow --repository contoso/phi --pull-request -- pulumi preview
"""


class UsageError(Exception):
    """Something the user can put right: said in one line, exit code 2."""


def main(argv: list[str] | None = None) -> int:
    """Run one command line; returns its exit code."""
    arguments = parser().parse_args(sys.argv[1:] if argv is None else argv)
    work: Callable[[argparse.Namespace], int] = arguments.work
    try:
        return work(arguments)
    except UsageError as error:
        print(f"foundry-emulator: {error}", file=sys.stderr)  # noqa: T201 # the CLI's own voice
        return 2


def run(arguments: argparse.Namespace) -> int:
    """Start an emulator, run the command in its environment, end with the command's exit code."""
    command: list[str] = arguments.command
    if command[:1] == ["--"]:
        command = command[1:]
    if not command:
        raise UsageError("say what to run: foundry-emulator run -- COMMAND …")
    from emulator.state.directory import StateDirectory, UnusableStateError

    state = None if arguments.state == MEMORY else Path(arguments.state)
    start = _date(arguments.date) if arguments.date else None
    python = _python(arguments.job_python) if arguments.job_python else None
    try:
        with _Signals() as signals, StateDirectory(state) as directory:
            if arguments.fresh:
                directory.wipe()
            return _run_child(
                command,
                state,
                start,
                signals,
                command_jobs=not arguments.no_command_jobs,
                job_python=python,
            )
    except UnusableStateError as error:
        raise UsageError(str(error)) from error
    except _Ended as ended:
        return 128 + ended.number


def reset(arguments: argparse.Namespace) -> int:
    """Forget everything: of the emulator this shell runs in, or of a state directory."""
    running = os.environ.get("FOUNDRY_EMULATOR")
    if running and arguments.state is None:
        _control("POST", "/reset", {})
        _say("reset: the running emulator is as new")
        return 0
    from emulator.state.directory import StateDirectory, UnusableStateError

    state = Path(arguments.state or DEFAULT_STATE)
    try:
        with StateDirectory(state) as directory:
            directory.wipe()
    except UnusableStateError as error:
        raise UsageError(str(error)) from error
    _say(f"reset: {state} is empty")
    return 0


def clock(arguments: argparse.Namespace) -> int:
    """Show or turn the virtual clock of the running emulator."""
    verb, value = arguments.verb, arguments.value
    if verb == "show":
        answer = _control("GET", "/clock")
    elif verb == "advance":
        answer = _control("POST", "/clock", {"advance": _seconds(value)})
    elif verb == "set":
        answer = _control("POST", "/clock", {"set": _date(value).isoformat()})
    else:
        answer = _control("POST", "/clock", {"scale": 0.0 if verb == "freeze" else 1.0})
    _say(f"{answer['now']} (real time x {answer['scale']:g})")
    return 0


def faults(arguments: argparse.Namespace) -> int:
    """Show, add or clear the fault rules of the running emulator."""
    import json

    if arguments.verb == "clear":
        _control("DELETE", "/faults")
        return 0
    if arguments.verb == "add":
        try:
            rule: Any = json.loads(arguments.rule or "")
        except ValueError as error:
            raise UsageError(f"the rule is not JSON: {error}") from error
        _say(_control("POST", "/faults", rule)["id"])
        return 0
    for rule in _control("GET", "/faults")["value"]:
        _say(json.dumps(rule))
    return 0


def group(arguments: argparse.Namespace) -> int:
    """Show groups, or put somebody into one or out of it: the rehearsal's own developer."""
    from emulator.rehearsal.identities import DEVELOPER

    if arguments.verb != "show":
        if not arguments.id:
            raise UsageError(f"name the group: foundry-emulator group {arguments.verb} OBJECT-ID")
        body = {
            "id": arguments.id,
            "name": arguments.name,
            arguments.verb: arguments.member or [DEVELOPER[1]],
        }
        _control("POST", "/groups", body)
    for found in _control("GET", "/groups")["value"]:
        if arguments.id in (None, found["id"]):
            members = ", ".join(found["members"]) or "nobody"
            _say(f"{found['id']}  {found['name']}: {members}")
    return 0


def workflow(arguments: argparse.Namespace) -> int:
    """Become the command, in the environment of a workflow's job: its token is all it has."""
    from emulator.rehearsal.workflow import job_environment
    from emulator.services.githubactions.runner import WorkflowJob

    command: list[str] = arguments.command
    if command[:1] == ["--"]:
        command = command[1:]
    if not command:
        raise UsageError("say what to run: foundry-emulator workflow … -- COMMAND …")
    job = WorkflowJob(
        repository=arguments.repository,
        environment=arguments.environment,
        ref=arguments.ref,
        pull_request=arguments.pull_request,
    )
    started = _control(
        "POST",
        "/workflow-jobs",
        {
            "repository": job.repository,
            "environment": job.environment,
            "ref": job.ref,
            "pull_request": job.pull_request,
        },
    )
    environment = job_environment(os.environ, job, started["url"], started["token"])
    try:
        os.execvpe(command[0], command, environment)  # the user's own command
    except OSError as error:
        print(f"foundry-emulator: {command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 127


def inventory(_: argparse.Namespace) -> int:
    """List what there is in the emulated cloud; exit code 1 if there is anything."""
    found = _control("GET", "/inventory")
    for resource in found["resources"]:
        _say(f"{resource['type']:<55} {resource['id']}")
    for id in found["deleted"]:
        _say(f"{'in the bin, its name is taken':<55} {id}")
    counts = (
        (len(found["resources"]), "resource", "resources"),
        (len(found["deleted"]), "in the bin", "in the bin"),
        (found["roleAssignments"], "role assignment", "role assignments"),
        (found["blobs"], "blob", "blobs"),
    )
    words = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts)
    left = any(count for count, _, _ in counts)
    _say(f"{'There is something left' if left else 'Nothing is left'}: {words}.")
    return 1 if left else 0


def _run_child(
    command: list[str],
    state: Path | None,
    start: datetime | None,
    signals: "_Signals",
    *,
    command_jobs: bool,
    job_python: Path | None,
) -> int:
    from emulator.rehearsal.pulumi import find_pulumi
    from emulator.server import Emulator

    emulated = Emulator(state, start=start, command_jobs=command_jobs, job_python=job_python)
    with emulated as emulator:
        environment = emulator.environment()
        assert emulator.address is not None
        pulumi = find_pulumi(os.environ)
        pulumi.settle(emulator.address.pulumi_home)
        if pulumi.said:
            print(f"foundry-emulator: {pulumi.said}", file=sys.stderr)  # noqa: T201
        program = shutil.which(command[0], path=environment["PATH"])
        if program is None:
            print(f"foundry-emulator: {command[0]}: command not found", file=sys.stderr)  # noqa: T201
            return 127
        try:
            child = signals.start_child([program, *command[1:]], environment)
        except OSError as error:
            print(f"foundry-emulator: {command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201
            return 126
        status = child.wait()
    return 128 - status if status < 0 else status


class _Ended(BaseException):
    """A signal before there was a command to pass it to: the emulator cleans up and ends."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Signals:
    """Signals meant for the command reach it, and do not end the emulator under its feet.

    While the emulator starts they end it in order; while it stops it is ending anyhow.
    """

    _FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "_Signals":
        for number in self._FORWARDED:
            # What is ignored (SIGHUP under nohup) stays ignored, also by the command.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def start_child(
        self, command: list[str], environment: dict[str, str]
    ) -> "subprocess.Popen[bytes]":
        """Start the command that the signals are for; one that comes meanwhile waits for it."""
        waiting = self._waiting = []
        try:
            child = self._child = subprocess.Popen(command, env=environment)
        finally:
            self._waiting = None
        for number in waiting:
            self._handle(number, None)
        return child

    def _handle(self, number: int, _: types.FrameType | None) -> None:
        if self._waiting is not None:
            self._waiting.append(number)
            return
        if self._child is None:
            raise _Ended(number)
        # Ctrl-C in a terminal is sent to the whole foreground group: the command has it already.
        if number in (signal.SIGINT, signal.SIGQUIT) and _in_foreground():
            return
        if self._child.poll() is None:
            self._child.send_signal(number)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _control(method: str, path: str, body: Any = None) -> Any:
    import json
    from http.client import HTTPConnection
    from urllib.parse import urlsplit

    address = os.environ.get("FOUNDRY_EMULATOR")
    if not address:
        raise UsageError(
            "no emulator runs around this shell. Start one: foundry-emulator run -- bash"
        )
    parts = urlsplit(address)
    connection = HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(
            method,
            f"{parts.path}{path}",
            None if body is None else json.dumps(body),
            {"content-type": "application/json"},
        )
        response = connection.getresponse()
        text = response.read()
    except OSError as error:
        raise UsageError(f"the emulator at {address} does not answer: {error}") from error
    finally:
        connection.close()
    answer: Any = json.loads(text) if text else {}
    if response.status >= 400:
        raise UsageError(answer["error"]["message"])
    return answer


def _python(text: str) -> Path:
    """The program as an absolute path, its links left as they are: one may be a virtual one's."""
    found = shutil.which(text)
    if found is None:
        raise UsageError(f"--job-python {text}: there is no such program. Name a Python.")
    return Path(found).absolute()


def _date(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise UsageError(f"'{text}' is not a date. Write it as 2025-06-01.") from error
    if not 1970 <= moment.year < 3000:
        raise UsageError(f"'{text}' is not in the years from 1970 to 2999, which the clock knows.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds(text: str | None) -> float:
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    text = text or ""
    unit, number = (units[text[-1]], text[:-1]) if text[-1:] in units else ("seconds", text)
    try:
        return timedelta(**{unit: float(number)}).total_seconds()
    except (ValueError, OverflowError) as error:
        raise UsageError(f"'{text}' is not a duration. Write it as 90s, 30m, 2h or 14d.") from error


def _say(text: str) -> None:
    print(text)  # noqa: T201 # results go to stdout


def parser() -> argparse.ArgumentParser:
    """The command line of foundry-emulator."""
    whole = argparse.ArgumentParser(
        prog="foundry-emulator",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verbs = whole.add_subparsers(metavar="VERB", required=True)

    verb = verbs.add_parser("run", help="run a command with Azure emulated", allow_abbrev=False)
    verb.add_argument("--fresh", action="store_true", help="forget the state of earlier runs first")
    verb.add_argument(
        "--state",
        default=DEFAULT_STATE,
        metavar="DIR",
        help=f"where the state is kept (default {DEFAULT_STATE}; {MEMORY} keeps nothing)",
    )
    verb.add_argument("--date", metavar="YYYY-MM-DD", help="the day the emulated Azure believes in")
    verb.add_argument(
        "--no-command-jobs",
        action="store_true",
        help="refuse command jobs: run no submitted code on this machine",
    )
    verb.add_argument(
        "--job-python",
        metavar="PROGRAM",
        help="the Python that command jobs run by, with what they import (the emulator's own)",
    )
    verb.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …")
    verb.set_defaults(work=run)

    verb = verbs.add_parser(
        "inventory", help="list what there is; exit code 1 if anything is", allow_abbrev=False
    )
    verb.set_defaults(work=inventory)

    verb = verbs.add_parser("reset", help="forget everything", allow_abbrev=False)
    verb.add_argument("--state", metavar="DIR", help=f"which state (default {DEFAULT_STATE})")
    verb.set_defaults(work=reset)

    verb = verbs.add_parser("clock", help="show or turn the virtual clock", allow_abbrev=False)
    verb.add_argument("verb", choices=("show", "advance", "set", "freeze", "resume"))
    verb.add_argument("value", nargs="?", help="a duration (90s, 30m, 2h, 14d) or a date")
    verb.set_defaults(work=clock)

    verb = verbs.add_parser("group", help="show groups, put somebody in or out", allow_abbrev=False)
    verb.add_argument("verb", choices=("show", "add", "remove"))
    verb.add_argument("id", nargs="?", type=str.lower, help="the group's object id")
    verb.add_argument("--name", default="", help="what it is called (Developers)")
    verb.add_argument(
        "--member",
        action="append",
        metavar="ID",
        help="whose object id, several times for several (the developer who signs in here)",
    )
    verb.set_defaults(work=group)

    verb = verbs.add_parser(
        "workflow", help="run a command as a GitHub workflow's job would", allow_abbrev=False
    )
    verb.add_argument("--repository", required=True, metavar="ORG/REPO")
    verb.add_argument("--environment", default="", metavar="NAME", help="the job's environment")
    verb.add_argument("--ref", default="refs/heads/main", help="the branch or tag it runs for")
    verb.add_argument("--pull-request", action="store_true", help="it runs for a pull request")
    verb.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …")
    verb.set_defaults(work=workflow)

    verb = verbs.add_parser("faults", help="show, add or clear faults", allow_abbrev=False)
    verb.add_argument("verb", choices=("show", "add", "clear"))
    verb.add_argument("rule", nargs="?", help='JSON: {"match": {…}, "do": {…}}')
    verb.set_defaults(work=faults)
    return whole


if __name__ == "__main__":
    sys.exit(main())
