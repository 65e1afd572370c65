"""The emulator's page, as a browser without scripts has it: read, asked, and closed to others."""

import html
import json
import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urljoin

import pytest
import requests

from emulator.page import curve
from emulator.server import Emulator
from tests.integration.emulator.machinelearningservices.conftest import Foundry, Trained
from tests.integration.emulator.machinelearningservices.test_chat import Endpoint

DIRECT = {"http": "", "https": ""}


class Reader:
    """Opens addresses as links in the page say them."""

    def __init__(self, emulator: Emulator) -> None:
        assert emulator.address is not None
        self.base = f"{emulator.address.control}/page"
        self.host = self.base.partition("://")[2].partition("/")[0]
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str = "", **options: Any) -> requests.Response:
        return self._session.get(self.base + path, timeout=10, **options)

    def post(self, path: str, form: dict[str, str], **options: Any) -> requests.Response:
        headers = {"Origin": f"http://{self.host}", "Sec-Fetch-Site": "same-origin"}
        headers |= options.pop("headers", {})
        return self._session.post(self.base + path, form, headers=headers, timeout=10, **options)

    def links(self, path: str) -> Iterator[str]:
        for link in re.findall(r'href="([^"]+)"', self.get(path).text):
            yield urljoin(self.base + path, html.unescape(link))

    def follow(self, address: str) -> requests.Response:
        return self._session.get(address, timeout=10)

    def close(self) -> None:
        self._session.close()


@pytest.fixture
def reader(emulator: Emulator) -> Iterator[Reader]:
    made = Reader(emulator)
    yield made
    made.close()


def found(pattern: str, text: str) -> str:
    """What the pattern's group holds, as a browser reads it."""
    match = re.search(pattern, text, re.DOTALL)
    assert match is not None, pattern
    return html.unescape(match[1])


def test_every_link_of_every_view_leads_to_a_page_and_no_page_holds_the_token(
    reader: Reader, emulator: Emulator, trained: Trained, foundry: Foundry
) -> None:
    seen: set[str] = set()
    waiting = [f"{reader.base}{view}" for view in ("", "/jobs", "/endpoints", "/faults")]
    waiting += [f"{reader.base}/resource?id={quote(foundry.project, safe='')}"]
    waiting += [f"{reader.base}/job?id={quote(f'{foundry.project}/jobs/{trained.name}', safe='')}"]
    for address in waiting:
        answer = reader.follow(address)
        assert answer.status_code == 200, address
        assert emulator.control.token not in answer.text, address
        seen |= {
            urljoin(address, html.unescape(a)) for a in re.findall('href="([^"]+)"', answer.text)
        }
    mine = [one for one in seen if foundry.subscription in one or "?" not in one]
    assert len(mine) > 10
    for address in mine:
        assert reader.follow(address).status_code == 200, address


def test_a_job_shows_its_curves_in_words_too_and_the_end_of_its_log(
    reader: Reader, trained: Trained, foundry: Foundry
) -> None:
    text = reader.get("/job", params={"id": f"{foundry.project}/jobs/{trained.name}"}).text
    assert re.search(r'aria-label="train_loss from [\d.]+ at step 1 to [\d.e-]+ at step \d+;', text)
    assert "Completed" in text
    assert "train step=1" in text or "step" in text.partition("<h2>Log")[2]
    assert "data-live" not in text
    assert trained.name in reader.get("/jobs").text


def test_a_resource_is_shown_as_arm_shows_it_without_its_secrets(
    reader: Reader, foundry: Foundry
) -> None:
    text = reader.get("/resource", params={"id": foundry.storage}).text
    shown = json.loads(found(r"<pre[^>]*>(.*?)</pre>", text))
    there = foundry.platform.ok("GET", foundry.storage, version="2023-05-01")
    assert shown["properties"]["primaryEndpoints"] == there["properties"]["primaryEndpoints"]
    keys = foundry.platform.ok("POST", f"{foundry.storage}/listKeys", version="2023-05-01")
    assert keys["keys"][0]["value"] not in text


