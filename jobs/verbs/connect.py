"""How applications ask an endpoint: snippets to run as they are, with the key by reference.

foundry-tune connect xbox-support
foundry-tune connect xbox-support --client openai
"""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_output, add_target

if TYPE_CHECKING:
    from jobs.foundry.online import Online
    from jobs.foundry.session import Session


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="the endpoint's name, or the spec file that makes it")
    only = parser.add_mutually_exclusive_group()
    only.add_argument(
        "--client",
        choices=("curl", "openai", "langchain", "azure-ai-ml"),
        help="this snippet alone, to redirect into a file",
    )
    only.add_argument("--uri", action="store_true", help="print where the name leads, and no more")
    only.add_argument(
        "--key", action="store_true", help="print the key and nothing else; never without asking"
    )
    add_target(parser)
    add_output(parser, choices=("table", "json"))


def run(arguments: Namespace) -> int:
    """Show how to ask the endpoint; the key itself only where it was asked for."""
    from jobs.arguments import endpoint_named, session_of
    from jobs.errors import UsageError
    from jobs.foundry import endpoints, online
    from jobs.look import inventory
    from jobs.look.connect import CLIENTS, snippets, variables
    from jobs.terminal import output

    session = session_of(arguments, arguments.name)
    name = endpoint_named(arguments.name, online_too=True)
    managed = online.find(session, name)
    if managed is not None and not inventory.is_served(session, name):
        return _online(session, managed, arguments)
    endpoint = inventory.find_endpoint(session, name)
    endpoints.require_servable(endpoint)
    if arguments.key:
        if endpoint.auth_mode == "AAD":
            raise UsageError(
                f"Endpoint '{endpoint.name}' has no keys: callers sign in with Entra ID.",
                next_step="foundry-tune connect NAME shows the command that fetches a token.",
            )
        output.emit(endpoints.key(session, endpoint.name))
        return 0
    if arguments.uri:
        output.emit(endpoint.uri)
        return 0
    shown = snippets(name, endpoint, session.target)
    fetch = variables(name, endpoint, session.target)
    if arguments.output == "json":
        value: dict[str, object] = {"uri": endpoint.uri, "variables": fetch, "snippets": shown}
        output.emit_structured(value, "json")
        return 0
    if arguments.client:
        output.emit(shown[arguments.client])
        return 0
    output.emit(
        f"# Where the name leads and its key, fetched when needed and kept in no file\n{fetch}"
    )
    for client in CLIENTS:
        output.emit(f"\n# {client}\n{shown[client]}")
    return 0


def _online(session: "Session", endpoint: "Online", arguments: Namespace) -> int:
    """How to ask a managed online endpoint: one address for good, whatever it serves."""
    from jobs.errors import UsageError
    from jobs.foundry import online
    from jobs.look.connect import ONLINE_CLIENTS, online_snippets, online_variables
    from jobs.terminal import output

    if arguments.key:
        if endpoint.auth_mode != "Key":
            raise UsageError(
                f"Endpoint '{endpoint.name}' has no keys: callers sign in with tokens.",
                next_step="foundry-tune connect NAME shows the command that fetches one.",
            )
        output.emit(online.credential(session, endpoint))
        return 0
    if arguments.uri:
        output.emit(endpoint.uri)
        return 0
    shown = online_snippets(endpoint, session.target)
    fetch = online_variables(endpoint, session.target)
    if arguments.output == "json":
        value: dict[str, object] = {"uri": endpoint.uri, "variables": fetch, "snippets": shown}
        output.emit_structured(value, "json")
        return 0
    if arguments.client:
        if arguments.client not in shown:
            raise UsageError(
                f"'{endpoint.name}' answers its own script's JSON, and no chat completions.",
                next_step=f"Clients: {', '.join(ONLINE_CLIENTS)}",
            )
        output.emit(shown[arguments.client])
        return 0
    output.emit(f"# Its address and key, fetched when needed and kept in no file\n{fetch}")
    for client in ONLINE_CLIENTS:
        output.emit(f"\n# {client}\n{shown[client]}")
    output.progress(
        "Azure has no content filter in front of it: what you send and show is yours to check, "
        "by Azure AI Content Safety."
    )
    return 0
