"""Which api-version a call is served at: a known one, or the newest known for one newer than that.

A client that came out after this emulator has a default that is in no list here, and works all the
same on its first day. Older versions that nobody knows are refused as ARM refuses them.
"""

import logging
import re

from emulator.http.messages import Request
from emulator.state.errors import AzureError
from emulator.state.ids import ROOT, ResourceId
from emulator.state.json_text import Json

LOG = logging.getLogger("emulator")

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-[a-z]+)?", re.IGNORECASE)
_DATE = 10  # characters of a version that are its date


def serve(request: Request, known: tuple[str, ...], type_name: str, id: ResourceId = ROOT) -> None:
    """Set the version that `request` is served at; with nothing `known`, any well-formed one.

    Raises:
        AzureError: there is none, it is malformed, or it is an old one that nobody knows.
    """
    asked = request.option("api-version")
    if asked.lower() in known:
        return
    if not asked:
        raise AzureError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not _VERSION.fullmatch(asked):
        raise AzureError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{asked}' is invalid. The supported versions are "
            f"'{','.join(known) or 'yyyy-MM-dd'}'.",
        )
    if not known:
        return
    newest = newest_for(asked, known)
    if newest is None:
        raise _unknown(request, asked, known, type_name, id)
    if request.cloud.is_first(f"{type_name} {asked.lower()}"):
        LOG.warning(
            "%s: api-version %s is newer than this emulator; it is served as %s, the newest known.",
            type_name, asked, newest,
        )  # fmt: skip
    request.served_version = newest


def newest_for(asked: str, known: tuple[str, ...]) -> str | None:
    """What stands in for a version newer than all that are known; None if it is not.

    For a stable version the newest stable one, so that it shows no preview's fields.
    """
    newest = max(version[:_DATE] for version in known)
    if not _VERSION.fullmatch(asked) or asked[:_DATE] <= newest:
        return None
    stable = [version for version in known if len(version) == _DATE]
    return max(stable if stable and len(asked) == _DATE else known)


def _unknown(
    request: Request, asked: str, known: tuple[str, ...], type_name: str, id: ResourceId
) -> AzureError:
    namespace, _, short = type_name.partition("/")
    return AzureError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location '{_location(request, id)}' and API "
        f"version '{asked}' for type '{short or namespace}'. The supported api-versions are "
        f"'{', '.join(known)}'. The supported locations are ''.",
    )


def _location(request: Request, id: ResourceId) -> str:
    resource = request.cloud.resources.get(id) if id is not ROOT else None
    if resource is not None:
        return resource.location
    body: Json = request.json() if request.body else {}
    return str(body.get("location", ""))
