"""A rehearsal reaches the emulator and nobody else, whatever it is written in."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

RUN = [sys.executable, "-m", "emulator.cli", "run", "--state", ":memory:"]
LOGIN = "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"
NODE = f"""
const https = require('node:https'), http = require('node:http')
const get = (kind, url) => new Promise((done) => kind
  .get(url, (r) => {{ r.resume(); done(r.statusCode) }})
  .on('error', (e) => done(e.message.split(':')[0])))
;(async () => {{
  console.log((await fetch('{LOGIN}')).status, await get(https, '{LOGIN}'))
  console.log(await fetch('https://example.com/').catch((e) => e.cause.message.split(':')[0]))
  console.log(await get(https, 'https://example.com/'))
  console.log(await get(http, 'http://169.254.169.254/metadata/identity'))
}})()
"""
JAVA = """
import java.net.*;
class Ask { public static void main(String[] urls) throws Exception {
  for (String url : urls) try {
    var call = (HttpURLConnection) URI.create(url).toURL().openConnection();
    System.out.println(call.getResponseCode());
  } catch (java.io.IOException e) { System.out.println("refused"); }
}}
"""
CONNECT = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)"


@pytest.fixture
def outside() -> Iterator[int]:
    """The port of somebody else on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_nodes_fetch_and_https_go_to_the_emulator_and_nowhere_else() -> None:
    if not shutil.which("node"):
        pytest.skip("no node on this machine: nothing is shown about it")
    seen = _run([*RUN, "--", "node", "-e", NODE])
    refused = "foundry-emulator refuses"
    assert seen.stdout.splitlines() == [
        "200 200",
        f"{refused} example.com",
        f"{refused} example.com",
        f"{refused} 169.254.169.254",
    ], seen.stderr


@pytest.mark.rehearsal
def test_a_jvm_goes_to_the_emulator_and_nowhere_else(tmp_path: Path) -> None:
    if not shutil.which("java"):
        pytest.skip("no java on this machine: nothing is shown about it")
    (tmp_path / "Ask.java").write_text(JAVA)
    seen = _run([*RUN, "--", "java", str(tmp_path / "Ask.java"), LOGIN, "https://example.com/"])
    assert seen.stdout.split() == ["200", "refused"], seen.stderr


def test_in_isolation_not_even_this_machine_is_there(outside: int) -> None:
    connect = [sys.executable, "-c", CONNECT, str(outside)]
    assert _run([*RUN, "--", *connect]).returncode == 0, "a socket minds no environment"
    isolated = _run([*RUN, "--isolated", "--", *connect])
    if "allows no user namespaces" in isolated.stderr:
        assert isolated.returncode == 2
        pytest.skip("no user namespaces on this machine: only the refusal is shown")
    assert "ConnectionRefusedError" in isolated.stderr
    inside = _run([*RUN, "--isolated", "--", "sh", "-c", "id -u; foundry-emulator clock show"])
    assert inside.returncode == 0, inside.stderr
    assert inside.stdout.splitlines()[0] == str(os.getuid())


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
