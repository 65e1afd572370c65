"""XML answers of the blob plane, built as trees: nothing is escaped by hand."""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, tostring

from emulator.http.messages import Response


def element(tag: str, content: str | Iterable[Element] = (), **attributes: str) -> Element:
    """An element with a text, or with other elements, in it."""
    made = Element(tag, attributes)
    if isinstance(content, str):
        made.text = content
    else:
        made.extend(content)
    return made


def texts(values: dict[str, str]) -> list[Element]:
    """An element with a text for each name."""
    return [element(name, text) for name, text in values.items()]


def answer(root: Element, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A document as an answer."""
    text = '<?xml version="1.0" encoding="utf-8"?>' + tostring(root, encoding="unicode")
    return Response(status, (headers or {}) | {"content-type": "application/xml"}, text.encode())
