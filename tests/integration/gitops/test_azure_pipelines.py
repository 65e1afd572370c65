"""gitops/azure-pipelines.yml, rehearsed by its own scripts: planned, agreed to, applied, looked at.

Each AzureCLI@2 task has what the task gives its script: the service connection's token, and the
address that hands out more of them. What installs (`pip`, `curl`) is passed over.
"""

import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.server import Emulator
from tests.integration.gitops.checkout import REPOSITORY, STACK, WHICH, Checkout, brought_up
from tests.integration.infra.conftest import ROOT

PIPELINE = ROOT / "gitops" / "azure-pipelines.yml"
ORGANIZATION = "0a11ce00-0000-4000-8000-00000000000d"
# Of the machine's environment, what an agent of Microsoft's hasn't.
CREDENTIALS = re.compile(r"(AZURE|ARM)_(CLIENT|TENANT)_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The pipeline of a repository, and the connections that it may use."""

    emulator: Emulator
    checkout: Checkout
    file: Mapping[str, Any]
    workspace: Path

    def run(self, stage: str) -> list[tuple[str, int, str]]:
        """Every script of a stage, in order, until one fails: its name, exit code, words."""
        done: list[tuple[str, int, str]] = []
        for step in steps(self.file, stage):
            script = step.get("bash") or step.get("inputs", {}).get("inlineScript")
            if "publish" in step:
                shutil.copy(self.checkout.folder / step["publish"], self.artifact(step))
            if script is None or "pip install" in self.expanded(script):
                continue
            name = step.get("displayName") or script
            ran = subprocess.run(
                ["bash", "-c", self.expanded(script)],
                cwd=self.checkout.folder,
                env=self.environment(step),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            done.append((name, ran.returncode, ran.stdout))
            if ran.returncode:
                break
        return done

    def artifact(self, step: Mapping[str, Any]) -> Path:
        folder = self.workspace / str(step["artifact"])
        folder.mkdir(exist_ok=True)
        return folder

    def expanded(self, text: str) -> str:
        """A text with its `$(NAME)` in place, as the agent does before the shell sees it."""
        known: dict[str, str] = self.file["variables"]
        return re.sub(r"\$\((\w+)\)", lambda found: known.get(found[1], found[0]), text)

    def environment(self, step: Mapping[str, Any]) -> dict[str, str]:
        kept = {n: v for n, v in self.checkout.environment.items() if not CREDENTIALS.match(n)}
        subscription = self.checkout.subscription
        own = {name: self.expanded(value) for name, value in self.file["variables"].items()} | {
            "AZURE_SUBSCRIPTION_ID": subscription,
            "ARM_SUBSCRIPTION_ID": subscription,
            "PULUMI_BACKEND_URL": kept["PULUMI_BACKEND_URL"],
            "PIPELINE_WORKSPACE": str(self.workspace),
        }
        connection = step.get("inputs", {}).get("azureSubscription")
        return kept | own | (self.signed_in(step, connection) if connection else {})

    def signed_in(self, step: Mapping[str, Any], connection: str) -> dict[str, str]:
        """What AzureCLI@2 gives its script."""
        control, id = self.emulator.control, str(uuid.uuid4())
        subject = f"{REPOSITORY}/{connection}"
        started = control.start_task(ORGANIZATION, {id: subject})
        issuer = f"https://vstoken.dev.azure.com/{ORGANIZATION}"
        client, tenant = self.checkout.clients[connection], self.checkout.environment
        given = {
            "servicePrincipalId": client,
            "tenantId": tenant["AZURE_TENANT_ID"],
            "idToken": control.id_token(issuer, f"sc://{subject}"),
            "SYSTEM_OIDCREQUESTURI": started["uri"],
            "AZURESUBSCRIPTION_CLIENT_ID": client,
            "AZURESUBSCRIPTION_TENANT_ID": tenant["AZURE_TENANT_ID"],
            "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": id,
        }
        # The job's access token is a task's only where the task's `env` hands it on.
        if step.get("env", {}).get("SYSTEM_ACCESSTOKEN") == "$(System.AccessToken)":
            given["SYSTEM_ACCESSTOKEN"] = started["token"]
        return given


def steps(file: Mapping[str, Any], stage: str) -> Iterator[Mapping[str, Any]]:
    """The steps of a stage's job, which may be a deployment."""
    [found] = [each for each in file["stages"] if each["stage"] == stage]
    [job] = found["jobs"]
    yield from job.get("steps") or job["strategy"]["runOnce"]["deploy"]["steps"]


def for_devops(stack: str) -> str:
    """The stack file with Azure DevOps' service connections in place of GitHub's tokens."""
    return re.sub(
        r"- name: (\w+)\n(.*\n)      github: .*\n      for: .*\n",
        rf"- name: \1\n\2      azureDevOps: {ORGANIZATION}\n      for: [{REPOSITORY}/\1]\n",
        stack,
    )


@pytest.mark.rehearsal
@pytest.mark.timeout(600)
def test_the_pipeline_plans_applies_what_was_planned_and_looks_each_night(
    emulator: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout = brought_up(emulator, tmp_path, "azdo", for_devops)
    capsys.readouterr()
    file = yaml.load(PIPELINE.read_text("utf-8"), Loader=yaml.BaseLoader)
    assert file["variables"]["STACK"] == STACK
    pipeline = Pipeline(emulator=emulator, checkout=checkout, file=file, workspace=tmp_path)

    checked = pipeline.run("check")
    assert [code for _, code, _ in checked] == [0, 0], checked
    assert "<testsuites" in (checkout.folder / "findings.xml").read_text("utf-8")

    planned = pipeline.run("plan")
    assert [code for _, code, _ in planned] == [0], planned
    assert f"##vso[task.uploadsummary]{checkout.folder}/comment.md" in planned[0][2]
    assert "6 to create" in (checkout.folder / "comment.md").read_text("utf-8")
    (checkout.folder / "plan.json").unlink()  # the next job starts from a checkout of its own

    applied = pipeline.run("apply")
    assert [code for _, code, _ in applied] == [0, 0], applied
    assert "Done. Try it:" in applied[-1][2]

    night = pipeline.run("night")
    assert [code for _, code, _ in night] == [0], night
    assert "4 of 4 harmful probes refused" in night[0][2]
    assert "Held against foundry-policy.yaml: Nothing to complain about." in night[0][2]
    watched = pipeline.run("watch")
    assert [code for _, code, _ in watched] == [0], watched
    assert "has a ttl or a cap" in watched[0][2]
    ran = [*checked, *planned, *applied, *night, *watched]
    sys.stdout.write(f"{len(ran)} scripts run, by {WHICH}\n")
