"""The workflows that `init` writes, rehearsed by their own `run:` steps: pull request to repair.

Which `pulumi` ran, and which steps, is told at the end (`pytest -rP`): the real CLI where there is
one on PATH, minipulumi elsewhere.
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from emulator.server import Emulator
from emulator.services.githubactions import issues
from emulator.services.githubactions.runner import WorkflowJob
from emulator.state.ids import parse_id
from emulator.state.store import Resource
from tests.integration.gitops.checkout import REPOSITORY, STACK, WHICH, brought_up
from tests.integration.gitops.runner import Job, Runner, filled, read

START = "import sys; from emulator.cli import main; sys.exit(main())"


RAN = ("success", "failure")
_SERVES = "type: serverless_endpoint\n"


@dataclass(slots=True, kw_only=True)
class Repository:
    """A repository on GitHub, its variables, and its runs."""

    emulator: Emulator
    folder: Path
    scratch: Path
    environment: dict[str, str]
    variables: dict[str, str]
    ran: list[str] = field(default_factory=list[str])
    """Every step that was run, by its job and name."""
    taken_down: Job = field(default_factory=lambda: Job(name=""))
    """The last night's job that may delete."""

    def pull_request(self, *, fork: bool = False) -> dict[str, Job | None]:
        """The jobs of a pull request's run."""
        head = {"repo": {"full_name": "mallory/phi" if fork else REPOSITORY}, "sha": "c0ffee" * 6}
        event = {"pull_request": {"number": 7, "head": head}, "repository": {"private": True}}
        return self._run("foundry-tune-plan", event, {"pull_request": True})

    def merge(self, *, between: Any = None) -> dict[str, Job | None]:
        """The jobs of a merge's run; `between` happens while the reviewers think."""
        return self._run("foundry-tune-merge", {}, {}, between=between)

    def nightly(self) -> Job:
        """The night's look; what the other job takes down is in `taken_down`."""
        jobs = self._run("foundry-tune-nightly", {}, {})
        look, watch = jobs["look"], jobs["watch"]
        assert look
        assert watch
        self.taken_down = watch
        return look

    def comments(self) -> list[str]:
        said = issues.said(self.emulator.cloud, REPOSITORY, "comment")
        return [str(comment["body"]) for comment in said]

    def issues(self) -> list[dict[str, Any]]:
        return issues.said(self.emulator.cloud, REPOSITORY, "issue")

    def _run(
        self, name: str, event: Mapping[str, Any], claims: Mapping[str, Any], *, between: Any = None
    ) -> dict[str, Job | None]:
        workflow = read(self.folder / f".github/workflows/{name}.yml")
        written = self.scratch / "event.json"
        written.write_text(json.dumps(event), encoding="utf-8")
        jobs: dict[str, Job | None] = {}
        for number, (job, told) in enumerate(workflow["jobs"].items()):
            if told.get("needs") and (jobs[told["needs"]] or Job(name="")).status != "success":
                jobs[job] = None
                continue
            if number and between:
                between()
            inputs = {"stack": STACK, "specs": "specs"}
            where = filled(told.get("environment", ""), {"inputs": inputs})
            started = WorkflowJob(repository=REPOSITORY, environment=where, **claims)
            token = self.emulator.control.start_job(started)["token"]
            runner = Runner(
                checkout=self.folder,
                scratch=self.scratch,
                environment=self.environment | {"GITHUB_EVENT_PATH": str(written)},
                contexts={
                    "github": {"event": event, "repository": REPOSITORY, "ref": "refs/heads/main"},
                    "vars": self.variables,
                    "inputs": inputs,
                },
            )
            flags = ["--pull-request"] if claims else []
            flags += ["--environment", where] if where else []
            prefix = [sys.executable, "-c", START, "workflow", "--repository", REPOSITORY]
            jobs[job] = runner.job(workflow, job, [*prefix, *flags, "--"], token)
            steps = (jobs[job] or Job(name="")).steps
            self.ran += [f"{name}/{job}: {s.name}" for s in steps if s.outcome in RAN]
        return jobs


