"""The part of api.github.com that a workflow writes to: issues, and what is said below them.

As docs.github.com has it (REST API, "Issues" and "Issue comments", 2022-11-28). Whoever asks with
a running job's token is `github-actions[bot]`; what the job's `permissions` allow isn't emulated.
"""

from typing import Any

from emulator.http.messages import Request, Response
from emulator.http.routing import Plane, Route, Router
from emulator.services.githubactions.runner import RUNTIME
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.json_text import Json

HOST = "api.github.com"
LONGEST = 65_536
"""Characters of a body: GitHub's own limit."""

_BOT = {"login": "github-actions[bot]", "type": "Bot", "id": 41898282}
_REPOSITORY = "/repos/{owner}/{name}"


def list_issues(request: Request) -> Response:
    """GET …/issues?state=…: newest first, pull requests among them."""
    state = request.query.get("state", "open")
    rows = [row for row in _all(request, "issue") if state in ("all", row["state"])]
    return _page(request, sorted(rows, key=lambda row: row["updated_at"], reverse=True))


def make_issue(request: Request) -> Response:
    """POST …/issues."""
    body = request.json()
    if not body.get("title"):
        raise _invalid("missing_field: title")
    number = 1 + max((row["number"] for row in _all(request, "issue")), default=0)
    row = {"title": body["title"], "state": "open", "number": number}
    return Response.json(_put(request, "issue", number, row | {"body": _text(body)}), 201)


def change_issue(request: Request) -> Response:
    """PATCH …/issues/{number}."""
    body = request.json()
    number = int(request.parameters["number"])
    changed = {key: body[key] for key in ("title", "state") if key in body}
    if changed.get("state", "open") not in ("open", "closed"):
        raise _invalid("invalid: state")
    changed |= {"body": _text(body)} if "body" in body else {}
    return Response.json(_put(request, "issue", number, _found(request, "issue", number) | changed))


def list_comments(request: Request) -> Response:
    """GET …/issues/{number}/comments: oldest first."""
    number = int(request.parameters["number"])
    rows = [row for row in _all(request, "comment") if row["issue"] == number]
    return _page(request, sorted(rows, key=lambda row: row["id"]))


def make_comment(request: Request) -> Response:
    """POST …/issues/{number}/comments; a pull request is an issue."""
    id = 1 + max((row["id"] for row in _all(request, "comment")), default=1000)
    row = {"id": id, "issue": int(request.parameters["number"]), "body": _text(request.json())}
    return Response.json(_put(request, "comment", id, row), 201)


def change_comment(request: Request) -> Response:
    """PATCH …/issues/comments/{id}."""
    id = int(request.parameters["id"])
    row = _found(request, "comment", id) | {"body": _text(request.json())}
    return Response.json(_put(request, "comment", id, row))


def said(cloud: Cloud, repository: str, kind: str) -> list[Json]:
    """All issues, or all comments, of a repository, as a test looks at them."""
    return [row for _, row in cloud.database.documents(kind_of(kind)).items(f"{repository}/")]


def kind_of(kind: str) -> str:
    """The collection of `issue` or `comment`."""
    return f"github-{kind}s"


def _put(request: Request, kind: str, number: int, row: Json) -> Json:
    cloud = request.cloud
    owner, name = request.parameters["owner"], request.parameters["name"]
    page = f"https://github.com/{owner}/{name}/issues/{row.get('issue', row.get('number'))}"
    row = row | {
        "user": _BOT,
        "html_url": page + (f"#issuecomment-{number}" if kind == "comment" else ""),
        "updated_at": isoformat(cloud.clock.timestamp()),
    }
    cloud.database.documents(kind_of(kind)).put(f"{owner}/{name}/{number:09}", row)
    return row


def _all(request: Request, kind: str) -> list[Json]:
    _require_job(request)
    owner, name = request.parameters["owner"], request.parameters["name"]
    return said(request.cloud, f"{owner}/{name}", kind)


def _found(request: Request, kind: str, number: int) -> Json:
    for row in _all(request, kind):
        if number in (row.get("id"), row.get("number")):
            return row
    raise AzureError(404, "NotFound", "Not Found")


def _require_job(request: Request) -> None:
    """Refuse who is no running job of this repository."""
    import jwt

    _, _, bearer = request.headers.get("authorization", "").partition(" ")
    if not request.cloud.issuers.is_signed(bearer):
        raise AzureError(401, "Unauthorized", "Bad credentials")
    claims: dict[str, Any] = jwt.decode(bearer, options={"verify_signature": False})
    owner, name = request.parameters["owner"], request.parameters["name"]
    own = [part.partition("@")[0] for part in str(claims["job"]["repository"]).split("/")]
    if claims["iss"] != RUNTIME or own != [owner, name]:
        raise AzureError(403, "Forbidden", "Resource not accessible by integration")


def _text(body: Json) -> str:
    text = body.get("body")
    if not isinstance(text, str) or not text:
        raise _invalid("missing_field: body")
    if len(text.encode("utf-16-le")) // 2 > LONGEST:
        raise _invalid(f"Body is too long (maximum is {LONGEST} characters)")
    return text


def _invalid(why: str) -> AzureError:
    return AzureError(422, "UnprocessableEntity", f"Validation Failed: {why}")


def _page(request: Request, rows: list[Json]) -> Response:
    size = min(100, int(request.query.get("per_page", "30")))
    first = (int(request.query.get("page", "1")) - 1) * size
    return Response.json(rows[first : first + size])


def _render(request: Request, error: AzureError) -> Response:
    del request
    return Response.json({"message": error.message, "status": str(error.status)}, error.status)


PLANE = Plane(
    HOST,
    Router(
        (
            Route("GET", f"{_REPOSITORY}/issues", list_issues),
            Route("POST", f"{_REPOSITORY}/issues", make_issue),
            Route("PATCH", f"{_REPOSITORY}/issues/comments/{{id}}", change_comment),
            Route("PATCH", f"{_REPOSITORY}/issues/{{number}}", change_issue),
            Route("GET", f"{_REPOSITORY}/issues/{{number}}/comments", list_comments),
            Route("POST", f"{_REPOSITORY}/issues/{{number}}/comments", make_comment),
        )
    ).handle,
    _render,
)
