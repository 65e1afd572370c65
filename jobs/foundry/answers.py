"""Reading Azure's JSON: an answer is an object or refused; in it, what is absent reads as empty.

A captive portal, a proxy's page or an empty body with status 200 says nothing of what is there. To
take it for "nothing" would delete, or leave running, what costs money.
"""

import json
from typing import Any, cast
from urllib.parse import urlsplit

from jobs.errors import RefusedError, UnusableAnswerError
from jobs.terminal.output import printable

Json = dict[str, Any]


def require_object(response: Any, doing: str) -> Json:
    """The JSON object that an answer holds.

    Raises:
        UnusableAnswerError: It holds something else, or nothing.
    """
    return object_in(response.content or b"", doing, str(response.headers.get("content-type")))


def object_in(content: bytes, doing: str, content_type: str = "something") -> Json:
    """The JSON object in some bytes that Azure sent.

    Raises:
        UnusableAnswerError: They hold something else, or nothing.
    """
    try:
        body: Any = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        return cast("Json", body)
    if not content:
        raise _odd(doing, "nothing")
    start = printable(content[:200].decode("utf-8", "replace").strip(), 60)
    raise _odd(doing, f"{printable(content_type)} instead of a JSON object: {start}")


def object_or_nothing(response: Any, doing: str) -> Json:
    """The JSON object of an answer to a write, which may be empty.

    Raises:
        UnusableAnswerError: It holds something else.
    """
    return require_object(response, doing) if response.content else {}


def require_items(page: Json, doing: str) -> list[Json]:
    """The items of a page of a collection.

    Raises:
        UnusableAnswerError: It has none of the form that Azure's pages have.
    """
    found = page.get("value")
    if not isinstance(found, list) or not all(
        isinstance(item, dict) for item in cast("list[Any]", found)
    ):
        raise _odd(doing, "a page without a list of objects")
    return cast("list[Json]", found)


def require_same_host(link: str, origin: str, doing: str) -> None:
    """Refuse to follow a link to another host: the caller's token would go there.

    Raises:
        RefusedError: The link leads elsewhere.
    """
    wanted, given = urlsplit(origin), urlsplit(link)
    if (given.scheme, given.netloc.casefold()) != ("https", wanted.netloc.casefold()):
        raise RefusedError(
            f"When asked to {doing}, Azure named a next page on another host: "
            f"'{printable(given.netloc)}'."
        )


def require_text(value: Any, doing: str, *path: str) -> str:
    """The text at a path, where nothing can go on without it.

    Raises:
        UnusableAnswerError: It isn't there.
    """
    found = text(value, *path)
    if not found:
        raise _odd(doing, f"an object without {'.'.join(path)}")
    return found


def part(value: Any, *path: str) -> Json:
    """The object at a path, or an empty one."""
    found = cast("Json", value) if isinstance(value, dict) else {}
    for key in path:
        inner: Any = found.get(key)
        found = cast("Json", inner) if isinstance(inner, dict) else {}
    return found


def text(value: Any, *path: str) -> str:
    """The scalar at a path as text, or an empty one."""
    found = part(value, *path[:-1]).get(path[-1])
    return "" if found is None or isinstance(found, dict | list) else str(found)


def items(value: Any, *path: str) -> list[Json]:
    """The objects of the list at a path; what isn't an object is left out."""
    found = part(value, *path[:-1]).get(path[-1])
    if not isinstance(found, list):
        return []
    return [cast("Json", item) for item in cast("list[Any]", found) if isinstance(item, dict)]


def strings(value: Any, *path: str) -> dict[str, str]:
    """The object at a path as text by key: tags, properties, hyperparameters."""
    found = part(value, *path)
    return {key: "" if one is None else str(one) for key, one in found.items()}


def _odd(doing: str, what: str) -> UnusableAnswerError:
    return UnusableAnswerError(
        f"What answered isn't Azure: asked to {doing}, it sent {what}.",
        next_step="Is a proxy's page or a sign-in page of the network in between? "
        "Then run the same command again: nothing was taken for granted.",
    )
