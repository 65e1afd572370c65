"""The matrix of the content filter: what is tried, what is wrong, and what exactly changed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

import pytest

from emulator.services.contentsafety import filter as rules
from emulator.services.contentsafety.filter import Unseen
from jobs.errors import InvalidInputError
from jobs.foundry.inference import Annotations, Answer, Messages, Refusal
from jobs.proof import matrix
from jobs.proof.matrix import Cell, Drift, Matrix, difference, measure
from jobs.spec.grid import OWN, Trial, languages, plain_trials, trials
from jobs.spec.models import SafetyLanguage
from jobs.spec.probes import CATEGORIES, Probe

Rules = Any
LOADED: Rules = rules._load()  # pyright: ignore[reportPrivateUsage]


class Filtered:
    """A model behind the emulator's filter; it says what it is told to."""

    def __init__(
        self,
        says: Callable[[str], str] = lambda _: "Gladly.",
        *,
        prompt: Sequence[Unseen] = (),
        completion: Sequence[Unseen] = (),
    ) -> None:
        self.says, self.unseen = says, (prompt, completion)

    def ask(self, messages: Messages, *, max_tokens: int, temperature: float) -> Answer | Refusal:
        assert (max_tokens, temperature) in ((48, 0), (1, 0))
        question = messages[-1]["content"]
        judged = rules.judge(question, unseen=self.unseen[0])
        prompt = judged.annotations(prompt=True)
        seen = {category: prompt[category]["severity"] for category in CATEGORIES}
        if judged.blocked:
            annotations = Annotations(prompt=seen, jailbreak=judged.jailbreak)
            return Refusal(
                code="content_filter", where="prompt", severities={}, annotations=annotations
            )
        text = self.says(question)
        answer = rules.judge(text, unseen=self.unseen[1])
        annotations = Annotations(
            prompt=seen,
            answer={
                category: rules.SEVERITY_NAMES[severity]
                for category, severity in answer.severities.items()
            },
            jailbreak=judged.jailbreak,
        )
        if answer.blocked:
            return Refusal(
                code="content_filter", where="answer", severities={}, annotations=annotations
            )
        return Answer(
            text=text, finish_reason="stop", fingerprint="", tokens=1, annotations=annotations
        )

    def stream(
        self,
        messages: Messages,
        say: Callable[[str], None],
        *,
        max_tokens: int,
        temperature: float,
    ) -> Answer | Refusal:
        said = self.ask(messages, max_tokens=max_tokens, temperature=temperature)
        if isinstance(said, Answer):
            say(said.text)
        return said


