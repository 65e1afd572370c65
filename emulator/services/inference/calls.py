"""What an endpoint was really asked: a row a call, kept with the rest of the state.

Azure Monitor's metrics are made of it (`services/insights`), so they are computed, never invented.
"""

import sqlite3
from dataclasses import astuple, dataclass, fields

from emulator.services.machinelearningservices import deployed
from emulator.services.machinelearningservices.references import (
    RegistryModel,
    WorkspaceAsset,
    parse,
)
from emulator.state.cloud import Cloud
from emulator.state.store import Resource

SCHEMA = """
CREATE TABLE IF NOT EXISTS model_calls (
  asked_at REAL NOT NULL, status INTEGER NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL,
  streamed INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
  milliseconds REAL, is_checked INTEGER NOT NULL, rejected TEXT NOT NULL, category TEXT NOT NULL,
  endpoint TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS model_calls_by_endpoint ON model_calls (endpoint, asked_at);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an endpoint's chat completions."""

    asked_at: float
    status: int
    model: str
    version: str
    streamed: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    milliseconds: float | None = None
    """Until the model's first piece, or its whole answer; None where no model answered."""
    is_checked: bool = False
    """Whether the content filter looked at it."""
    rejected: str = ""
    """`Prompt` or `Completion`: what the filter refused; empty where it refused nothing."""
    category: str = ""
    """The gravest harm that was refused."""


_COLUMNS = ", ".join(field.name for field in fields(Call))


def note(
    cloud: Cloud,
    endpoint: Resource,
    status: int,
    *,
    streamed: bool = False,
    tokens: tuple[int, int] = (0, 0),
    milliseconds: float | None = None,
    is_checked: bool = False,
    rejected: str = "",
    category: str = "",
) -> None:
    """Keep a call that was just answered; `tokens` were read and written."""
    model, version = _model(endpoint)
    call = Call(
        asked_at=cloud.clock.timestamp(),
        status=status,
        model=model,
        version=version,
        streamed=streamed,
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        milliseconds=milliseconds,
        is_checked=is_checked,
        rejected=rejected,
        category=category,
    )
    cloud.database.execute(
        f"INSERT INTO model_calls ({_COLUMNS}, endpoint) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        (*astuple(call), endpoint.id.key),
    )


def between(cloud: Cloud, endpoint: Resource, start: float, end: float) -> list[Call]:
    """The calls from one moment until before another, in their order."""
    rows = cloud.database.rows(
        f"SELECT {_COLUMNS} FROM model_calls WHERE endpoint=? AND asked_at>=? AND asked_at<? "
        "ORDER BY asked_at",
        (endpoint.id.key, start, end),
    )
    return [_call(row) for row in rows]


def _call(row: sqlite3.Row) -> Call:
    return Call(
        asked_at=row["asked_at"],
        status=row["status"],
        model=row["model"],
        version=row["version"],
        streamed=bool(row["streamed"]),
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        milliseconds=row["milliseconds"],
        is_checked=bool(row["is_checked"]),
        rejected=row["rejected"],
        category=row["category"],
    )


def _model(endpoint: Resource) -> tuple[str, str]:
    reference = parse(deployed.model_id(endpoint))
    if isinstance(reference, RegistryModel | WorkspaceAsset):
        return reference.name, reference.version or ""
    return "", ""
