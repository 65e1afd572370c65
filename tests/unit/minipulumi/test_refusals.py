"""Whatever isn't covered is refused by name, with one line and exit 2."""

from pathlib import Path

import pytest

from minipulumi.cli import main


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("stack graph out.dot", "'pulumi stack graph'"),
        ("import azure-native:x:Y name id", "'pulumi import azure-native:x:Y'"),
        ("up --policy-pack-config c.json", "'--policy-pack-config' of `pulumi up`"),
        ("preview --save-plan plan.json", "'--save-plan' of `pulumi preview`"),
        ("config set --type int a 1", "'--type' of `pulumi config set`"),
        ("up --yes --exec-kind auto.local", "Pulumi's Automation API ('--exec-kind')"),
        ("preview --exec-kind=auto.inline", "Pulumi's Automation API ('--exec-kind')"),
    ],
)
def test_unknown_verbs_and_flags_are_named(
    command: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command.split()) == 2
    error = capsys.readouterr().err.splitlines()[1]
    assert error.startswith("error: minipulumi doesn't cover ")
    assert named in error


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("name: p\nruntime: nodejs\n", "runtime 'nodejs'"),
        (
            "name: p\nruntime: {name: python, options: {toolchain: uv}}\n",
            "runtime option 'toolchain'",
        ),
        (  # recording 178: a relative virtualenv, which breaks dynamic resources in the real engine
            "name: p\nmain: .\nruntime: {name: python, options: {virtualenv: .venv}}\n",
            "runtime option 'virtualenv'",
        ),
        ("name: p\nruntime: python\nmain: program.py\n", "'main: program.py', which is no folder"),
        ("name: p\nruntime: python\nstackConfigDir: stacks\n", "'stackConfigDir' in"),
        ("name: p\nruntime: python\nconfig: {a: {default: 1}}\n", "'config' in"),
        (  # recording 177
            "name: p\nruntime: python\nplugins: {providers: [{name: azure-native, path: .}]}\n",
            "'plugins' in",
        ),
    ],
)
def test_unknown_parts_of_the_project_file_are_named(
    text: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text(text)
    assert main(["stack", "ls", "-C", str(tmp_path)]) == 2
    assert named in capsys.readouterr().err


@pytest.mark.parametrize("url", ["s3://bucket", "azblob://state", "https://api.pulumi.com"])
def test_other_backends_are_refused(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    assert main(["stack", "ls", "-C", str(tmp_path)]) == 2
    assert f"the backend '{url}'" in capsys.readouterr().err


def test_without_a_project_the_folder_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preview", "-C", str(tmp_path)]) == 1
    assert f"searching upwards from {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["stack output", "up --yes", "stack init dev"])
def test_compressed_state_is_named_and_not_taken_for_no_state(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    state = tmp_path / ".pulumi" / "stacks" / "p" / "dev.json.gz"
    state.parent.mkdir(parents=True)
    state.write_bytes(b"")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    words = command.split()
    stack = [] if "init" in words else ["--stack", "dev"]
    assert main([*words, *stack, "-C", str(tmp_path)]) == 2
    assert "compressed state (dev.json.gz)" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["", "--help", "help"])
def test_without_a_verb_it_tells_which_there_are(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command.split()) == 0
    told = capsys.readouterr().out.splitlines()
    assert "  pulumi up" in told
    assert "  pulumi stack output" in told


@pytest.mark.parametrize(
    ("named", "code"),
    [("dev", 6), ("organization/p/dev", 6), ("organization/other/dev", 2), ("me/p/dev", 2)],
)
def test_a_stack_may_be_named_in_full_but_not_somebody_elses(
    named: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    assert main(["stack", "output", "--stack", named, "-C", str(tmp_path)]) == code
    told = "no stack named 'dev' found" if code == 6 else f"another owner or project ('{named}')"
    assert told in capsys.readouterr().err
