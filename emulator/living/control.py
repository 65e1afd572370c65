"""Asking a running emulator over its control port."""

import json
import os
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from emulator.living.place import Place, look
from emulator.words import UsageError


class NoAnswerError(UsageError):
    """Nobody answers at the address."""


def ask(method: str, path: str, body: Any = None) -> Any:
    """Ask the emulator of this shell: the one that it points at, else the started one."""
    return ask_at(address(), method, path, body)


def address() -> str:
    """The control port of this shell's emulator, token and all."""
    pointed = os.environ.get("FOUNDRY_EMULATOR")
    if pointed:
        return pointed
    place = look()
    if place.started is None:
        raise UsageError(
            "no emulator runs around this shell. Start one: foundry-emulator run -- bash, or one "
            "that stays: foundry-emulator start"
        )
    return place.started.address.control


def started(place: Place) -> str:
    """The control port of the started emulator of a place."""
    if place.started is None:
        raise UsageError(f"no emulator is up in {place.state}. Start it: foundry-emulator start")
    return place.started.address.control


def ask_at(
    address: str, method: str, path: str, body: Any = None, *, patience: float = 30.0
) -> Any:
    """One call on a control port; what it refuses is a `UsageError` in its own words."""
    parts = urlsplit(address)
    connection = HTTPConnection(parts.netloc, timeout=patience)
    try:
        connection.request(
            method,
            f"{parts.path}{path}",
            None if body is None else json.dumps(body),
            {"content-type": "application/json"},
        )
        response = connection.getresponse()
        text = response.read()
        answer: Any = json.loads(text) if text else {}
    except (OSError, HTTPException, ValueError) as error:
        # Without the token, which is the last part of the address.
        raise NoAnswerError(
            f"the emulator at http://{parts.netloc} does not answer ({error}). Look: "
            "foundry-emulator status"
        ) from error
    finally:
        connection.close()
    if response.status >= 400:
        raise UsageError(answer["error"]["message"])
    return answer
