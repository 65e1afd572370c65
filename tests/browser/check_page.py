"""The emulator's page in Chromium: axe finds nothing, the keyboard does all, it keeps itself new.

`make pages-check` runs it: it needs Chromium and npm, which `make test` must do without.
"""

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from azure.identity import ClientSecretCredential

from emulator.server import Emulator
from tests.browser.chromium import Chromium
from tests.integration.emulator.machinelearningservices.conftest import Foundry, make_foundry
from tests.integration.emulator.machinelearningservices.test_chat import Endpoint

WIDTHS = (320, 800, 1280)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def foundry(emulator: Emulator) -> Iterator[Foundry]:
    signed_in = {
        who: ClientSecretCredential(*(os.environ[f"{prefix}_{part}"] for part in PARTS))
        for who, prefix in (("platform", "ARM"), ("developer", "AZURE"))
    }
    made = make_foundry(emulator.control.add_subscription(registered=None), signed_in)
    yield made
    made.platform.close()
    made.developer.close()


PARTS = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")


@pytest.fixture(scope="module")
def job(foundry: Foundry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a job that has ended, and of the model it left."""
    data = tmp_path_factory.mktemp("data") / "train.jsonl"
    said = [("user", "My Xbox is on fire <b>."), ("assistant", "Please restart your Xbox.")]
    row = {"messages": [{"role": role, "content": text} for role, text in said]}
    data.write_text(f"{json.dumps(row)}\n" * 15, encoding="utf-8")
    name = f"xbox-{uuid.uuid4().hex[:8]}"
    foundry.submit(name, foundry.job_body(foundry.upload(data), name))
    foundry.wait_for_job(name)
    return name


@pytest.fixture(scope="module")
def endpoint(foundry: Foundry, job: str) -> Iterator[Endpoint]:
    made = Endpoint(foundry, f"{foundry.project}/models/{job}/versions/1")
    yield made
    made.delete()


@pytest.fixture(scope="module")
def online(foundry: Foundry) -> Iterator[str]:
    """The id of an online endpoint with two deployments."""
    script = """\
def init():
    print("ready", flush=True)

def run(raw_data):
    return {"said": raw_data}
"""
    scripts, traffic = {"blue": script, "green": script}, {"blue": 90, "green": 10}
    made = foundry.serve(f"intents-{uuid.uuid4().hex[:6]}", scripts, traffic)
    yield made
    foundry.platform.wait("DELETE", made)


@pytest.fixture(scope="module")
def base(emulator: Emulator) -> str:
    assert emulator.address is not None
    return f"{emulator.address.control}/page"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_in_any_view_at_any_width_in_light_and_dark(
    browser: Chromium,
    base: str,
    foundry: Foundry,
    job: str,
    endpoint: Endpoint,
    online: str,
    emulator: Emulator,
    width: int,
    dark: bool,
    tmp_path: Path,
) -> None:
    emulator.control.faults.add({"match": {"path": "never"}, "do": {"status": 503}})
    views = {
        "resources": "",
        "resource": f"/resource?id={quote(foundry.project, safe='')}",
        "jobs": "/jobs",
        "job": f"/job?id={quote(f'{foundry.project}/jobs/{job}', safe='')}",
        "endpoints": "/endpoints",
        "endpoint": f"/endpoint?id={quote(endpoint.path, safe='')}",
        "online": f"/online?id={quote(online, safe='')}",
        "calls": "/calls",
        "call": f"/calls/{emulator.control.last_call()}",
        "faults": "/faults",
        "error": "/nothing",
    }
    browser.complaints.clear()
    for name, path in views.items():
        browser.open(base + path, width=width, dark=dark)
        assert browser.violations() == [], name
        assert browser.evaluate("document.documentElement.scrollWidth") <= width, name
        browser.screenshot(tmp_path / f"{name}-{width}{'-dark' if dark else ''}.png")
    emulator.control.faults.clear()
    assert [said for said in browser.complaints if "404" not in said] == []


def test_nothing_is_fetched_but_from_the_page_itself(browser: Chromium, base: str) -> None:
    browser.requests.clear()
    browser.open(f"{base}/jobs")
    own = base.removesuffix("/page")
    assert browser.requests
    assert all(asked.startswith(own) for asked in browser.requests), browser.requests


def test_an_endpoint_is_asked_by_keyboard_alone(
    browser: Chromium, base: str, endpoint: Endpoint
) -> None:
    browser.open(f"{base}/endpoint?id={quote(endpoint.path, safe='')}")
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.className") == "skip"
    browser.tab_to("textarea")
    for letter in "Hi":
        browser.press(letter)
    browser.press("Tab")
    browser.press("Enter")
    browser.loaded()
    said = browser.evaluate("[...document.querySelectorAll('.text')].map((one) => one.textContent)")
    assert said[0] == "Hi"
    assert len(said) == 2
    assert browser.evaluate("document.activeElement.id") == "question"


def test_a_request_is_sent_to_an_online_endpoint_by_keyboard_alone(
    browser: Chromium, base: str, online: str, tmp_path: Path
) -> None:
    browser.open(f"{base}/online?id={quote(online, safe='')}")
    browser.tab_to("textarea")
    browser.press("Tab")
    browser.press("Tab")
    browser.press("Enter")
    browser.loaded()
    assert browser.evaluate("document.querySelector('[role=status]').textContent").startswith("200")
    assert browser.evaluate("document.querySelector('[aria-label=Answer]').textContent") == (
        '{"said": "{}"}'
    )
    assert browser.evaluate("document.activeElement.id") == "body"
    assert browser.violations() == []
    browser.screenshot(tmp_path / "online-asked.png")


def test_the_tree_grows_by_itself_and_keeps_what_was_folded(
    browser: Chromium, base: str, foundry: Foundry
) -> None:
    browser.open(base)
    browser.evaluate("document.querySelectorAll('details')[0].open = false")
    name = f"rg-{uuid.uuid4().hex[:6]}"
    group = f"/subscriptions/{foundry.subscription}/resourceGroups/{name}"
    foundry.platform.ok("PUT", group, {"location": "eastus2"}, version="2021-04-01")
    grown = f"""new Promise((done) => {{
      const there = () => document.body.textContent.includes({name!r});
      const look = () => (there() ? done(true) : setTimeout(look, 50));
      look();
    }})"""
    assert browser.evaluate(grown)
    assert browser.evaluate("document.querySelectorAll('details')[0].open") is False


def test_without_scripts_every_view_is_there(browser: Chromium, base: str, job: str) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(f"{base}/jobs")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", {"value": False})
    assert job in browser.evaluate("document.body.textContent")
