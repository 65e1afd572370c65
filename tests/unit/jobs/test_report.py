"""What a report says, as a page and as Markdown, and what no text in it can do."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from jobs.report import html, markdown
from jobs.report.charts import Axis, thinned
from jobs.report.overfitting import lowest
from jobs.report.report import Evaluated, Exchange, Ground, Said
from jobs.report.words import changes
from tests.unit.jobs import reports

# ── the page ────────────────────────────────────────────────────────────────────────────────────


def test_the_verdict_comes_first_and_every_section_is_reached_from_the_top() -> None:
    page = html.page(reports.report())
    headings = re.findall(r"<h2 id=\"(\w+)\">([^<]+)</h2>", page)
    assert [f'<a href="#{key}">{name}</a>' for key, name in headings] == re.findall(
        r"<a href=\"#\w+\">[^<]+</a>", page.partition("<nav")[2].partition("</nav>")[0]
    )
    assert page.index("Ready: everything asked of it has held") < page.index("<h2")
    assert [name for _, name in headings] == [
        *("What changed", "Learning", "Data", "Scores"),
        *("Content safety", "Cost", "Where it comes from", "Answers"),
    ]


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = html.page(reports.report())
    assert not re.search(r"https?://|//cdn|@import|url\(", page)
    assert "default-src 'none'" in page
    assert "unsafe-inline" not in page


@pytest.mark.parametrize("text", [reports.HOSTILE, "--><!--", "]]>", "' onclick='x", "&lt;b&gt;"])
def test_what_others_wrote_is_text_and_no_element(text: str) -> None:
    page = html.page(reports.hostile(text))
    harmless = Elements(html.page(reports.hostile("word")))
    found = Elements(page)
    assert found.tags() == harmless.tags()
    assert found.attributes() <= harmless.attributes()
    assert "\x00" not in page
    assert "\ud800" not in page
    assert text.replace("\x00\ud800", "\ufffd\ufffd") in found.said


def test_nothing_that_was_not_measured_is_made_up() -> None:
    page = html.page(reports.empty())
    assert len(re.findall("Not (?:measured|known): nobody looked.", page)) == 7
    assert "<svg" not in page
    assert "In training: the job is Running." in page


@pytest.mark.parametrize("length", [30, 3000])
def test_a_page_of_many_answers_stays_small_and_says_how_many_it_leaves_out(length: int) -> None:
    told = with_answers(3000, "नमस्ते " * (length // 7))
    page = html.page(replace(reports.report(), evaluations=(told, told)))
    assert 300_000 < len(page.encode()) < html.LIMIT
    shown = page.count("<article")
    [first, second] = re.findall(r"<p>([\d,]+) of 3,000 are left out", page)
    assert shown == 6000 - sum(int(count.replace(",", "")) for count in (first, second))


def test_a_page_of_many_slices_stays_small_and_says_how_many_it_leaves_out() -> None:
    told = with_answers(500, "the same " * 30)
    by_agent = {f"agent {number}": reports.difference(20, 0.0) for number in range(300)}
    by_agent["agent 299"] = reports.difference(20, -0.4)
    [first, second] = told.comparisons
    compared = [replace(one, slices={"agent": by_agent}) for one in (first, second)] * 6
    many = replace(told, comparisons=tuple(compared))
    page = html.page(replace(reports.report(), evaluations=(many, many)))
    assert len(page.encode()) < html.LIMIT
    assert page.count("290 of 300 slices are left out") == 24
    assert page.count("agent: agent 299<") == 24
    assert "of 500 are left out" in page


def test_answers_that_changed_are_kept_before_those_that_are_the_same() -> None:
    page = html.page(replace(reports.report(), evaluations=(with_answers(3000, "the same " * 30),)))
    shown = [int(number) for number in re.findall(r"<h4 [^>]+>Question (\d+) · changed", page)]
    assert shown == list(range(100, 3001, 100))
    assert re.findall(r"Question (\d+) · the same", page) == sorted(
        re.findall(r"Question (\d+) · the same", page), key=int
    )


def test_answers_are_marked_word_by_word_against_the_first_reference_only() -> None:
    page = html.page(reports.report(questions=6))
    [third] = re.findall(r"<article[^>]*><h4[^>]*>Question 3.+?</article>", page)
    assert re.findall(r"<(ins|del)>(.*?)</\1>", third) == [
        ("ins", "Hold"),
        ("del", "Press and hold"),
    ]
    [fifth] = re.findall(r"<article[^>]*><h4[^>]*>Question 5.+?</article>", page)
    assert "refused by the filter (prompt)" in fifth
    assert "data-changed data-refused" in fifth


def test_every_chart_is_named_and_its_numbers_stand_in_a_table() -> None:
    page = html.page(reports.report())
    charts = re.findall(r"<svg class=\"chart\".*?</svg>", page)
    assert len(charts) == 2
    for chart in charts:
        assert 'role="img"' in chart
        assert "<title" in chart
        assert "<desc" in chart
    assert '<td class="n">0.6113</td>' in page


# ── Markdown ────────────────────────────────────────────────────────────────────────────────────


def test_markdown_begins_with_name_and_verdict_and_has_the_scores_unfolded() -> None:
    text = markdown.page(reports.report())
    lines = text.splitlines()
    assert lines[0] == r"## xbox-support `a8bbe5a87e`"
    assert lines[2] == "✅ **Ready**: everything asked of it has held, and no name follows it yet."
    unfolded = text.partition("<details>")[0]
    assert r"| token\_f1 | 0.801 (0.700 – 0.880) | 0.701 (0.600 – 0.780) |" in unfolded
    assert "Overfitting begins after step 100" in text


def test_a_failed_ground_is_no_green_verdict() -> None:
    whole = reports.report()
    failed = replace(whole.judgement, grounds=(Ground(False, "token_f1 >= 0.9"),))
    assert markdown.page(replace(whole, judgement=failed)).splitlines()[2].startswith("❌")
    assert 'class="verdict good"' not in html.page(replace(whole, judgement=failed))


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "![x](https://evil.example/x.png)",
        "[x](javascript:1) @everyone #12",
        "| a | b |",
        "```\n# heading\n```` \n<b>",
        "- list\n\n1. list",
        "www.evil.example https://evil.example",
    ],
)
def test_markdown_of_what_others_wrote_is_text(text: str) -> None:
    page = markdown.page(reports.hostile(text))
    outside = re.sub(r"^(`{3,})text\n.*?\n\1$", "", page, flags=re.DOTALL | re.MULTILINE)
    without_escapes = re.sub(r"</?(details|summary)>|\\.", "", outside)
    without_escapes = re.sub(r"`[^`\n]+`", "", without_escapes)
    assert not re.search(r"<|://|www\.|@|!\[|\]\(", without_escapes)
    tables = [line for line in without_escapes.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} <= {3, 4, 5, 6}


def test_a_fence_is_longer_than_any_in_the_answer() -> None:
    told = reports.measured(1)
    evil = "````\n</details>\n<script>"
    said = (Said(evil), Said("x"), Said("y"))
    one = Exchange(number=1, messages=(("user", evil),), expected="", said=said)
    page = markdown.page(replace(reports.report(), evaluations=(replace(told, exchanges=(one,)),)))
    assert "\n`````text\n" in page
    assert page.count("\n`````\n") == 1


# ── pieces ──────────────────────────────────────────────────────────────────────────────────────


def test_pieces_of_a_change_make_up_both_texts() -> None:
    before, after = "Hold the  button,\nwait.", "Press the  button;\nwait. नमस्ते!"
    old, new = changes(before, after)
    assert "".join(piece.text for piece in old) == before
    assert "".join(piece.text for piece in new) == after
    assert [piece.text for piece in old if piece.is_own] == ["Hold", ","]
    assert [piece.text for piece in new if piece.is_own] == ["Press", ";", " नमस्ते!"]


def test_an_answer_that_is_the_same_or_empty_has_no_marks() -> None:
    assert [piece.is_own for piece in changes("a b", "a b")[0]] == [False]
    assert changes("", "") == ([], [])


def test_overfitting_begins_where_validation_is_lowest_and_rises_by_more_than_noise() -> None:
    told = lowest(reports.losses().validation)
    assert told is not None
    assert (told.verdict, told.step) == ("overfits", 100)


@pytest.mark.parametrize(
    ("curve", "verdict"),
    [
        ([5, 4, 3, 2, 1, 0.5], "does not rise"),
        ([5, 3, 1, 3, 5, 7], "overfits"),
        ([5, 3, 1, 3, 5], "too few"),
        ([1, 1, 1, 1, 1, 1, 1], "does not rise"),
        ([1.0, 0.9, 1.05, 0.92, 1.02, 0.91, 1.01, 0.95], "does not rise"),
        ([5, 4, 3, 2, 1, 3], "does not rise"),
        ([10, 2, 0.6, 0.5, 0.54, 0.6, 0.65], "overfits"),
    ],
)
def test_noise_and_a_single_rise_are_no_overfitting(curve: list[float], verdict: str) -> None:
    told = lowest(tuple(enumerate(curve, 1)))
    assert told is not None
    assert told.verdict == verdict


def test_without_validation_there_is_nothing_to_say_of_overfitting() -> None:
    assert lowest(()) is None


def test_an_axis_ends_at_round_numbers_and_is_true() -> None:
    axis = Axis.over(0.13, 2.42, 0, 100)
    assert (axis.low, axis.high) == (0, 2.5)
    assert list(axis.ticks()) == [0, 0.5, 1, 1.5, 2, 2.5]
    assert axis(1.25) == 50


def test_a_curve_that_is_thinned_keeps_its_ends_and_extremes() -> None:
    curve = tuple((step, float((step * 37) % 1009)) for step in range(2000))
    some = thinned(curve, 50)
    assert len(some) <= 52
    assert (some[0], some[-1]) == (curve[0], curve[-1])
    losses = [loss for _, loss in curve]
    assert {min(losses), max(losses)} <= {loss for _, loss in some}


# ── for the tests ───────────────────────────────────────────────────────────────────────────────


def with_answers(count: int, text: str) -> Evaluated:
    """An evaluation of so many questions; every hundredth answer changed."""
    return replace(
        reports.measured(9),
        exchanges=tuple(
            Exchange(
                number=number,
                messages=(("user", f"{number} {text}"),),
                expected=text,
                said=(Said(text), Said(text if number % 100 else "another"), Said(text)),
            )
            for number in range(1, count + 1)
        ),
    )


class Elements(HTMLParser):
    """What a page is made of, as a browser reads it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.opened: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.said = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.said += data

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.opened}

    def attributes(self) -> set[tuple[str, str]]:
        return {(tag, name) for tag, attributes in self.opened for name, _ in attributes}
