"""What `foundry-emulator env` prints: any value comes out of the shell as it went in."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.living.shells import changes, shell_of

NASTY = 'it\'s "a" $HOME `id` \\ \n;| é'
BEFORE = {"GONE": "1", "SAME": "2", "PATH": "/bin:/usr/bin"}
AFTER = {"SAME": "2", "NEW": NASTY, "PATH": "/x y:/bin:/usr/bin"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_becomes_what_it_is_told(shell: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} on this machine: nothing is shown about it")
    before = BEFORE | {"HOME": str(tmp_path)}
    dump = f"{sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    lines = "\n".join([*changes(before, AFTER | {"HOME": str(tmp_path)}, shell), dump])
    seen = subprocess.run(
        [program, "-c", lines], env=before, capture_output=True, text=True, check=True
    )
    assert {**json.loads(seen.stdout), **AFTER} == json.loads(seen.stdout)
    assert "GONE" not in json.loads(seen.stdout)


def test_fish_and_powershell_have_words_of_their_own() -> None:
    after = {"NEW": "it's \\ here", "PATH": "/a:/b"}
    assert changes({"GONE": ""}, after, "fish") == [
        "set -e GONE;",
        "set -gx NEW 'it\\'s \\\\ here';",
        "set -gx PATH (string split : '/a:/b');",
    ]
    assert changes({"GONE": ""}, after, "powershell") == [
        "Remove-Item Env:GONE;",
        "$env:NEW = 'it''s \\ here';",
        "$env:PATH = '/a:/b';",
    ]


@pytest.mark.parametrize(
    ("named", "shell"),
    [("/usr/bin/fish", "fish"), ("/opt/pwsh", "powershell"), ("/bin/tcsh", "bash"), ("", "bash")],
)
def test_the_shell_is_the_users(named: str, shell: str) -> None:
    assert shell_of({"SHELL": named}) == shell
