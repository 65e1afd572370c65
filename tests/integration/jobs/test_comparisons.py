"""A model against others on the same questions: the base, what is served, an endpoint by name."""

from pathlib import Path

from jobs.foundry import data, endpoints
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.session import Session
from jobs.plan import desired
from jobs.proof.evaluation import Outcome, measure
from jobs.read.examine import named
from jobs.terminal.progress import Reporter
from tests.integration.jobs.conftest import Place, write_story
from tests.integration.jobs.test_answers import asked, write_questions

BASE = """\
---
type: serverless_endpoint
name: {name}-base
model: azureml://registries/azureml/models/Phi-4-mini-instruct
"""
EVALUATION = """\
---
type: evaluation
name: {name}-eval
endpoint: ${{{{ serverless_endpoint.{name} }}}}
data: {name}-test.jsonl
metrics: [token_f1, chrf]
max_tokens: 6
{written}
"""
WITH_BASE = "base: ${{{{ serverless_endpoint.{name}-base }}}}\ncompare_with: [base, served]\n"


def write(
    place: Place, written: str, *, count: int = 40, base: str = BASE, epochs: int = 6
) -> Path:
    text = base + EVALUATION.replace("{written}", written)
    spec = write_story(place, extra=text.format(name=place.name), rows=40, epochs=epochs)
    write_questions(place, count)
    return spec


def test_a_trained_model_is_better_than_its_base_by_what_both_answered(place: Place) -> None:
    gates = 'gates: {{chrf: "> base", token_f1: ">= served - 0.02"}}'
    spec = write(place, WITH_BASE + gates)
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert "chrf with base (Phi-4-mini-instruct): +0." in applied.out
    assert "): better; 40 questions show 0." in applied.out
    assert "passes chrf > base: the difference is +0." in applied.out
    assert "token_f1 >= served - 0.02: nothing else is served yet, so it is not held" in applied.out
    mark = place.emulator.control.last_call()
    again = place.tune("apply", str(spec), "--yes")
    assert "Nothing to do" in again.out, again.said
    impossible = write(place, WITH_BASE + 'gates: {{chrf: "> base + 0.99"}}')
    missed = place.tune("apply", str(impossible), "--yes")
    assert missed.code == 7, missed.said
    assert "misses chrf > base + 0.99: the difference is +0." in missed.err
    assert asked(place, mark) == 0, "both models' answers are kept"


def test_a_base_that_nobody_serves_is_refused_before_anything_is_spent(place: Place) -> None:
    spec = write(place, "base: nobody\ncompare_with: [base]\n", base="")
    mark = place.emulator.control.last_call()
    planned = place.tune("plan", str(spec))
    assert f"evaluation.{place.name}-eval: there is no endpoint 'nobody' to ask as base" in (
        planned.out
    )
    refused = place.tune("apply", str(spec), "--yes")
    assert refused.code == 4, refused.said
    assert place.writes(mark) == []


def test_a_base_that_another_spec_serves_is_asked_by_its_name(place: Place) -> None:
    alone = place.folder / "base.yaml"
    alone.write_text(BASE.format(name=place.name).removeprefix("---\n"), encoding="utf-8")
    assert place.tune("apply", str(alone), "--yes").code == 0
    spec = write(place, "compare_with: [{name}-base]\n", base="")
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    assert f"chrf with {place.name}-base (Phi-4-mini-instruct): +0." in applied.out


class Held:
    """One evaluation, held by one model after another against what is served."""

    def __init__(self, place: Place, gate: str) -> None:
        self.session: Session = place.session()
        spec = write(place, f'compare_with: [served]\ngates: {{{{chrf: "{gate}"}}}}\n', base="")
        [self.measuring] = desired.read(named([str(spec)]).chapters).measurings

    def endpoint(self, name: str) -> Endpoint:
        found = endpoints.find(self.session, name)
        assert found is not None
        return found

    def of(self, name: str, served: str) -> Outcome:
        others = {"served": self.endpoint(served)} if served else {}
        return measure(self.session, self.endpoint(name), self.measuring, Reporter(), others)


def test_each_further_model_that_is_held_against_the_same_reference_has_less_to_spend(
    place: Place,
) -> None:
    assert place.tune("apply", str(write(place, "", epochs=1)), "--yes").code == 0
    held = Held(place, ">= served - 0.9")
    base, tuned = f"{place.name}-base", place.name
    first = held.of(tuned, base)
    assert "(error rate 0.025)" in first.gates[0]
    assert "(error rate 0.025)" in held.of(tuned, base).gates[0], "the same look once more"
    second = BASE.format(name=f"{place.name}-other").replace("Phi-4-mini-instruct", "Phi-4")
    other = place.folder / "other.yaml"
    other.write_text(second.removeprefix("---\n"), encoding="utf-8")
    made = place.tune("apply", str(other), "--yes")
    assert made.code == 0, made.said
    assert "(error rate 0.0083)" in held.of(f"{place.name}-other-base", base).gates[0]
    assert "(error rate 0.025)" in held.of(tuned, base).gates[0]
    versions = data.versions(held.session, f"{place.name}-eval-answers")
    assert len(versions) == 3, "two that were held and the one they were held against"


def test_what_is_served_is_not_held_against_itself_and_the_first_against_nobody(
    place: Place,
) -> None:
    assert place.tune("apply", str(write(place, "", epochs=1)), "--yes").code == 0
    held = Held(place, "> served")
    for served in ("", place.name):
        outcome = held.of(place.name, served)
        assert outcome.gates == ("chrf > served: nothing else is served yet, so it is not held",)
        assert outcome.comparisons == ()


def test_slices_are_compared_where_there_are_enough_questions(place: Place) -> None:
    spec = write(place, WITH_BASE + "slices: [kind]\n", base=BASE)
    rows = (place.folder / f"{place.name}-test.jsonl").read_text(encoding="utf-8").splitlines()
    lines = [
        f'{{"kind": "{"wifi" if index % 2 else "disc"}", {row[1:]}\n'
        for index, row in enumerate(rows)
    ]
    (place.folder / f"{place.name}-test.jsonl").write_text("".join(lines), encoding="utf-8")
    applied = place.tune("apply", str(spec), "--yes")
    assert applied.code == 0, applied.said
    for kind in ("wifi", "disc"):
        assert f"kind '{kind}': +0." in applied.out
