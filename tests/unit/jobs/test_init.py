"""`init`: what it writes is right for every profile, and what is there stays as it is."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from infra.config import Settings, parse
from jobs.cli import main
from jobs.repository.wanted import PROFILES, project_after

GROUP = "0a11ce00-0000-4000-8000-000000000002"
ASKED = ("--repository", "contoso/phi", "--email", "platform@example.com")
START = "import sys; from jobs.cli import main; sys.exit(main())"


def init(folder: Path, *arguments: str) -> int:
    return main(["init", str(folder), *ASKED, *arguments])


def settings(folder: Path, stack: str = "prod") -> Settings:
    """The stack file as the Pulumi program reads it: lists and maps come as JSON."""
    config = yaml.safe_load((folder / f"Pulumi.{stack}.yaml").read_text("utf-8"))["config"]
    texts = {
        key.removeprefix("foundry-tune:"): value if isinstance(value, str) else json.dumps(value)
        for key, value in config.items()
    }
    return parse(list(texts), texts.get, stack)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_stack_file_of_each_profile_is_read_with_what_was_asked_for(
    profile: str, tmp_path: Path
) -> None:
    assert init(tmp_path, "--profile", profile, "--group", GROUP, "--location", "westus3") == 0
    read = settings(tmp_path)
    assert (read.location, read.projects, read.environment) == ("westus3", ("phi",), "prod")
    assert [one.principal_id for one in read.developers] == [GROUP]
    subjects = {one.may: one.subjects for one in read.identities}
    assert subjects["apply"] == subjects["up"] == ("repo:contoso/phi:environment:prod",)
    assert "repo:contoso/phi:pull_request" in subjects["plan"]
    assert (read.guards.budget is not None) == (profile != "dev")
    if read.guards.budget:
        assert read.guards.alerts is not None
        told = (read.guards.budget.emails, read.guards.alerts.emails)
        assert told == (("platform@example.com",),) * 2


def test_a_repository_whose_tokens_carry_ids_is_trusted_by_them_and_called_without(
    tmp_path: Path,
) -> None:
    asked = ["--repository", "contoso@139941502/phi@1383544386", "--profile", "dev"]
    assert main(["init", str(tmp_path), *asked]) == 0
    read = settings(tmp_path)
    [up] = [one for one in read.identities if one.may == "up"]
    assert up.subjects == ("repo:contoso@139941502/phi@1383544386:environment:prod",)
    assert read.projects == ("phi",)
    assert (tmp_path / "README.md").read_text("utf-8").startswith("# phi\n")


def test_what_it_writes_is_valid_without_a_remark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(tmp_path, "--profile", "dev") == 0
    capsys.readouterr()
    assert main(["validate", str(tmp_path / "specs"), "--strict"]) == 0
    assert capsys.readouterr().out == "Nothing to complain about.\n"


def test_its_policy_holds_and_its_own_specs_pass_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(tmp_path, "--profile", "standard", "--location", "westus3") == 0
    policy = tmp_path / "foundry-policy.yaml"
    assert "allowed_regions: [westus3]" in policy.read_text("utf-8")
    capsys.readouterr()
    assert main(["validate", str(policy), "--strict"]) == 0
    assert main(["policy", str(tmp_path / "specs")]) == 0
    assert "Nothing to complain about." in capsys.readouterr().out
    assert "`foundry-policy.yaml` what" in (tmp_path / "README.md").read_text("utf-8")
    spec = tmp_path / "specs" / "support.yaml"
    spec.write_text(spec.read_text("utf-8").replace("epochs: 3", "epochs: 8"), "utf-8")
    assert main(["validate", str(spec)]) == 3
    assert "8 epochs, and 5 are the most" in capsys.readouterr().out


def test_no_word_to_be_filled_in_is_left(tmp_path: Path) -> None:
    assert init(tmp_path, "--profile", "standard", "--stack", "live") == 0
    words = ("repository", "name", "stack", "version", "rehearsal")
    for path in tmp_path.rglob("*"):
        text = path.read_text("utf-8") if path.is_file() else ""
        assert not [word for word in words if f"@{word}@" in text], path
    assert "pulumi stack select --create live" in (tmp_path / "README.md").read_text("utf-8")


def test_what_is_there_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("mine\n")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "support.yaml").symlink_to("nowhere")
    assert init(tmp_path, "--profile", "dev") == 2
    said = capsys.readouterr().err
    assert "has README.md, specs/support.yaml already" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "specs"]
    assert (tmp_path / "README.md").read_text() == "mine\n"


def test_where_a_file_can_not_be_written_none_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "specs").write_text("a file where a folder must be\n")
    assert init(tmp_path, "--profile", "dev") == 2
    assert "specs can't be made" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["specs"]


def test_every_wrong_answer_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = ("--repository", "phi", "--profile", "devv", "--stack", "Prod", "--group", "me")
    assert init(tmp_path / "new", *wrong, "--project", "x") == 2
    said = capsys.readouterr().err
    for flag in ("--repository", "--profile", "--stack", "--group", "--project"):
        assert f"  {flag} '" in said
    assert "Did you mean 'dev'?" in said
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("profile", ["standard", "private"])
def test_a_budget_tells_somebody(
    profile: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["init", str(tmp_path), "--repository", "contoso/phi", "--profile", profile])
    assert code == 2
    assert "--email" in capsys.readouterr().err


def test_where_nobody_can_be_asked_the_flag_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "new")]) == 2
    assert "--repository OWNER/NAME" in capsys.readouterr().err


def test_on_a_terminal_it_asks_what_no_flag_says_and_offers_the_checkouts_remote(
    tmp_path: Path,
) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    remote = "git@github.com:contoso/phi-support.git"
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", remote], check=True)
    ours, theirs = pty.openpty()
    os.write(ours, b"\nstandard\nplatform@example.com\n")
    ran = subprocess.run(
        [sys.executable, "-c", START, "init"],
        cwd=tmp_path,
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        check=False,
    )
    asked = os.read(ours, 65536).decode()
    assert ran.returncode == 0, asked
    assert "[contoso/phi-support]" in asked
    read = settings(tmp_path)
    assert read.projects == ("phi-support",)
    assert read.guards.budget is not None


@pytest.mark.parametrize(
    ("name", "project"),
    [("Phi_Support.v2", "phi-support-v2"), ("phi", "phi"), ("-x" * 30, "x-" * 15 + "x")],
)
def test_a_project_is_called_after_the_repository(name: str, project: str) -> None:
    assert project_after(name) == project
