"""The report in Chromium: axe finds nothing, the keyboard reaches all, nothing is fetched.

`make pages-check` runs it: it needs Chromium and npm, which `make test` must do without.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.report.html import page
from jobs.report.report import Report
from tests.browser.chromium import Chromium
from tests.unit.jobs import reports

WIDTHS = (320, 800, 1280)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return written(tmp_path, reports.report())


def written(folder: Path, report: Report) -> Path:
    path = folder / "report.html"
    path.write_text(page(report), encoding="utf-8")
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_at_any_width_in_light_and_dark(
    browser: Chromium, whole: Path, width: int, dark: bool
) -> None:
    browser.open(whole, width=width, dark=dark)
    browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert browser.violations() == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_where_nothing_was_measured_or_texts_are_hostile(
    browser: Chromium, tmp_path: Path, dark: bool
) -> None:
    for report in (reports.empty(), reports.hostile(), two_evaluations()):
        browser.open(written(tmp_path, report), dark=dark)
        assert browser.violations() == []


def test_nothing_is_fetched_and_nothing_but_its_own_script_runs(
    browser: Chromium, tmp_path: Path
) -> None:
    browser.complaints.clear()
    browser.requests.clear()
    path = written(tmp_path, reports.hostile())
    browser.open(path)
    assert browser.requests == [path.as_uri()]
    assert browser.complaints == []
    assert browser.evaluate("document.scripts.length") == 1
    assert browser.evaluate("document.images.length") == 0


def test_the_policy_stops_a_script_that_got_in_all_the_same(
    browser: Chromium, tmp_path: Path
) -> None:
    path = written(tmp_path, reports.report())
    evil = "<script>document.title = 'taken'</script><img src='https://evil.example/x.png'>"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("<nav", f"{evil}<nav"), encoding="utf-8")
    browser.open(path)
    assert browser.evaluate("document.title") == "xbox-support · a8bbe5a87e"
    assert any("Content Security Policy" in said for said in browser.complaints)


def test_answers_are_filtered_by_keyboard_alone(browser: Chromium, whole: Path) -> None:
    browser.open(whole)
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.className") == "skip"
    browser.tab_to("input[type=search]")
    for letter in "controller 6 ":
        browser.press(letter)
    assert shown(browser) == ["Question 6 · changed · refused by the content filter"]
    assert browser.evaluate("document.querySelector('output').textContent") == "1 of 40 shown"
    browser.evaluate("document.activeElement.select()")
    browser.press(" ")
    assert len(shown(browser)) == 40
    browser.press("Tab")
    browser.press(" ")
    assert len(shown(browser)) == 14
    browser.press("Tab")
    browser.press(" ")
    assert [head.split(" · ")[0] for head in shown(browser)] == ["Question 5", "Question 6"]


def test_each_evaluation_is_filtered_on_its_own(browser: Chromium, tmp_path: Path) -> None:
    browser.open(written(tmp_path, two_evaluations()))
    browser.tab_to("input[type=checkbox]")
    browser.press(" ")
    assert browser.evaluate(
        "[...document.querySelectorAll('output')].map((one) => one.textContent)"
    ) == ["14 of 40 shown", "40 of 40 shown"]


def test_a_table_wider_than_the_window_is_reached_and_named(browser: Chromium, whole: Path) -> None:
    browser.open(whole, width=320)
    browser.tab_to(".wide")
    assert browser.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
        "Fields that differ"
    )
    browser.open(whole, width=1280)
    assert browser.evaluate("document.querySelectorAll('.wide[tabindex]').length") == 0


def test_a_screen_reader_hears_charts_marks_and_verdict(browser: Chromium, whole: Path) -> None:
    browser.open(whole)
    heard = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in browser.call("Accessibility.getFullAXTree")["nodes"]
        if not node["ignored"]
    ]
    assert ("image", "Loss over training steps") in heard
    assert ("region", "Verdict") in heard
    assert ("navigation", "Sections") in heard
    assert ("searchbox", "with the text") in heard
    roles = {role for role, _ in heard}
    assert {"insertion", "deletion", "rowheader", "columnheader"} <= roles


def test_on_paper_everything_is_unfolded_and_nothing_is_a_control(
    browser: Chromium, whole: Path
) -> None:
    browser.open(whole, width=800, media="print")
    heights = "[...document.querySelectorAll('details table')].map((one) => one.offsetHeight)"
    assert min(browser.evaluate(heights)) > 20
    hidden = "[...document.querySelectorAll('fieldset, nav')].every((one) => !one.offsetHeight)"
    assert browser.evaluate(hidden)
    browser.call("Page.printToPDF")


def test_without_scripts_all_answers_are_there_and_no_dead_control(
    browser: Chromium, whole: Path
) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(whole)
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", {"value": False})
    assert len(shown(browser)) == 40
    assert browser.evaluate("document.querySelector('fieldset').offsetHeight") == 0


def two_evaluations() -> Report:
    return replace(
        reports.report(), evaluations=(reports.measured(), replace(reports.measured(), name="two"))
    )


def shown(browser: Chromium) -> list[str]:
    return browser.evaluate(
        "[...document.querySelectorAll('article')].filter((one) => one.offsetHeight)"
        ".map((one) => one.querySelector('h4').textContent)"
    )
