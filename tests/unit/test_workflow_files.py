"""The workflows, held against the published schema, zizmor, and this project's own promises.

The schemas are SchemaStore's, as check-jsonschema ships them. actionlint comes as a Go module: the
test that takes it says so where there is neither it nor a Go to build it with.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.role_sets import ROLE_SETS
from jobs.cli import main, parser_of
from policy.gates import GATES, RULED
from policy.rules import RULES

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"
ENVIRONMENT = dict(os.environ)
"""As the tests were started: later ones run with a proxy that reaches the emulator only."""
OURS = ("foundry-tune-merge", "foundry-tune-nightly", "foundry-tune-plan")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `init` writes: this project's workflows, and the one that calls them."""
    folder = tmp_path_factory.mktemp("init") / "phi"
    assert main(["init", str(folder), "--repository", "contoso/phi", "--profile", "dev"]) == 0
    return folder


def workflows(folder: Path) -> list[Path]:
    return sorted((folder / ".github" / "workflows").glob("*.yml"))


def test_init_writes_the_workflows_of_this_project_as_they_are(repository: Path) -> None:
    for name in OURS:
        file = f".github/workflows/{name}.yml"
        assert (repository / file).read_bytes() == (ROOT / file).read_bytes()
    assert [path.stem for path in workflows(repository)] == sorted((*OURS, "gitops"))


@pytest.mark.parametrize(
    "schema", ["github-workflows", "github-actions", "dependabot", "azure-pipelines"]
)
def test_each_file_is_what_its_published_schema_says(schema: str, repository: Path) -> None:
    files = {
        "github-workflows": [*workflows(ROOT), *workflows(repository)],
        "github-actions": [*(ROOT / ".github" / "actions").rglob("action.yml")],
        "dependabot": [repository / ".github" / "dependabot.yml"],
        "azure-pipelines": [ROOT / "gitops" / "azure-pipelines.yml"],
    }[schema]
    # As check-jsonschema's own hook for these files has it.
    asked = ["--regex-variant", "nonunicode", "--data-transform", "azure-pipelines"]
    asked = asked if schema == "azure-pipelines" else []
    schema = f"vendor.{schema}"
    checked = run([BIN / "check-jsonschema", "--builtin-schema", schema, *asked, *files])
    assert checked.returncode == 0, checked.stdout


def test_zizmor_finds_nothing_that_matters(repository: Path) -> None:
    audit = ["--offline", "--no-progress", "--min-severity", "medium", "--format", "plain"]
    found = run([BIN / "zizmor", *audit, repository / ".github"])
    assert found.returncode == 0, found.stdout


@pytest.mark.rehearsal
@pytest.mark.timeout(300)
def test_actionlint_finds_nothing(repository: Path, tmp_path: Path) -> None:
    actionlint = shutil.which("actionlint") or built(tmp_path)
    linted = run([actionlint, *workflows(ROOT), *workflows(repository)])
    assert linted.returncode == 0, linted.stdout
    sys.stdout.write(f"linted with {run([actionlint, '-version']).stdout}")


def built(folder: Path) -> str:
    """actionlint, built from its Go module; where it can't be, the test is skipped and says why."""
    go = shutil.which("go")
    if not go:
        pytest.skip("neither actionlint nor Go is on PATH: the workflows were not linted by it")
    install = run([go, "install", ACTIONLINT], GOBIN=str(folder), GOFLAGS="-modcacherw")
    if install.returncode:
        pytest.skip(f"the workflows were not linted: {install.stdout.strip().splitlines()[-1]}")
    return str(folder / "actionlint")


def test_every_action_is_pinned_to_a_commit_and_says_which_version_that_is(
    repository: Path,
) -> None:
    used = [
        line.strip()
        for path in [*workflows(repository), *(repository / ".github").rglob("action.yml")]
        for line in path.read_text("utf-8").splitlines()
        if "uses:" in line and "./.github/" not in line
    ]
    assert len(used) > 8
    for line in used:
        assert re.search(r"uses: [\w-]+(/[\w-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line
    # One version of an action everywhere.
    names = {line.partition("uses: ")[2].partition("@")[0] for line in used}
    assert len({line.partition("uses: ")[2] for line in used}) == len(names)


def test_no_job_has_a_right_that_it_was_not_given_and_none_runs_for_a_fork_with_a_token(
    repository: Path,
) -> None:
    for path in workflows(repository):
        text = path.read_text("utf-8")
        workflow: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)
        assert "pull_request_target" not in text
        assert "secrets." not in text, "a pipeline signs in by its own token"
        assert workflow["permissions"] == {}
        for name, job in workflow["jobs"].items():
            rights: dict[str, str] = job["permissions"]
            assert rights["contents"] == "read", name
            if "uses" not in job and "pull-requests" in rights:
                assert "head.repo.full_name == github.repository" in job["if"]