def test_an_endpoint_is_asked_with_its_filter_and_what_was_said_goes_along(
    reader: Reader, trained: Trained, foundry: Foundry
) -> None:
    endpoint = Endpoint(foundry, trained.model)
    try:
        path = f"/endpoint?id={quote(endpoint.path, safe='')}"
        first = reader.post(path, {"question": "My Xbox shows error 3.", "said": "[]"}).text
        said = re.findall(r'<p class="text">(.*?)</p>', first, re.DOTALL)
        assert said[0] == "My Xbox shows error 3."
        assert said[1]
        kept = found(r'name="said" value="([^"]*)"', first)
        second = reader.post(path, {"question": "<b>And now?</b>", "said": kept}).text
        assert second.count('class="who"') == 4
        assert "&lt;b&gt;And now?&lt;/b&gt;" in second
        refused = reader.post(
            path, {"question": "[[content-safety-test violence=6]]", "said": kept}
        )
        assert "content_filter" in refused.text
        assert refused.text.count('class="who"') == 2
        assert endpoint.key not in first + second + refused.text
        broken = reader.post(path, {"question": "x", "said": '{"role": 1}'})
        assert broken.status_code == 400
    finally:
        endpoint.delete()


SCORE = """\
import json

def init():
    print("ready <b>", flush=True)

def run(raw_data):
    asked = json.loads(raw_data)
    if asked.get("fail"):
        raise ValueError("no such intent")
    return {"said": asked["text"].upper()}
"""


def test_an_online_endpoint_shows_who_answers_and_sends_what_is_written_to_it(
    reader: Reader, foundry: Foundry
) -> None:
    scripts = {"blue": SCORE, "green": SCORE}
    name = f"paged-{uuid.uuid4().hex[:8]}"
    endpoint = foundry.serve(name, scripts, {"blue": 90, "green": 10})
    try:
        listed = reader.get("/endpoints").text
        assert "blue 90 %, green 10 %" in found(rf">{name}</a>(.*?)</tr>", listed)
        path = f"/online?id={quote(endpoint, safe='')}"
        shown = reader.get(path).text
        assert re.search(r">blue</a></th><td[^>]*>Succeeded</td><td[^>]*>90 %</td>", shown)
        assert found(r'aria-label="Log of blue">(.*?)</pre>', shown).startswith("ready <b>")

        body = {"body": '{"text": "<i>hi"}', "deployment": "green"}
        asked = reader.post(path, body).text
        assert found(r'role="status">(.*?)</p>', asked) == "200 from green"
        assert found(r'aria-label="Answer">(.*?)</pre>', asked) == '{"said": "<I>HI"}'
        assert found(r"<textarea[^>]*>(.*?)</textarea>", asked) == body["body"]
        by_traffic = {
            found(r'role="status">200 from (.*?)</p>', reader.post(path, body | chosen).text)
            for chosen in [{"deployment": ""}] * 20
        }
        assert by_traffic == {"blue", "green"}
        failed = reader.post(path, {"body": '{"fail": 1}', "deployment": "blue"}).text
        told = found(r'role="status" class="failed">(.*?)</p>', failed)
        assert told == "424, the script's own 500 from blue"
        assert "no such intent" in failed
        keys = foundry.platform.ok("POST", f"{endpoint}/listKeys")
        assert keys["primaryKey"] not in shown + asked + failed + listed
    finally:
        foundry.platform.wait("DELETE", endpoint)


