"""Ask an endpoint, on the route that Azure's content filter guards."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_target

if TYPE_CHECKING:
    from jobs.foundry.inference import Chat, Refusal


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="the endpoint's name, or the spec file that makes it")
    parser.add_argument("prompt", nargs="?", help="what to ask; left out: read from the terminal")
    parser.add_argument("--file", help="read the question from a file ('-': standard input)")
    parser.add_argument(
        "--system", help="the system message (the one it was trained with; '' for none)"
    )
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--temperature", type=float, default=0.0)
    add_target(parser)


def run(arguments: Namespace) -> int:
    """Answer one question, or hold a conversation where none is given."""
    import sys

    from jobs.arguments import endpoint_named, session_of
    from jobs.errors import SafetyError, UsageError
    from jobs.foundry.endpoints import require_servable
    from jobs.foundry.inference import open_chat
    from jobs.look import inventory
    from jobs.revision import TAG_SYSTEM

    prompt = _prompt(arguments)
    if prompt is not None and not prompt.strip():
        raise UsageError(
            "The question is empty.", next_step=f'foundry-tune chat {arguments.name} "A question?"'
        )
    session = session_of(arguments, arguments.name)
    endpoint = inventory.find_endpoint(session, endpoint_named(arguments.name))
    require_servable(endpoint)
    if not endpoint.is_filtered:
        sys.stderr.write(f"Warning: the content filter of '{endpoint.name}' is not on.\n")
    chat = open_chat(session, endpoint)
    try:
        system = arguments.system
        if system is None:
            system = endpoint.tags.get(TAG_SYSTEM, "")
        if prompt is None:
            return _converse(chat, _messages(system), arguments)
        refused = answered(chat, _messages(system, prompt), arguments)
    finally:
        chat.close()
    if refused:
        raise SafetyError(refused)
    return 0


def words(refusal: "Refusal") -> str:
    """What the filter refused, and how grave it found it: `violence, severity high (prompt)`."""
    which = ", ".join(
        f"{category.replace('_', '-')}, severity {severity}" if severity else category
        for category, severity in refusal.severities.items()
    )
    return f"Refused by the content filter{': ' + which if which else ''} ({refusal.where})."


def _prompt(arguments: Namespace) -> str | None:
    import sys
    from pathlib import Path

    from jobs.errors import UsageError

    if arguments.file and arguments.prompt:
        raise UsageError("There is a question and a --file.", next_step="Give one of them.")
    if arguments.file == "-":
        return sys.stdin.read().strip()
    if arguments.file:
        try:
            return Path(arguments.file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{arguments.file}: can't be read: {error}.") from error
    if arguments.prompt is None and not sys.stdin.isatty():
        return sys.stdin.read().strip()
    return arguments.prompt


def _messages(system: str, *turns: str) -> list[dict[str, str]]:
    start = [{"role": "system", "content": system}] if system else []
    roles = ("user", "assistant")
    spoken = [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]
    return [*start, *spoken]


def answered(chat: "Chat", messages: list[dict[str, str]], arguments: Namespace) -> str:
    """Say the answer as it comes; a refusal is returned in words."""
    from jobs.foundry.inference import Refusal
    from jobs.terminal import output

    spoken = False

    def say(piece: str) -> None:
        nonlocal spoken
        spoken = True
        output.write(output.plain(piece))

    said = chat.stream(
        messages, say, max_tokens=arguments.max_tokens, temperature=arguments.temperature
    )
    if isinstance(said, Refusal):
        if spoken:  # the filter may cut an answer off in the middle of a line
            output.write("\n")
        return words(said)
    output.write("\n")
    messages.append({"role": "assistant", "content": said.text})
    return ""


def _converse(chat: "Chat", messages: list[dict[str, str]], arguments: Namespace) -> int:
    import sys

    while True:
        sys.stderr.write("> ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            sys.stderr.write("\n")
            return 0
        if not line.strip():
            continue
        messages.append({"role": "user", "content": line.strip()})
        refused = answered(chat, messages, arguments)
        if refused:
            messages.pop()
            sys.stderr.write(refused + "\n")
