"""The environment of a workflow's job: what GitHub's runner sets, and no credential."""

from collections.abc import Mapping

from emulator.services.githubactions.issues import HOST
from emulator.services.githubactions.runner import WorkflowJob

# What a rehearsal signs in with, and a runner hasn't: it must come from the job's own token.
_CREDENTIALS = (
    "ARM_CLIENT_ID",
    "ARM_CLIENT_SECRET",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
)


def job_environment(
    parent: Mapping[str, str], job: WorkflowJob, url: str, token: str
) -> dict[str, str]:
    """The parent's environment as a runner would have it; tenant and subscription stay.

    The workflow says which identity it signs in as: AZURE_CLIENT_ID, or ARM_CLIENT_ID with
    ARM_USE_OIDC=true.
    """
    kept = {name: value for name, value in parent.items() if name not in _CREDENTIALS}
    claims = job.claims()
    return kept | {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": claims["repository"],
        "GITHUB_REPOSITORY_OWNER": claims["repository_owner"],
        "GITHUB_REF": claims["ref"],
        "GITHUB_EVENT_NAME": claims["event_name"],
        "GITHUB_API_URL": f"https://{HOST}",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_TOKEN": token,
        "ACTIONS_ID_TOKEN_REQUEST_URL": url,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": token,
    }
