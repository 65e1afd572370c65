"""The runner's address for tokens: ACTIONS_ID_TOKEN_REQUEST_URL, with its own bearer token.

A job asks there, for an audience, for a token that says which repository, environment, branch or
pull request it runs for (docs.github.com, "OpenID Connect reference"). Who it is for stands in the
bearer token, so nothing is kept: a job is what `start` was told.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from emulator.http.messages import Request, Response
from emulator.http.routing import Route, Router
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, bad_request
from emulator.state.issuers import GITHUB

HOST = "pipelines.actions.githubusercontent.com"
_PATH = "/foundry-emulator/_apis/distributedtask/hubs/Actions/plans/{plan}/jobs/{job}/idtoken"
RUNTIME = "https://actions.githubusercontent.com"
_LIFETIME = 6 * 3600
"""Seconds: as long as a job may run on GitHub's own runners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowJob:
    """A job of a workflow, as far as its token tells of it."""

    repository: str
    """`ORG/REPO`, or `ORG@id/REPO@id` where GitHub's immutable subjects are on."""
    environment: str = ""
    ref: str = "refs/heads/main"
    pull_request: bool = False

    @property
    def subject(self) -> str:
        """GitHub's `sub`: the environment if there is one, else the event or the ref."""
        if self.environment:
            return f"repo:{self.repository}:environment:{self.environment.replace(':', '%3A')}"
        if self.pull_request:
            return f"repo:{self.repository}:pull_request"
        return f"repo:{self.repository}:ref:{self.ref}"

    def claims(self) -> dict[str, Any]:
        """What else its token says."""
        owner, _, name = self.repository.partition("/")
        plain = f"{owner.partition('@')[0]}/{name.partition('@')[0]}"
        told = {
            "repository": plain,
            "repository_owner": owner.partition("@")[0],
            "ref": "refs/pull/1/merge" if self.pull_request else self.ref,
            "event_name": "pull_request" if self.pull_request else "push",
            "environment": self.environment,
            "runner_environment": "self-hosted",
        }
        return {name: value for name, value in told.items() if value}


def start(cloud: Cloud, job: WorkflowJob) -> dict[str, str]:
    """Where a job asks for its token, and what it shows there; its subject, to be looked at."""
    owner, separator, name = job.repository.partition("/")
    if not owner or not separator or not name or "/" in name:
        raise bad_request(f"'{job.repository}' is no repository. Write it as ORG/REPO.")
    told = {
        "repository": job.repository,
        "environment": job.environment,
        "ref": job.ref,
        "pull_request": job.pull_request,
    }
    path = _PATH.format(plan=uuid.uuid4(), job=uuid.uuid4())
    return {
        "url": f"https://{HOST}{path}?api-version=2.0",
        "token": cloud.issuers.sign(
            RUNTIME, job.subject, RUNTIME, {"job": told}, lifetime=_LIFETIME
        ),
        "subject": job.subject,
    }


def id_token(request: Request) -> Response:
    """GET …/idtoken?audience=…: the job's token."""
    import jwt

    _, _, bearer = request.headers.get("authorization", "").partition(" ")
    if not request.cloud.issuers.is_signed(bearer):
        raise AzureError(401, "Unauthorized", "The request token is not that of a running job.")
    runtime: dict[str, Any] = jwt.decode(bearer, options={"verify_signature": False})
    if runtime["iss"] != RUNTIME:
        raise AzureError(401, "Unauthorized", "This is a token to sign in with, not to ask with.")
    job = WorkflowJob(**runtime["job"])
    owner = job.repository.partition("/")[0].partition("@")[0]
    audience = request.option("audience") or f"https://github.com/{owner}"
    token = request.cloud.issuers.sign(GITHUB, job.subject, audience, job.claims())
    return Response.json({"count": len(token), "value": token})


handle = Router((Route("GET", _PATH, id_token),)).handle
