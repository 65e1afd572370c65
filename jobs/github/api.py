"""GitHub's REST API, as far as comments and issues take it.

Every write is found again by its hidden mark, so after a lost answer all is looked at anew instead
of written twice.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from jobs.errors import AccessDeniedError, NotFoundError, RemoteError, UnreachableError
from jobs.github.workflow import Workflow
from jobs.values import mapping, sequence

Json = Mapping[str, Any]
Wait = Callable[[float], None]
"""Lets so many seconds pass."""
T = TypeVar("T")

_SECONDS = 30
_PAGES = 20
"""Pages of a hundred that are looked through at most."""

_NO_RIGHT = (401, 403)


class UnsureError(Exception):
    """The call failed in a way that says nothing of whether it was done: look again."""

    def __init__(self, told: RemoteError) -> None:
        super().__init__(str(told))
        self.told = told


class GitHub:
    """One repository, as a job's token may see and change it."""

    def __init__(self, workflow: Workflow) -> None:
        self._token = workflow.token
        self._base = f"{workflow.api}/repos/{workflow.repository}"

    def pages(self, path: str) -> Iterator[Json]:
        """What a list has, page after page."""
        separator = "&" if "?" in path else "?"
        for number in range(1, _PAGES + 1):
            answer = self.call("GET", f"{path}{separator}per_page=100&page={number}")
            rows = sequence(answer) or ()
            yield from (row for row in map(mapping, rows) if row is not None)
            if len(rows) < 100:
                return

    def call(self, method: str, path: str, body: Json | None = None) -> object:
        """One call, answered with its JSON.

        Raises:
            AccessDeniedError: The token may not do it.
            NotFoundError: There is no such thing, or the token may not see it.
            RemoteError: GitHub refuses it.
            UnsureError: It may have been done, and looking again tells.
        """
        request = Request(
            f"{self._base}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                "User-Agent": "foundry-tune",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        try:
            with urlopen(request, timeout=_SECONDS) as response:
                return json.loads(response.read() or b"null")
        except HTTPError as error:
            raise _refused(error, method, path) from error
        except (URLError, TimeoutError, OSError) as error:
            told = UnreachableError(
                "GitHub could not be reached.", next_step="Run the job again: it looks first."
            )
            raise UnsureError(told) from error
        except ValueError as error:
            told = RemoteError(
                "What answered isn't GitHub's JSON.", next_step="Run the job again: it looks first."
            )
            raise UnsureError(told) from error


def until_sure(attempt: Callable[[], T], wait: Wait) -> T:
    """What an attempt comes to, that looks before it writes; three of them at most."""
    for seconds in (2.0, 8.0, None):
        try:
            return attempt()
        except UnsureError as unsure:
            if seconds is None:
                raise unsure.told from unsure
            wait(seconds)
    raise AssertionError


def _refused(error: HTTPError, method: str, path: str) -> Exception:
    said = _message(error)
    if error.code in _NO_RIGHT:
        what = "issues" if path.startswith("issues?") or path == "issues" else "pull-requests"
        return AccessDeniedError(
            f"GitHub doesn't let this job's token {method} {path.partition('?')[0]}: {said}",
            next_step=f"Give the job `permissions: {what}: write`. What a fork opens never has it.",
        )
    if error.code in (404, 410):
        return NotFoundError(
            f"GitHub has no {path.partition('?')[0]} here, or the token may not see it: {said}",
            next_step="Check GITHUB_REPOSITORY, and that the repository has issues.",
        )
    told = RemoteError(
        f"GitHub answered {error.code}: {said}", next_step="Run the job again: it looks first."
    )
    return UnsureError(told) if error.code >= 500 or error.code == 429 else told


def _message(error: HTTPError) -> str:
    try:
        answer: object = json.loads(error.read())
    except (OSError, ValueError):
        return str(error.reason)
    return str((mapping(answer) or {}).get("message") or error.reason)
