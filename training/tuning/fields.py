"""What a configuration may say, for people (a Markdown table) and programs (JSON Schema)."""

import json
import types
import typing
from typing import Annotated, Any, Literal

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tuning.config import Config


def table() -> str:
    """A Markdown table: every field, what it may be, what it is if left out, what it does."""
    lines = ["| field | may be | if left out | what it does |", "| --- | --- | --- | --- |"]
    return "\n".join([*lines, *_rows(Config, "")])


def schema() -> str:
    """The JSON Schema of a configuration."""
    return json.dumps(Config.model_json_schema(), indent=2)


def _rows(part: type[BaseModel], prefix: str) -> list[str]:
    rows: list[str] = []
    for name, field in part.model_fields.items():
        inner = _part(field.annotation)
        allowed = "a mapping" if inner else _allowed(field.rebuild_annotation())
        default = _default(field.default, inner)
        said = (field.description or "").replace("\n", " ").replace("|", "\\|")
        rows.append(f"| `{prefix}{name}` | {allowed} | {default} | {said} |")
        if inner:
            rows += _rows(inner, f"{prefix}{name}.")
    return rows


def _part(annotation: Any) -> type[BaseModel] | None:
    members = [annotation, *typing.get_args(annotation)]
    parts = (m for m in members if isinstance(m, type) and issubclass(m, BaseModel))
    return next(parts, None)


def _default(default: object, inner: type[BaseModel] | None) -> str:
    if default is PydanticUndefined:
        return "**required**"
    if default is None or default == []:
        return ""
    if inner:
        name = getattr(default, "name", None)
        return f"`{name}`" if name else ""
    return f"`{json.dumps(default)}`".replace('"', "")


def _allowed(annotation: Any) -> str:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        bounds = [
            f"{sign} {getattr(mark, name):g}"
            for limit in inner[1:]
            for mark in getattr(limit, "metadata", [limit])
            for name, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤"))
            if getattr(mark, name, None) is not None
        ]
        return " ".join([_allowed(inner[0]), ", ".join(bounds)]).strip()
    if origin is Literal:
        return " · ".join(f"`{word}`" for word in inner)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_allowed(m) for m in inner if m is not type(None))
    if origin in (list, tuple):
        count = "several" if origin is list else str(len(inner))
        return f"{count} × {_allowed(inner[0])}"
    return {str: "text", int: "whole number", float: "number", bool: "true · false"}[annotation]
