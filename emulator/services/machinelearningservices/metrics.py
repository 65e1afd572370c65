"""Metrics of runs: every value that the trainer reported, by name and step."""

import sqlite3
import uuid
from dataclasses import dataclass

from emulator.state.cloud import Cloud

SCHEMA = """
CREATE TABLE IF NOT EXISTS run_metrics (
  job TEXT NOT NULL, name TEXT NOT NULL, step INTEGER NOT NULL, value REAL NOT NULL,
  logged_at REAL NOT NULL, id TEXT NOT NULL, PRIMARY KEY (job, name, step)
) WITHOUT ROWID;
"""

NAMES = (
    "train_loss", "validation_loss", "learning_rate", "effective_learning_rate", "grad_norm",
    "epoch",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """One logged value."""

    name: str
    step: int
    value: float
    logged_at: float
    id: str


def log(cloud: Cloud, job: str, step: int, values: dict[str, float]) -> None:
    """Keep the values of one step."""
    now = cloud.clock.timestamp()
    with cloud.database.transaction():
        for name, value in values.items():
            cloud.database.execute(
                "INSERT OR REPLACE INTO run_metrics VALUES (?,?,?,?,?,?)",
                (job.lower(), name, step, value, now, str(uuid.uuid4())),
            )


def history(cloud: Cloud, job: str, name: str) -> list[Value]:
    """Every value of one metric, in the order of steps."""
    rows = cloud.database.rows(
        "SELECT * FROM run_metrics WHERE job=? AND name=? ORDER BY step", (job.lower(), name)
    )
    return [_value(row) for row in rows]


def last(cloud: Cloud, job: str) -> list[Value]:
    """The newest value of every metric."""
    rows = cloud.database.rows(
        "SELECT * FROM run_metrics AS newest WHERE job=? AND step = "
        "(SELECT max(step) FROM run_metrics WHERE job=newest.job AND name=newest.name) "
        "ORDER BY name",
        (job.lower(),),
    )
    return [_value(row) for row in rows]


def names(cloud: Cloud, job: str) -> list[str]:
    """The metrics that a job has logged."""
    rows = cloud.database.rows(
        "SELECT DISTINCT name FROM run_metrics WHERE job=? ORDER BY name", (job.lower(),)
    )
    return [row["name"] for row in rows]


def forget(cloud: Cloud, job: str) -> None:
    """Drop a job's values: it is deleted, or it starts again."""
    cloud.database.execute("DELETE FROM run_metrics WHERE job=?", (job.lower(),))


def forget_all(cloud: Cloud, workspace: str) -> None:
    """Drop the values of every run of a workspace, by its key: it is deleted."""
    cloud.database.execute(
        "DELETE FROM run_metrics WHERE job>? AND job<?", (f"{workspace}/", f"{workspace}0")
    )


def _value(row: sqlite3.Row) -> Value:
    return Value(row["name"], row["step"], row["value"], row["logged_at"], row["id"])