@pytest.fixture
def repository(
    emulator: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Repository:
    checkout = brought_up(emulator, tmp_path, "gitops")
    capsys.readouterr()
    variables = {f"{name.upper()}_CLIENT_ID": id for name, id in checkout.clients.items()}
    variables |= {
        "AZURE_TENANT_ID": checkout.environment["AZURE_TENANT_ID"],
        "AZURE_SUBSCRIPTION_ID": checkout.subscription,
        "PULUMI_BACKEND_URL": checkout.environment["PULUMI_BACKEND_URL"],
    }
    return Repository(
        emulator=emulator,
        folder=checkout.folder,
        scratch=tmp_path,
        environment=dict(checkout.environment),
        variables=variables,
    )


@pytest.mark.rehearsal
@pytest.mark.timeout(900)
def test_a_pull_request_is_planned_merged_drifts_and_is_repaired(repository: Repository) -> None:
    spec = repository.folder / "specs" / "gitops.yaml"

    # A mistake: the red check says where, and the one comment says so too.
    good = spec.read_text("utf-8")
    spec.write_text(good.replace("epochs:", "epocs:"), "utf-8")
    jobs = repository.pull_request()
    check, plan = jobs["check"], jobs["plan"]
    assert check
    assert plan
    assert check.status == plan.status == "failure"
    assert "::error file=specs/gitops.yaml,line=" in check["Specs, and the data they name"].said
    sarif = json.loads((repository.folder / "findings.sarif").read_text("utf-8"))
    assert sarif["runs"][0]["results"]
    assert plan["The comment"].outcome == "success", plan.log
    [comment] = repository.comments()
    assert "nothing can be planned" in comment
    assert "Did you mean" in comment

    # What the platform team doesn't allow: of the spec on its line, of the stack in its preview.
    policy = repository.folder / "foundry-policy.yaml"
    allowed = policy.read_text("utf-8")
    policy.write_text(allowed.replace("[eastus2]", "[westus3]").replace(": 5", ": 1"), "utf-8")
    spec.write_text(good.replace("epochs: 1", "epochs: 2"), "utf-8")
    jobs = repository.pull_request()
    check, plan = jobs["check"], jobs["plan"]
    assert check
    assert plan
    assert "2 epochs, and 1 are the most" in check["Specs, and the data they name"].said
    assert plan["The environment"].outcome == "failure"
    assert "[mandatory]  FT-P001" in plan["The environment"].said
    [comment] = repository.comments()
    assert "FT-P013" in comment
    assert "FT-P001" in comment
    policy.write_text(allowed, "utf-8")

    # Corrected: the same comment has both plans now.
    spec.write_text(good, "utf-8")
    jobs = repository.pull_request()
    check, plan = jobs["check"], jobs["plan"]
    assert check
    assert plan
    assert check.status == plan.status == "success", check.log + plan.log
    [comment] = repository.comments()
    assert "6 to create" in comment
    assert re.search(r"^\*\*Environment\*\* \d+ unchanged$", comment, re.MULTILINE)
    assert "<summary>Infrastructure: pulumi preview</summary>" in comment
    assert "unchanged" in comment
    assert plan.summary in comment

    # A fork's is checked, and signs in nowhere.
    jobs = repository.pull_request(fork=True)
    assert jobs["check"]
    assert jobs["plan"] is None

    # Somebody edits the spec between plan and agreement: nothing is done.
    moved = repository.merge(
        between=lambda: spec.write_text(good.replace("2e-5", "3e-5"), "utf-8")
    )["apply"]
    assert moved
    assert moved["The fine-tunes"].outcome == "failure"
    assert "moved since plan.json was saved" in moved["The fine-tunes"].said
    assert "[exit code 11]" in moved["The fine-tunes"].said
    spec.write_text(good, "utf-8")

    # Nothing is served yet, and that is no finding of the night.
    night = repository.nightly()
    assert night.status == "success", night.log
    assert "gitops  isn't served yet" in night["Whether it still holds, and costs"].said

    merged = repository.merge()
    assert merged["plan"]
    assert "6 to create" in merged["plan"].summary
    applied = merged["apply"]
    assert applied
    assert applied.status == "success", applied.log
    assert "Done. Try it:" in applied["The fine-tunes"].said

    # At night all is well, and no issue says otherwise.
    night = repository.nightly()
    assert night.status == "success", night.log
    assert repository.issues() == []

    # Somebody switches the filter off in the portal.
    resources = repository.emulator.cloud.resources
    endpoint = switch_filter_off(repository)
    night = repository.nightly()
    assert night["Drift of what is served"].outcome == "failure", night.log
    assert night["Whether it still holds, and costs"].outcome == "failure"
    [issue] = repository.issues()
    assert issue["state"] == "open"
    assert "### ❌ drift" in issue["body"]
    assert "content_filter" in issue["body"]
    assert "### ❌ policy" in issue["body"]
    assert "FT-P009" in issue["body"]
    assert "✅ orphans" in issue["body"]

    # The next merge brings it back, and the issue is closed the night after.
    repaired = repository.merge()["apply"]
    assert repaired
    assert repaired.status == "success", repaired.log
    found = resources.get(parse_id(endpoint))
    night = repository.nightly()
    assert night.status == "success", night.log
    [issue] = repository.issues()
    assert issue["state"] == "closed"
    assert found is None or found.properties["contentSafety"]["contentSafetyStatus"] == "Enabled"

    # What is past its time goes at night, by the one identity that may delete.
    spec.write_text(good.replace(_SERVES, f"{_SERVES}ttl: 1m\n"), "utf-8")
    repository.emulator.control.clock.advance(120)
    repository.nightly()
    gone = repository.taken_down
    assert gone.status == "success", gone.log
    assert "deleted: lives 1m and no longer" in gone["What is over its time or its cap goes"].said
    assert endpoints(repository) == []

    assert set(repository.ran) == every_step(repository), "no step is written and never run"
    told = [f"{len(repository.ran)} steps run, {len(set(repository.ran))} different, by {WHICH}:"]
    sys.stdout.write("\n".join([*told, *dict.fromkeys(repository.ran)]) + "\n")


def every_step(repository: Repository) -> set[str]:
    """Every `run:` step of the workflows, by its job and name."""
    return {
        f"{path.stem}/{job}: {step['name']}"
        for path in (repository.folder / ".github" / "workflows").glob("foundry-tune-*.yml")
        for job, told in read(path)["jobs"].items()
        for step in told["steps"]
        if "run" in step
    }


def switch_filter_off(repository: Repository) -> str:
    """As somebody does it by hand: the id of the endpoint."""
    [endpoint] = endpoints(repository)
    off = {"contentSafetyStatus": "Disabled"}
    repository.emulator.cloud.resources.put(endpoint.with_properties(contentSafety=off))
    return endpoint.id.text


def endpoints(repository: Repository) -> list[Resource]:
    """What is served, straight from the store."""
    kind = "Microsoft.MachineLearningServices/workspaces/serverlessEndpoints"
    subscription = repository.variables["AZURE_SUBSCRIPTION_ID"]
    return list(repository.emulator.cloud.resources.of_type(kind, subscription))
