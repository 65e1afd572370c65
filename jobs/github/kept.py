"""One comment, or one issue, kept up to date: found by a hidden mark, changed, never repeated."""

import time
from collections.abc import Iterable

from jobs.github.api import GitHub, Json, Wait, until_sure
from jobs.github.workflow import Workflow
from jobs.terminal.github import LIMIT, length, sound
from jobs.values import mapping


def mark(name: str) -> str:
    """The first line of a body, which nobody sees and which finds it again."""
    safe = name.replace("--", "- -").replace(">", "")
    return f"<!-- foundry-tune:kept {safe} -->"


def comment(
    workflow: Workflow, number: int, name: str, text: str, *, wait: Wait = time.sleep
) -> str:
    """Make the pull request's comment of this name say `text`; the address of the comment."""
    github = GitHub(workflow)

    def attempt() -> str:
        there = _marked(github.pages(f"issues/{number}/comments"), name)
        body = {"body": _body(name, text, workflow)}
        if there is None:
            return _address(github.call("POST", f"issues/{number}/comments", body))
        return _address(github.call("PATCH", f"issues/comments/{there['id']}", body))

    return until_sure(attempt, wait)


def issue(
    workflow: Workflow, title: str, text: str, *, is_open: bool, wait: Wait = time.sleep
) -> str:
    """Make the issue of this title say `text`, open or closed; its address.

    Where there is none and nothing to say, none is made: the address is empty then.
    """
    github = GitHub(workflow)

    def attempt() -> str:
        there = _marked(github.pages("issues?state=all&sort=updated&direction=desc"), title)
        body = {"title": title, "body": _body(title, text, workflow)}
        if there is None:
            return _address(github.call("POST", "issues", body)) if is_open else ""
        if not is_open and there.get("state") == "closed":
            return ""
        state = {"state": "open" if is_open else "closed"}
        return _address(github.call("PATCH", f"issues/{there['number']}", body | state))

    return until_sure(attempt, wait)


def _marked(rows: Iterable[Json], name: str) -> Json | None:
    """The newest that a workflow wrote under this name: what a person wrote is never changed."""
    wanted = mark(name)
    for row in rows:
        first = str(row.get("body") or "").partition("\n")[0].strip()
        author = mapping(row.get("user")) or {}
        if first == wanted and author.get("type") == "Bot" and "pull_request" not in row:
            return row
    return None


def _body(name: str, text: str, workflow: Workflow) -> str:
    """The mark, the text, and which commit and run it comes from."""
    said = [f"commit {workflow.commit[:10]}"] if workflow.commit else []
    said += [f"[its run]({workflow.run})"] if workflow.run else []
    foot = f"\n<sub>{' · '.join(said)}</sub>\n" if said else ""
    room = LIMIT - length(mark(name)) - length(foot) - 2
    kept = sound(text).encode("utf-16-le")[: 2 * room].decode("utf-16-le", "ignore")
    return f"{mark(name)}\n{kept}{foot}"


def _address(answer: object) -> str:
    return str((mapping(answer) or {}).get("html_url", ""))