def test_a_token_that_may_write_to_azure_takes_an_environment_with_reviewers(
    repository: Path,
) -> None:
    for path in workflows(repository):
        workflow: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)
        for name, job in workflow["jobs"].items():
            writes = any(word in str(job) for word in ("UP_CLIENT_ID", "APPLY_CLIENT_ID"))
            watches = "WATCH_CLIENT_ID" in str(job)
            assert not (writes and watches), "who takes down at night waits for nobody's review"
            there = "${{ inputs.stack }}" if writes else "${{ inputs.stack }}-watch"
            assert job.get("environment") == (there if writes or watches else None), (
                f"{path.name}: {name}"
            )


def test_every_preview_and_every_up_is_held_to_the_policy(repository: Path) -> None:
    for path in workflows(repository):
        for line in path.read_text("utf-8").splitlines():
            if "pulumi up" in line or ("pulumi preview" in line and "--refresh" not in line):
                assert "--policy-pack policy-pack" in line, f"{path.name}: {line}"
    assert (repository / "policy-pack" / "PulumiPolicy.yaml").is_file()


def test_two_merges_never_race_and_none_is_stopped_half_way(repository: Path) -> None:
    [caller] = [path for path in workflows(repository) if path.stem == "gitops"]
    jobs = yaml.load(caller.read_text("utf-8"), Loader=yaml.BaseLoader)["jobs"]
    assert jobs["merge"]["concurrency"] == {"group": "merge-prod", "cancel-in-progress": "false"}
    # A run that waits gives way to the next of its group: none of a merge's may be a look.
    assert jobs["nightly"]["concurrency"]["group"] != "merge-prod"


def test_every_step_is_a_short_call_of_a_program_that_a_person_could_type(
    repository: Path,
) -> None:
    for path in workflows(repository):
        jobs = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)["jobs"]
        for job in jobs.values():
            for step in job.get("steps", ()):
                command = str(step.get("run", "foundry-tune"))
                assert command.startswith(("foundry-tune", "pulumi")), command
                assert "\n" not in command, command
                assert "${{" not in command, "what others wrote must not become a command"


@pytest.mark.parametrize(
    "file",
    [
        "docs/gitops.md",
        *(f".github/workflows/{name}.yml" for name in OURS),
        *(f"gitops/{p.name}" for p in (ROOT / "gitops").glob("*.y*ml")),
    ],
)
def test_every_call_in_a_pipeline_is_one_that_the_program_takes(file: str) -> None:
    calls = re.findall(
        r"\bfoundry-tune (?!\[)[a-z]+ [^|>&\n\"]*(?:\"[^\"]*\"[^|>&\n\"]*)*", text(file)
    )
    assert calls
    for call in calls:
        words = shlex.split(re.sub(r" 2$", "", call.rstrip(" ]")))
        parser_of(words[1]).parse_args(words[2:])


def test_what_runs_in_a_cluster_signs_in_as_the_service_account_that_is_there() -> None:
    found = list(yaml.safe_load_all(text("gitops/kubernetes.yaml")))
    accounts = {each["metadata"]["name"] for each in found if each["kind"] == "ServiceAccount"}
    [stack] = [each["spec"] for each in found if each["kind"] == "Stack"]
    [job] = [each["spec"] for each in found if each["kind"] == "CronJob"]
    pod = job["jobTemplate"]["spec"]["template"]
    assert {stack["serviceAccountName"], pod["spec"]["serviceAccountName"]} == accounts
    for labels in (stack["workspaceTemplate"]["spec"]["podTemplate"], pod):
        assert labels["metadata"]["labels"] == {"azure.workload.identity/use": "true"}
    assert job["concurrencyPolicy"] == "Forbid", "an apply is never started beside another"


def test_the_page_counts_what_there_is() -> None:
    page = text("docs/gitops.md")
    jobs = [
        job
        for name in OURS
        for job in yaml.safe_load(text(f".github/workflows/{name}.yml"))["jobs"].values()
    ]
    steps = sum("run" in step for job in jobs for step in job["steps"])
    assert f"on the emulator | {steps} of {steps} |" in page
    assert f"| {len(RULES)}, over {len(RULED)} fields at {len(GATES)} gates |" in page
    assert f"| roles × verbs | {len(ROLE_SETS)} × " in page


def text(file: str) -> str:
    return (ROOT / file).read_text("utf-8")


def run(command: list[Any], **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
