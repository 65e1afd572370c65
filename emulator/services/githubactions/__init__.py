"""What a pipeline has of GitHub and Azure DevOps: the issuer of its token, runner, issues."""

from emulator.http.routing import Plane, render_json_error
from emulator.service import Service
from emulator.services.githubactions import issuer, issues, pipelines, runner
from emulator.state.issuers import DEVOPS_HOST, GITHUB

SERVICE = Service(
    name="githubactions",
    planes=(
        Plane(GITHUB.removeprefix("https://"), issuer.handle_github, render_json_error),
        Plane(DEVOPS_HOST, issuer.handle_devops, render_json_error),
        Plane(runner.HOST, runner.handle, render_json_error),
        issues.PLANE,
        pipelines.PLANE,
    ),
)
