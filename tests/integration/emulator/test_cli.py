"""foundry-emulator as a command: what the child sees, how it ends, and what is kept."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emulator.rehearsal.environment import CA_VARIABLES

PROGRAM = [sys.executable, "-m", "emulator.cli"]

ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"
MAKE_GROUP = """
import json, os, sys, urllib.error, urllib.parse, urllib.request as web
e, method = os.environ, sys.argv[1]
form = {"grant_type": "client_credentials", "scope": "https://management.azure.com/.default",
        "client_id": e["ARM_CLIENT_ID"], "client_secret": e["ARM_CLIENT_SECRET"]}
login = f"https://login.microsoftonline.com/{e['ARM_TENANT_ID']}/oauth2/v2.0/token"
token = json.load(web.urlopen(login, urllib.parse.urlencode(form).encode()))["access_token"]
group = (f"https://management.azure.com/subscriptions/{e['ARM_SUBSCRIPTION_ID']}"
         "/resourceGroups/kept?api-version=2024-03-01")
body = json.dumps({"location": "eastus2"}).encode() if method == "PUT" else None
call = web.Request(group, body, {"Authorization": f"Bearer {token}"}, method=method)
try:
    print(web.urlopen(call).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


def test_the_child_sees_the_emulator_as_azure_and_the_parent_is_left_alone(tmp_path: Path) -> None:
    foreign = {
        "AZURE_CLIENT_CERTIFICATE_PATH": "/secret.pem",
        "AZURE_AUTHORITY_HOST": "https://elsewhere",
        "ARM_USE_OIDC": "true",
        "PULUMI_ACCESS_TOKEN": "pul-real",
        "NO_PROXY": "management.azure.com",
    }
    done = _run(tmp_path, [sys.executable, "-c", ENVIRONMENT], foreign)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert not set(foreign) - {"NO_PROXY"} & set(seen)
    assert seen["NO_PROXY"] == ""
    assert seen["HTTPS_PROXY"].startswith("http://127.0.0.1:")
    assert {seen[name] for name in CA_VARIABLES} == {seen["SSL_CERT_FILE"]}
    assert seen["AZURE_CLIENT_ID"].endswith("20")
    assert seen["ARM_CLIENT_ID"].endswith("10")
    assert seen["PULUMI_BACKEND_URL"] == f"file://{tmp_path / 'state' / 'pulumi'}"
    assert seen["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert not Path(seen["SSL_CERT_FILE"]).exists(), "the throw-away CA is gone with the run"


@pytest.mark.parametrize(("flags", "taken"), [([], True), (["--no-command-jobs"], False)])
def test_a_run_says_whether_it_takes_command_jobs(flags: list[str], taken: bool) -> None:
    ask = "import os, urllib.request as web; print(web.build_opener(web.ProxyHandler({})).open("
    ask += "os.environ['FOUNDRY_EMULATOR'] + '/').read().decode())"
    done = subprocess.run(
        [*PROGRAM, "run", *flags, "--state", ":memory:", "--", sys.executable, "-c", ask],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["commandJobs"] is taken


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ([sys.executable, "-c", "raise SystemExit(7)"], 7),
        ([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], 137),
        (["no-such-command"], 127),
    ],
)
def test_the_exit_code_is_the_childs(tmp_path: Path, command: list[str], code: int) -> None:
    assert _run(tmp_path, command).returncode == code


def test_a_signal_reaches_the_child(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = (
        "import pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(42))\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(60)\n"
    )
    command = [*PROGRAM, "run", "--state", ":memory:", "--", sys.executable, "-c", script]
    with subprocess.Popen(command) as running:
        while not ready.exists():
            time.sleep(0.01)
            assert running.poll() is None
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 42


def test_state_is_kept_between_runs_until_it_is_fresh(tmp_path: Path) -> None:
    script = [sys.executable, "-c", MAKE_GROUP]
    assert _run(tmp_path, [*script, "PUT"]).stdout.split() == ["201"]
    assert _run(tmp_path, [*script, "GET"]).stdout.split() == ["200"]
    assert _run(tmp_path, [*script, "GET"], fresh=True).stdout.split() == ["404"]


def test_one_state_is_used_by_one_emulator_at_a_time(tmp_path: Path) -> None:
    inner = [*PROGRAM, "run", "--state", str(tmp_path / "state"), "--", "true"]
    done = _run(tmp_path, inner)
    assert done.returncode == 2
    assert "is in use by another foundry-emulator" in done.stderr


def test_the_state_is_nobody_elses_to_read_though_its_folder_was(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    assert _run(tmp_path, ["true"]).returncode == 0
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    for name in ("state.sqlite", "lock"):
        assert (tmp_path / "state" / name).stat().st_mode & 0o077 == 0, name


def test_what_a_killed_emulator_left_is_cleaned_at_the_next_start(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [*PROGRAM, "run", "--state", ":memory:", "--"]
    waits = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    killed = subprocess.run(
        [*command, sys.executable, "-c", waits], env=environment, check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob("foundry-emulator-*"))) == 1
    seen = subprocess.run(
        [*command, "sh", "-c", "ls -d $TMPDIR/foundry-emulator-* | wc -l"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert seen.stdout.strip() == "1", "its own, and not the killed one's"
    assert list(tmp_path.glob("foundry-emulator-*")) == []


def test_a_directory_that_holds_something_else_is_never_wiped(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "thesis.txt").write_text("years of work")
    done = _run(tmp_path, ["true"], fresh=True)
    assert done.returncode == 2
    assert (tmp_path / "state" / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "say what to run"),
        (["run", "--date", "tomorrow", "--", "true"], "'tomorrow' is not a date"),
        (["clock", "show"], "no emulator runs around this shell"),
    ],
)
def test_a_mistake_is_said_in_one_line(arguments: list[str], message: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "FOUNDRY_EMULATOR"}
    done = subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_clock_is_turned_from_inside_and_starts_on_the_given_date(tmp_path: Path) -> None:
    clock = [*PROGRAM, "clock"]
    command = ["run", "--state", str(tmp_path / "state"), "--date", "2025-06-01", "--"]
    done = subprocess.run(
        [*PROGRAM, *command, *clock, "advance", "2d"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("2025-06-03T")
    seen = subprocess.run(
        [*PROGRAM, *command, "printenv", "FOUNDRY_TUNE_DATE"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout == "2025-06-01\n", "what checks dates offline rehearses the same day"


def _run(
    tmp_path: Path,
    command: list[str],
    environment: dict[str, str] | None = None,
    *,
    fresh: bool = False,
) -> "subprocess.CompletedProcess[str]":
    arguments = ["run", "--state", str(tmp_path / "state"), *(["--fresh"] if fresh else []), "--"]
    return subprocess.run(
        [*PROGRAM, *arguments, *command],
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
        timeout=60,
        check=False,
    )


def test_the_inventory_lists_what_is_there_and_says_when_nothing_is(tmp_path: Path) -> None:
    listing = [*PROGRAM, "inventory"]
    empty = _run(tmp_path, listing)
    assert (empty.returncode, empty.stdout.splitlines()[-1]) == (
        0,
        "Nothing is left: 0 resources, 0 in the bin, 0 role assignments, 0 blobs.",
    )
    assert _run(tmp_path, [sys.executable, "-c", MAKE_GROUP, "PUT"]).stdout == "201\n"
    full = _run(tmp_path, listing)
    assert full.returncode == 1
    assert "/resourceGroups/kept" in full.stdout
    assert "There is something left: 1 resource," in full.stdout
