"""What GitHub tells a workflow's job of itself: repository, token, pull request, run."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.errors import UsageError
from jobs.values import mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A running job's place, and what it may call GitHub with."""

    repository: str
    """`OWNER/NAME`."""
    token: str
    api: str
    """`https://api.github.com`, or an Enterprise Server's own."""
    run: str
    """The address of the run's page; empty outside of one."""
    commit: str
    """What it runs for: of a pull request its newest commit, not the merge that is tried."""
    pull_request: int | None


def here() -> Workflow:
    """What this job was told.

    Raises:
        UsageError: This is no workflow's job, or it was given no token.
    """
    missing = [name for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN") if not os.environ.get(name)]
    if missing:
        raise UsageError(
            f"Nobody says where to comment: {' and '.join(missing)} {_verb(missing)} not set.",
            next_step="In the workflow's step:  env: {GITHUB_TOKEN: ${{ github.token }}}",
        )
    event = mapping(_event().get("pull_request")) or {}
    head = mapping(event.get("head")) or {}
    number = event.get("number")
    repository, server = os.environ["GITHUB_REPOSITORY"], os.environ.get("GITHUB_SERVER_URL", "")
    run = os.environ.get("GITHUB_RUN_ID", "")
    return Workflow(
        repository=repository,
        token=os.environ["GITHUB_TOKEN"],
        api=os.environ.get("GITHUB_API_URL", "https://api.github.com"),
        run=f"{server}/{repository}/actions/runs/{run}" if server and run else "",
        commit=str(head.get("sha") or os.environ.get("GITHUB_SHA", "")),
        pull_request=number if isinstance(number, int) else None,
    )


def add_to_summary(text: str) -> None:
    """Show a text on the run's page too, where there is one."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if file:
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.write(text + "\n")


def _event() -> dict[str, Any]:
    """The event that started the run, as the runner wrote it down."""
    try:
        content: object = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))
    except (KeyError, OSError, ValueError):
        return {}
    return dict(mapping(content) or {})


def _verb(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
