"""A stack with `access` and `identities`: pipelines sign in by their own tokens, each for its own.

One stack for all of it, made once: a platform's Owner brings it up, then three identities are
tried, each as a workflow's job has it (`foundry-emulator workflow`).
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.rehearsal.identities import USER
from emulator.server import Emulator
from tests.integration.infra.conftest import Pulumi
from tests.integration.jobs.conftest import QUESTIONS

ROOT = Path(__file__).parents[3]
REPOSITORY = "contoso/phi"
IDENTITIES = [
    {"name": "pull-requests", "may": "plan", "github": REPOSITORY, "for": ["pull_request"]},
    {"name": "apply", "may": "apply", "github": REPOSITORY, "for": ["environment:prod"]},
    {"name": "up", "may": "up", "github": REPOSITORY, "for": ["environment:prod"]},
]


def configure(project: Path, **keys: Any) -> None:
    """Write keys into the stack's configuration, as a person edits it."""
    path = project / "Pulumi.dev.yaml"
    stack = yaml.safe_load(path.read_text(encoding="utf-8"))
    stack["config"].pop("foundry-tune:developers", None)
    stack["config"] |= {f"foundry-tune:{key}": value for key, value in keys.items()}
    path.write_text(yaml.safe_dump(stack, allow_unicode=True), encoding="utf-8")


@pytest.mark.rehearsal
@pytest.mark.timeout(600)
def test_pipelines_plan_apply_and_up_without_a_secret_and_no_more_than_that(
    emulator: Emulator, pulumi: Pulumi, project: Path, subscription_id: str, tmp_path: Path
) -> None:
    readers = {"reads": [{"name": "ada", "principalId": USER, "principalType": "User"}]}
    configure(project, identities=IDENTITIES)
    pulumi("stack", "init", "dev")
    pulumi("up", "--yes", "--skip-preview")
    pulumi("preview", "--expect-no-changes")
    pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    outputs = json.loads(pulumi("stack", "output", "--json").stdout)
    clients: dict[str, str] = outputs["identityClientIds"]
    assert sorted(clients) == ["apply", "pull-requests", "up"]
    job = Job(emulator, project, tmp_path, subscription_id)

    # The pull request's own: it previews and plans, and writes nothing.
    looks = job.as_(clients["pull-requests"], "--pull-request")
    assert looks.pulumi("preview", "--expect-no-changes").returncode == 0
    spec = str(story(tmp_path))
    planned = looks.tune("plan", spec)
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert "you may not submit jobs, only look" in planned.stdout
    refused = looks.tune("apply", spec, "--yes")
    assert refused.returncode == 4, refused.stdout + refused.stderr
    configure(project, identities=IDENTITIES, access=readers)
    refused = looks.pulumi("up", "--yes", "--skip-preview")
    assert refused.returncode != 0
    assert "AuthorizationFailed" in refused.stdout + refused.stderr
    # Its token opens nobody else's identity, and the environment's not its own.
    assert "AADSTS700213" in job.as_(clients["up"], "--pull-request").tune("list").stderr
    wrong = job.as_(clients["pull-requests"], "--environment", "prod")
    assert "AADSTS700213" in wrong.tune("list").stderr

    # `up` from the environment: it lets Ada read, and makes nobody an Owner.
    ups = job.as_(clients["up"], "--environment", "prod")
    done = ups.pulumi("up", "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ups.pulumi("preview", "--expect-no-changes").returncode == 0
    ada = emulator.cloud.access.principal(USER)
    assert ada is not None
    reads = "Microsoft.MachineLearningServices/workspaces/jobs/read"
    assert emulator.cloud.access.allows(ada, reads, outputs["projectId"])
    configure(project, identities=IDENTITIES, access={**readers, "Contributor": readers["reads"]})
    refused = ups.pulumi("up", "--yes", "--skip-preview")
    assert refused.returncode != 0
    assert "AuthorizationFailed" in refused.stdout + refused.stderr
    configure(project, identities=IDENTITIES, access=readers)
    assert ups.tune("list").returncode == 0
    blobs = ups.tune("apply", spec, "--yes", "--no-wait")
    assert blobs.returncode == 4, "who makes the environment may not write into its data"

    # `apply` from the environment: it tunes and serves, and changes nothing of the environment.
    applies = job.as_(clients["apply"], "--environment", "prod")
    applied = applies.tune("apply", spec, "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert applies.tune("down", spec, "--yes").returncode == 0
    pulumi("destroy", "--yes", "--skip-preview")


class Job:
    """Commands in a workflow's job, signed in as one identity by the job's own token."""

    def __init__(
        self,
        emulator: Emulator,
        project: Path,
        folder: Path,
        subscription: str,
        client_id: str = "",
        where: tuple[str, ...] = (),
    ) -> None:
        self._made_of = (emulator, project, folder, subscription)
        self._project, self._folder, self._where = project, folder, where
        self._environment = emulator.environment(subscription=subscription) | {
            "PYTHONPATH": str(ROOT),
            "ARM_USE_OIDC": "true",
            "JOB_CLIENT_ID": client_id,
            "AZURE_RESOURCE_GROUP": "rg-foundry-dev",
            "AZURE_PROJECT": "xbox",
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_HOME": str(folder / "home"),
        }

    def as_(self, client_id: str, *where: str) -> "Job":
        return Job(*self._made_of, client_id, where)

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        found = shutil.which("pulumi", path=self._environment["PATH"])
        assert found
        command = [found, *arguments, "--stack", "dev", "--non-interactive"]
        return self._run("ARM_CLIENT_ID", command, self._project)

    def tune(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        start = "import sys; from jobs.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", start, *arguments]
        return self._run("AZURE_CLIENT_ID", command, self._folder)

    def _run(
        self, variable: str, command: list[str], folder: Path
    ) -> subprocess.CompletedProcess[str]:
        start = "import sys; from emulator.cli import main; sys.exit(main())"
        workflow = [sys.executable, "-c", start, "workflow", "--repository", REPOSITORY]
        # What the workflow says: which identity this step signs in as.
        named = ["env", f"{variable}={self._environment['JOB_CLIENT_ID']}"]
        return subprocess.run(
            [*workflow, *self._where, "--", *named, *command],
            cwd=folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )


def story(folder: Path) -> Path:
    """A spec that trains in a moment and serves."""
    lines = [
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"{question} ({number})"},
                    {"role": "assistant", "content": answer},
                ]
            }
        )
        for number in range(21)
        for question, answer in [QUESTIONS[number % len(QUESTIONS)]]
    ]
    (folder / "train.jsonl").write_text("\n".join(lines[:-6]) + "\n", encoding="utf-8")
    (folder / "valid.jsonl").write_text("\n".join(lines[-6:]) + "\n", encoding="utf-8")
    spec = folder / "story.yaml"
    spec.write_text(
        """\
type: finetuning
name: story
model: azureml://registries/azureml/models/Phi-4-mini-instruct
training_data: train.jsonl
validation_data: valid.jsonl
hyperparameters: {batch_size_multiplier: 4, learning_rate: 2e-5, epochs: 1}
outputs: {registered_model: {name: story}}
---
type: serverless_endpoint
name: story
model: ${{ finetuning.story.registered_model }}
smoke_tests:
  - prompt: My controller keeps disconnecting.
    expect: {max_chars: 4000}
    max_tokens: 8
""",
        encoding="utf-8",
    )
    return spec
