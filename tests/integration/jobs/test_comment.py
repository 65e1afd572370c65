"""`comment`: one comment, one issue, whatever fails between, and nobody else's is touched."""

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.server import Emulator
from emulator.services.githubactions import issues
from emulator.services.githubactions.runner import WorkflowJob
from jobs.cli import main
from jobs.github import kept, workflow
from jobs.terminal.github import LIMIT

NUMBER = 7


@pytest.fixture
def repository(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A pull request's job in a repository of the test's own."""
    name = f"contoso/{tmp_path.name}"
    job = WorkflowJob(repository=name, pull_request=True)
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": NUMBER, "head": {"sha": "ab" * 20}}}))
    for variable, value in {
        "GITHUB_REPOSITORY": name,
        "GITHUB_TOKEN": emulator.control.start_job(job)["token"],
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_RUN_ID": "42",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir(tmp_path)
    return name


def comments(emulator: Emulator, repository: str) -> list[dict[str, Any]]:
    found = issues.said(emulator.cloud, repository, "comment")
    return sorted(found, key=lambda comment: comment["id"])


def test_the_same_comment_is_changed_and_another_name_has_its_own(
    emulator: Emulator, repository: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "plan.md"
    for text in ("## one", "## two"):
        file.write_text(text)
        assert main(["comment", "plan.md", "--name", "plan of prod"]) == 0
        assert capsys.readouterr().out.startswith(f"https://github.com/{repository}/issues/7#")
    [comment] = comments(emulator, repository)
    assert "## two" in comment["body"]
    assert "## one" not in comment["body"]
    assert (
        f"commit ababababab · [its run](https://github.com/{repository}/actions/runs/42)"
        in (comment["body"])
    )
    assert (tmp_path / "summary.md").read_text() == "## one\n## two\n"
    assert main(["comment", "plan.md", "--name", "plan of test"]) == 0
    assert len(comments(emulator, repository)) == 2


def test_what_a_person_wrote_is_never_changed(emulator: Emulator, repository: str) -> None:
    body = f"{kept.mark('plan')}\nmine"
    row = {"id": 1, "issue": NUMBER, "body": body, "user": {"type": "User", "login": "ada"}}
    emulator.cloud.database.documents("github-comments").put(f"{repository}/1", row)
    kept.comment(workflow.here(), NUMBER, "plan", "the job's")
    assert [comment["body"].splitlines()[1] for comment in comments(emulator, repository)] == [
        "mine",
        "the job's",
    ]


@pytest.mark.parametrize("fault", [{"lose_answer": True}, {"fail_after": 502}, {"status": 503}])
def test_after_a_lost_answer_it_looks_before_it_writes(
    emulator: Emulator, repository: str, fault: dict[str, Any]
) -> None:
    path = f"/repos/{repository}/"
    emulator.control.faults.add({"match": {"method": "POST", "path": path}, "do": fault})
    waited: list[float] = []
    kept.comment(workflow.here(), NUMBER, "plan", "once", wait=waited.append)
    assert len(comments(emulator, repository)) == 1
    assert len(waited) == 1


def test_an_issue_is_made_when_something_fails_and_closed_when_nothing_does(
    emulator: Emulator, repository: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "drift.txt").write_text("content_filter  Enabled → Disabled\n")
    (tmp_path / "orphans.txt").write_text("Everything that costs belongs to a file.\n")
    good = {"drift": {"outcome": "success"}, "orphans": {"outcome": "success"}}
    bad = good | {"drift": {"outcome": "failure"}}
    look = ["comment", "orphans.txt", "drift.txt", "--issue", "Nightly look", "--steps"]
    assert main([*look, json.dumps(good)]) == 0
    assert issues.said(emulator.cloud, repository, "issue") == []
    assert "Nothing failed" in capsys.readouterr().out
    for outcomes, state in ((bad, "open"), (bad, "open"), (good, "closed"), (bad, "open")):
        assert main([*look, json.dumps(outcomes)]) == 0
        [issue] = issues.said(emulator.cloud, repository, "issue")
        assert issue["state"] == state
    failed, folded = issue["body"].index("### ❌ drift"), issue["body"].index("✅ orphans")
    assert failed < folded, "what failed comes first, and open"


def test_a_job_without_the_right_is_told_which_to_give(
    emulator: Emulator,
    repository: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "plan.md").write_text("## plan")
    other = emulator.control.start_job(WorkflowJob(repository="mallory/phi"))["token"]
    monkeypatch.setenv("GITHUB_TOKEN", other)
    assert main(["comment", "plan.md"]) == 4
    said = capsys.readouterr().err
    assert "permissions: pull-requests: write" in said
    assert other not in said
    monkeypatch.delenv("GITHUB_TOKEN")
    assert main(["comment", "plan.md"]) == 2
    assert "GITHUB_TOKEN is not set" in capsys.readouterr().err


def test_a_text_that_is_too_long_is_cut_to_what_github_takes(
    emulator: Emulator, repository: str, tmp_path: Path
) -> None:
    (tmp_path / "plan.md").write_text("😀" * 60_000, "utf-8")
    assert main(["comment", "plan.md"]) == 0
    [comment] = comments(emulator, repository)
    assert len(comment["body"].encode("utf-16-le")) // 2 <= LIMIT
    assert comment["body"].endswith("</sub>\n")


@pytest.mark.parametrize("steps", ["[]", "no JSON"])
def test_steps_that_are_none_of_githubs_are_refused(
    steps: str, repository: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "drift.txt").write_text("x")
    assert main(["comment", "drift.txt", "--issue", "x", "--steps", steps]) == 2
    assert "toJSON(steps)" in capsys.readouterr().err