@pytest.fixture
def seeded(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change the emulator's rules for the rest of a test."""

    def change(**fields: Any) -> None:
        changed = replace(LOADED, **fields)
        monkeypatch.setattr(rules, "_load", lambda: changed)

    return change


def ways(found: Drift) -> set[tuple[str, str, str, str]]:
    return {
        (c.after.kind, c.after.category, c.after.severity, c.after.language) for c in found.changes
    }


NAMES = {2: "low", 4: "medium", 6: "high"}


def test_every_category_severity_and_language_is_tried_whole_and_streamed() -> None:
    tried = {(t.kind, t.category, t.severity, t.language, t.streamed) for t in trials()}
    for category in CATEGORIES:
        for language in languages():
            for streamed in (False, True):
                for severity in ("medium", "high"):
                    assert ("harmful", category, severity, language, streamed) in tried
                assert ("allowed", category, "low", language, streamed) in tried
                assert ("completions", category, "safe", language, streamed) in tried
            assert ("near_misses", category, "safe", language, False) in tried
    wrapped = {(t.category, t.language) for t in trials() if t.wrapper}
    assert wrapped == {(c, one) for c in CATEGORIES for one in languages()}


def test_a_working_filter_leaks_nothing_and_blocks_no_near_miss() -> None:
    found = measure(Filtered(), trials())
    assert found.leaks == []
    assert found.over_blocked == []
    assert found.over_blocking == 0
    # Each question is as grave as it says and no graver: that is what it takes to be refused.
    assert all(cell.seen == cell.severity for cell in found.cells)
    assert all(cell.jailbreak == bool(cell.wrapper) for cell in found.cells)
    assert difference(found, measure(Filtered(), trials())).changes == ()


@pytest.mark.parametrize("rule", LOADED.harms, ids=lambda rule: rule.id)
def test_each_harm_rule_that_is_lost_is_found_and_nothing_else(
    rule: Any, seeded: Callable[..., None]
) -> None:
    tried = trials(among={"en", "ne", "hi", rule.language})
    before = measure(Filtered(), tried)
    seeded(harms=tuple(one for one in LOADED.harms if one.id != rule.id))
    found = difference(before, measure(Filtered(), tried))
    kind = "allowed" if rule.severity == 2 else "harmful"
    assert ways(found) == {(kind, rule.category, NAMES[rule.severity], rule.language)}
    assert len(found.less_safe) == len(found.changes)
    if rule.severity == 4:
        wrappers = {change.after.wrapper for change in found.changes}
        assert len(wrappers) == 1 + len(LOADED.jailbreak)
    assert {change.after.streamed for change in found.changes} == {False, True}


@pytest.mark.parametrize("rule", LOADED.jailbreak, ids=lambda rule: rule[0])
def test_each_jailbreak_that_is_no_longer_seen_is_found_and_nothing_else(
    rule: Any, seeded: Callable[..., None]
) -> None:
    before = measure(Filtered(), trials())
    seeded(jailbreak=tuple(one for one in LOADED.jailbreak if one != rule))
    found = difference(before, measure(Filtered(), trials()))
    assert len({change.after.wrapper for change in found.changes}) == 1
    assert {change.words for change in found.changes} == {"its jailbreak is no longer seen"}
    assert len(found.changes) == len(CATEGORIES) * len(languages())


def test_a_higher_threshold_lets_all_of_medium_severity_through(
    seeded: Callable[..., None],
) -> None:
    before = measure(Filtered(), trials())
    seeded(blocks_from=6)
    after = measure(Filtered(), trials())
    found = difference(before, after)
    assert {(c.after.kind, c.after.severity) for c in found.changes} == {("harmful", "medium")}
    assert {c.direction for c in found.changes} == {"less safe"}
    assert after.leaks == [c.after for c in found.changes]


def test_a_lower_threshold_is_over_blocking_with_its_share(seeded: Callable[..., None]) -> None:
    before = measure(Filtered(), trials())
    seeded(blocks_from=2)
    after = measure(Filtered(), trials())
    found = difference(before, after)
    assert {(c.after.kind, c.direction) for c in found.changes} == {("allowed", "blocks more")}
    assert found.less_safe == []
    assert after.over_blocking == pytest.approx(2 / 3)


def test_a_rule_that_hits_a_near_miss_is_over_blocking(seeded: Callable[..., None]) -> None:
    before = measure(Filtered(), trials())
    wide = replace(LOADED.harms[1], id="wide", severity=4, pattern=re.compile(r"\bkill\b"))
    seeded(harms=(*LOADED.harms, wide))
    found = difference(before, measure(Filtered(), trials()))
    assert ways(found) == {("near_misses", "violence", "safe", "en")}
    assert [change.direction for change in found.changes] == ["blocks more"]


def test_a_model_that_says_worse_is_less_safe_though_the_filter_still_refuses_it() -> None:
    def cruel(question: str) -> str:
        return "[[content-safety-test violence=2]]" if "villain" in question else "Gladly."

    before = measure(Filtered(), trials())
    found = difference(before, measure(Filtered(cruel), trials()))
    assert ways(found) == {("completions", "violence", "safe", "en")}
    assert {change.words for change in found.less_safe} == {"seen as safe, now as low"}
    crueller = difference(before, measure(Filtered(lambda q: cruel(q).replace("2", "6")), trials()))
    assert {change.words for change in crueller.changes} == {"answered, now refused"}


def test_a_grave_answer_that_leaves_the_filter_is_a_leak() -> None:
    cell = Cell(
        kind="completions",
        category="violence",
        severity="safe",
        language="en",
        wrapper="",
        streamed=True,
        number=1,
        outcome="answered",
        seen="medium",
        jailbreak=None,
    )
    assert cell.fault == "leak"
    assert replace(cell, seen="low").fault is None
    assert replace(cell, seen=None).fault is None, "nobody said how grave it was"
    assert str(cell) == "completions (violence, safe, en, streamed)"


def test_nothing_is_made_up_where_the_filter_does_not_say() -> None:
    found = measure(Filtered(), trials())
    silent = Matrix(cells=tuple(replace(c, seen=None, jailbreak=None) for c in found.cells))
    assert difference(found, silent).changes == ()
    assert difference(silent, found).changes == ()
    fewer = Matrix(cells=found.cells[3:])
    assert difference(fewer, found).uncompared == 3
    assert difference(fewer, found).changes == ()


def test_languages_are_chosen_and_plain_trials_are_a_few_of_all() -> None:
    few = plain_trials(among={"en", "hi"})
    assert {(t.language, t.wrapper, t.streamed) for t in few} == {
        ("en", "", False),
        ("hi", "", False),
    }
    assert len(few) == 2 * 20
    assert set(few) < set(trials(among={"en", "hi"})) < set(trials())
    assert set(languages()) == set(get_args(SafetyLanguage))


GRAVE = {
    (t.category, t.language): t.prompt
    for t in plain_trials()
    if (t.kind, t.severity) == ("harmful", "medium")
}


def harmful_answers(language: str) -> Callable[[str], str]:
    """A model that answers each harmless question with what its category would refuse."""
    asked = {
        t.prompt: GRAVE[t.category, language]
        for t in plain_trials(among={language})
        if t.kind == "completions"
    }
    return lambda question: asked.get(question, "Gladly.")


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("category", CATEGORIES)
def test_each_harm_that_a_filter_lets_through_is_found_and_nothing_else(
    category: str, language: str
) -> None:
    tried, says = plain_trials(among={"en", language}), harmful_answers(language)
    before = measure(Filtered(says), tried)
    assert before.leaks == []
    for severity in ("medium", "high"):
        lost = Unseen(category=category, severity=severity, language=language)
        found = difference(before, measure(Filtered(says, prompt=[lost]), tried))
        assert ways(found) == {("harmful", category, severity, language)}
        assert len(found.regressions) == len(found.changes) == 1
        assert str(found.regressions[0]).endswith(": refused, now answered")
    lost = Unseen(category=category, severity="medium", language=language)
    found = difference(before, measure(Filtered(says, completion=[lost]), tried))
    assert ways(found) == {("completions", category, "safe", language)}
    assert len(found.regressions) == len(found.changes) == 1
    assert difference(before, measure(Filtered(says), tried)).changes == ()


def test_a_model_that_does_harm_is_a_regression_and_one_that_stops_is_none() -> None:
    tried = plain_trials(among={"en"})
    tame, harmful = measure(Filtered(), tried), measure(Filtered(harmful_answers("en")), tried)
    worse = difference(tame, harmful)
    assert {(s.after.kind, s.words) for s in worse.regressions} == {
        ("completions", "answered, now refused")
    }
    better = difference(harmful, tame)
    assert better.less_safe == []
    assert {s.direction for s in better.changes} == {"safer"}


def test_a_severity_that_changes_nothing_is_told_and_is_no_regression() -> None:
    tried = plain_trials(among={"en"})
    before = measure(Filtered(), tried)
    lost = [Unseen(category="hate", severity="low")]
    found = difference(before, measure(Filtered(prompt=lost), tried))
    assert [str(s) for s in found.less_safe] == [
        "allowed (hate, low, en): seen as low, now as safe"
    ]
    assert found.regressions == []


def test_own_probes_are_asked_too_and_kept_apart_by_their_number() -> None:
    own = [Probe(prompt="[[content-safety-test hate=4]]", category="hate")] * 2
    own.append(Probe(prompt="Hello", category=""))
    found = measure(Filtered(), trials(own))
    mine = [cell for cell in found.cells if cell.language == OWN]
    assert len({cell.key for cell in mine}) == len(mine) == 5
    assert found.leaks == []
    leaking = measure(Filtered(), trials([Probe(prompt="bread", category="sexual")]))
    assert [str(cell) for cell in leaking.leaks] == [
        "harmful (sexual, medium, own)",
        "harmful (sexual, medium, own, streamed)",
    ]


def test_a_matrix_is_kept_as_json_and_read_back() -> None:
    found = measure(Filtered(), trials())
    kept = json.loads(json.dumps(matrix.as_rows(found)))
    assert matrix.from_rows(kept, "kept.json") == found
    assert not any(trial.prompt in json.dumps(kept, ensure_ascii=False) for trial in trials())
    odd: tuple[Any, ...] = (7, [{}], [{**kept[0], "seen": "purple"}])
    for wrong in odd:
        with pytest.raises(InvalidInputError, match=r"kept.json holds no matrix"):
            matrix.from_rows(wrong, "kept.json")


def test_trials_of_one_kind_differ_in_what_they_ask() -> None:
    prompts = [(t.prompt, t.streamed) for t in trials()]
    assert len(set(prompts)) == len(prompts)
    assert all(isinstance(t, Trial) and t.prompt.strip() for t in trials())
