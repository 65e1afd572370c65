"""What `connect` prints runs as it stands, and the key is printed only where it was asked for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.foundry import endpoints
from jobs.look.connect import CLIENTS
from tests.integration.jobs.conftest import Place, write_story


@pytest.mark.rehearsal
def test_snippets_ask_the_filtered_route_with_a_key_that_none_of_them_holds(served: Place) -> None:
    key = endpoints.key(served.session(), served.endpoint().name)
    shown = served.tune("connect", served.name)
    assert shown.code == 0, shown.said
    assert key not in shown.said
    told = json.loads(served.tune("connect", served.name, "-o", "json").out)
    assert key not in json.dumps(told)
    assert set(told["snippets"]) == set(CLIENTS)
    assert served.tune("connect", served.name, "--key").out == f"{key}\n"

    fetched = f"{told['variables']}\n"
    address, credential = fetched.splitlines()
    assert address.startswith('export AZURE_INFERENCE_ENDPOINT="$(foundry-tune connect')
    assert credential.startswith('export AZURE_INFERENCE_CREDENTIAL="$(foundry-tune connect')
    answer = json.loads(shell(served, fetched + told["snippets"]["curl"]))
    assert answer["choices"][0]["message"]["content"]
    assert "content_filter_results" in answer["choices"][0], "the filter looked at it"
    for client in ("openai", "azure-ai-ml"):
        program = served.tune("connect", served.name, "--client", client).out
        (served.folder / "program.py").write_text(program, encoding="utf-8")
        assert shell(served, f"{fetched}python program.py").strip()
    compile(told["snippets"]["langchain"], "langchain", "exec")


def test_an_endpoint_without_keys_is_asked_with_a_token(place: Place) -> None:
    spec = write_story(place)
    text = spec.read_text(encoding="utf-8")
    kind = "type: serverless_endpoint\n"
    assert kind in text
    spec.write_text(text.replace(kind, f"{kind}auth_mode: aad\n"), encoding="utf-8")
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    refused = place.tune("connect", place.name, "--key")
    assert refused.code == 2, refused.said
    assert "has no keys" in refused.err
    assert "az account get-access-token" in place.tune("connect", place.name).out


def shell(place: Place, script: str) -> str:
    """What a script prints in the project's shell, with both commands and Python on PATH."""
    bin_folder = str(Path(sys.executable).parent)
    environment = place.environment()
    ran = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=place.folder,
        env=environment | {"PATH": f"{bin_folder}:{environment['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
