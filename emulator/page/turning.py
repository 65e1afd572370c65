"""What a rehearsal turns: the clock, and the faults in force."""

from collections.abc import Callable

from emulator.front import Front
from emulator.http.messages import Request, Response
from emulator.page.rendering import back, form, render
from emulator.state.clock import Clock
from emulator.state.errors import AzureError, bad_request
from emulator.state.faults import KINDS
from emulator.state.json_text import Json, decode_json
from emulator.words import UsageError, moment, seconds

_WAYS: dict[str, Callable[[Clock, str], None]] = {
    "advance": lambda clock, value: clock.advance(seconds(value)),
    "set": lambda clock, value: clock.set(moment(value)),
    "freeze": lambda clock, _: clock.run(0),
    "resume": lambda clock, _: clock.run(1),
}


def shown(front: Front, request: Request) -> Response:
    """The clock and the faults, with the forms that change them."""
    values = {"rules": front.cloud.faults.rules(), "kinds": sorted(KINDS), "refused": ""}
    return render(front, request, "faults.html", values)


def add_fault(front: Front, request: Request) -> Response:
    """One more rule; one that can't work is told above the form."""
    filled = form(request)
    match: Json = {
        name: filled[name].strip()
        for name in ("method", "host", "path")
        if filled.get(name, "").strip()
    }
    try:
        match |= {name: int(filled[name]) for name in ("after", "count") if filled.get(name)}
        do: Json = {filled.get("kind", ""): _value(filled.get("value", ""))}
        front.cloud.faults.add({"match": match, "do": do})
    except (AzureError, ValueError) as error:
        why = error.message if isinstance(error, AzureError) else f"Not usable: {error}."
        values = {"rules": front.cloud.faults.rules(), "kinds": sorted(KINDS), "refused": why}
        return render(front, request, "faults.html", values, status=400)
    return back("faults")


def clear_faults(front: Front, request: Request) -> Response:
    """No faults any more."""
    form(request)
    front.cloud.faults.clear()
    return back("../faults")


def turn_clock(front: Front, request: Request) -> Response:
    """Another time, or another pace."""
    filled = form(request)
    way = _WAYS.get(filled.get("way", ""))
    if way is None:
        raise bad_request(f"The clock is turned by {', '.join(_WAYS)}.")
    try:
        way(front.cloud.clock, filled.get("value", "").strip())
    except UsageError as error:
        raise bad_request(f"The clock was not turned: {error}") from error
    return back("faults")


def _value(text: str) -> object:
    """A number, `true` or an object as JSON has it."""
    return decode_json(f'{{"value": {text}}}')["value"]