def test_a_request_is_found_by_the_filter_and_its_curl_does_it_again(
    reader: Reader, emulator: Emulator, foundry: Foundry
) -> None:
    foundry.developer.ok("GET", foundry.project)
    listed = reader.get("/calls", params={"path": foundry.project[-20:], "status": "2xx"}).text
    number = found(r"calls/(\d+)", listed)
    command: str = found(r'id="curl">(.*?)</pre>', reader.get(f"/calls/{number}").text)
    ran = subprocess.run(
        ["bash", "-ceu", command],
        env=emulator.environment(os.environ),
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert json.loads(ran.stdout)["id"] == foundry.project
    assert reader.get("/calls", params={"path": "no such path"}).text.count("<tr>") == 0
    assert reader.get("/calls/999999999").status_code == 404


def test_what_a_request_sent_and_got_is_shown_without_its_secrets(
    reader: Reader, emulator: Emulator, foundry: Foundry
) -> None:
    mark = emulator.control.last_call()
    keys = foundry.platform.ok("POST", f"{foundry.storage}/listKeys", version="2023-05-01")
    group = f"/subscriptions/{foundry.subscription}/resourceGroups/rg-shown"
    foundry.platform.ok("PUT", group, {"location": "eastus2"}, version="2021-04-01")
    shown = {
        call["path"].rsplit("/", 1)[-1]: html.unescape(reader.get(f"/calls/{call['number']}").text)
        for call in emulator.control.calls(after=mark)
        if foundry.subscription in call["path"]
    }
    assert "REDACTED" in shown["listKeys"]
    assert keys["keys"][0]["value"] not in shown["listKeys"]
    assert found(r'aria-label="Sent">(.*?)</pre>', shown["rg-shown"]) == '{"location": "eastus2"}'
    assert group in found(r'aria-label="Answered">(.*?)</pre>', shown["rg-shown"])
    assert """--data '{"location": "eastus2"}'""" in shown["rg-shown"]


def test_faults_and_the_clock_are_turned_by_forms_and_what_is_wrong_is_told(
    reader: Reader, emulator: Emulator
) -> None:
    form = {"method": "get", "path": "never-asked-for", "count": "2", "kind": "status"}
    added = reader.post("/faults", form | {"value": "503"}, allow_redirects=False)
    assert added.status_code == 303
    [rule] = [r for r in emulator.control.faults.rules() if r["match"].get("path") == form["path"]]
    assert rule["do"] == {"status": 503}
    for value in ("200", '"x"', "{", "503, 504"):
        told = reader.post("/faults", form | {"value": value})
        assert told.status_code == 400, value
        assert 'role="alert"' in told.text
    assert reader.post("/faults/clear", {"all": "yes"}).status_code == 200
    assert not emulator.control.faults.rules()
    before = emulator.control.clock.timestamp()
    reader.post("/clock", {"way": "advance", "value": "2h"})
    assert emulator.control.clock.timestamp() - before >= 7200
    reader.post("/clock", {"way": "freeze"})
    assert "frozen" in reader.get("/faults").text
    reader.post("/clock", {"way": "resume"})
    assert emulator.control.clock.scale == 1
    for value in ("soon", "-1h", "99999999d", "nan"):
        told = reader.post("/clock", {"way": "advance", "value": value})
        assert told.status_code == 400
        assert "Write it as" in html.unescape(told.text) or value == "99999999d"
    emulator.control.clock.advance(-7200)


def test_no_other_page_reads_or_changes_anything(reader: Reader, emulator: Emulator) -> None:
    for name, value in (
        ("Host", "evil.example"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ):
        assert reader.get(headers={name: value}).status_code == 403, (name, value)
        sent = reader.post("/clock", {"way": "freeze"}, headers={name: value})
        assert sent.status_code == 403, (name, value)
    assert emulator.control.clock.scale == 1
    base = reader.base.replace(emulator.control.token, "x" * len(emulator.control.token))
    assert reader.follow(base).status_code == 403
    policy = reader.get().headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    # The control plane itself stays shut to pages, this one too.
    reset = reader.base.removesuffix("/page") + "/reset"
    own = {"Origin": f"http://{reader.host}", "Sec-Fetch-Site": "same-origin"}
    assert requests.post(reset, json={}, headers=own, timeout=10, proxies=DIRECT).status_code == 403


def test_what_is_not_there_is_told_on_a_page(reader: Reader) -> None:
    for path in (
        "/nothing",
        "/resource?id=/subscriptions/none",
        "/job",
        "/page.exe",
        "/endpoint?id=x",
    ):
        answer = reader.get(path)
        assert answer.status_code == 404, path
        assert "<h1>404" in answer.text
    assert reader.post("/jobs", {}).status_code == 405


def test_a_curve_leaves_out_what_is_no_number_and_keeps_its_last_point() -> None:
    points = [(step, 1.0 / step) for step in range(1, 2001)] + [(2001, float("nan"))]
    drawn = curve.draw("loss", {"train_loss": points})
    assert drawn.told == "train_loss from 1 at step 1 to 0.0005 at step 2000"
    assert drawn.lines[0].path.count("L") <= 300
    assert "nan" not in drawn.lines[0].path
    assert curve.draw("empty", {}).lines == ()
    assert curve.spark([(1, 2.0)]) == ""
    assert curve.draw("flat", {"x": [(5, 3.0)]}).lines[0].path.startswith("M")
