"""The evaluations of a revision, from answers that are kept: its own, and others' beside them.

With a spec file they are told by its questions, metrics and gates. For a name alone the questions
are those that were answered, told by the metrics that need nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.foundry import projects
from jobs.foundry.session import Session
from jobs.plan.desired import Measuring
from jobs.plan.judging import Judging
from jobs.proof.answers import KeptAnswer, key_of
from jobs.proof.custom import exam_of
from jobs.proof.judge import Bench, Verdicts, judged, rubric_of
from jobs.proof.metrics import Question
from jobs.proof.questions import questions_of
from jobs.proof.scoring import Exam
from jobs.report import kept
from jobs.report.kept import Answerer
from jobs.report.report import Absent, Evaluated, Speaker
from jobs.report.scores import Party, measured
from jobs.revision import is_endpoint_of
from jobs.spec.models import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who may appear in a report: the revision it is about, and others, by the models' labels."""

    ours: str
    revisions: Mapping[str, str]
    """What other revisions' models are called in a report; the likeliest reference first."""
    base: str
    """The base model's name."""
    most: int = 2
    """References beside the revision: more columns can't be read side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What evaluations came to, and the answers of the revision that they rest on."""

    evaluations: Sequence[Evaluated] | Absent
    answers: tuple[KeptAnswer, ...] = ()


def told(session: Session, measurings: Sequence[Measuring] | None, cast: Cast) -> Told:
    """Every evaluation that `cast.ours` has answered; `measurings` is None for a name alone."""
    if not cast.ours:
        return Told(evaluations=Absent("there is no model to ask."))
    if measurings is not None and not measurings:
        return Told(evaluations=Absent("the spec has no evaluation of its endpoint."))
    store = projects.default_datastore(session)
    papers = (
        [_Paper(name=name) for name in kept.evaluations(session)]
        if measurings is None
        else [_paper(one) for one in measurings]
    )
    found: list[Evaluated] = []
    answers: list[KeptAnswer] = []
    for paper in papers:
        everybody = kept.answerers(session, store, paper.name)
        ours = next((one for one in everybody if one.model == cast.ours and paper.of(one)), None)
        if ours is not None:
            paper = paper.for_answers(ours)
            judges = kept.judges(session, store, paper.name) if paper.judging else []
            found.append(_measured(paper, ours, everybody, cast, judges))
            answers += paper.of(ours) or ()
    if not found:
        names = "" if measurings is None else " of " + ", ".join(paper.name for paper in papers)
        why = f"the project keeps no answers of {cast.ours} to all questions{names}."
        return Told(evaluations=Absent(why))
    return Told(evaluations=tuple(found), answers=tuple(answers))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paper:
    """An evaluation's questions, as far as they are known."""

    name: str
    measuring: Measuring | None = None
    exam: Exam | None = None
    keys: tuple[str, ...] = ()

    @property
    def judging(self) -> Judging | None:
        """Who judges, where somebody does."""
        return self.measuring.judge if self.measuring else None

    def of(self, answerer: Answerer) -> tuple[KeptAnswer, ...] | None:
        """Somebody's answers to all of them; to what they answered where nothing is written."""
        if self.exam is None:
            return tuple(answerer.answers.values()) or None
        return answerer.to(self.keys)

    def for_answers(self, answerer: Answerer) -> "_Paper":
        """The same with questions taken from somebody's answers, where none are written."""
        if self.exam is not None:
            return self
        spec = Evaluation(name=self.name, endpoint=self.name, data="")
        questions = [_question(answer) for answer in answerer.answers.values()]
        exam = Exam(spec=spec, questions=questions, own={})
        return _Paper(name=self.name, exam=exam, keys=tuple(answerer.answers))


def _paper(measuring: Measuring) -> _Paper:
    """As written: the questions of the data file, and the metrics and gates of the spec."""
    questions = questions_of(measuring)
    keys = tuple(key_of(measuring.spec, one) for one in questions)
    exam = exam_of(measuring, questions)
    return _Paper(name=measuring.name, measuring=measuring, exam=exam, keys=keys)


def _question(answer: KeptAnswer) -> Question:
    last = {"role": "assistant", "content": answer.expected}
    return Question(answer.messages, answer.expected, {"messages": [*answer.messages, last]})


def _measured(
    paper: _Paper,
    ours: Answerer,
    everybody: Sequence[Answerer],
    cast: Cast,
    judges: Sequence[Answerer],
) -> Evaluated:
    party = _party(paper, ours, "this revision", frozenset())
    others = [
        _party(paper, one, role, words) for one, role, words in _references(paper, everybody, cast)
    ]
    assert paper.exam is not None
    exam, lines = paper.exam, tuple[str, ...]()
    if found := _verdicts(paper, [party, *others], judges):
        bench, told = found
        exam, lines = exam.judged_by(bench.scorer(exam.questions)), tuple(told.lines)
    return measured(paper.name, exam, party, others, ours.looks, lines)


def _verdicts(
    paper: _Paper, parties: Sequence[Party], judges: Sequence[Answerer]
) -> tuple[Bench, Verdicts] | None:
    """The verdicts on these answers that are kept, of the judge that has most; None without any."""
    if paper.judging is None or paper.exam is None:
        return None
    rubric, questions = rubric_of(paper.judging), paper.exam.questions
    replies = [party.answered.replies for party in parties]
    found: list[tuple[Bench, Verdicts]] = []
    for judge in judges:
        bench = Bench(judging=paper.judging, rubric=rubric, verdicts=judge.answers)
        found.append((bench, judged(bench, questions, replies, judge.model)))
    most = max(found, key=lambda one: one[1].verdicts, default=None)
    return most if most and most[1].verdicts else None


def _party(paper: _Paper, one: Answerer, role: str, words: frozenset[str]) -> Party:
    return Party(
        speaker=Speaker(label=one.model, role=role),
        identity=one.identity,
        words=words,
        answers=paper.of(one) or (),
    )


_Reference = tuple[Answerer, str, frozenset[str]]


def _references(paper: _Paper, everybody: Sequence[Answerer], cast: Cast) -> list[_Reference]:
    """Who is told beside: an earlier or the served revision, and the base or who else is named."""
    places = {label: place for place, label in enumerate(cast.revisions)}
    able = [one for one in everybody if one.model != cast.ours and paper.of(one)]
    revised = sorted((one for one in able if one.model in places), key=lambda o: places[o.model])
    others = [one for one in able if one.model not in places]
    named = [(one, _words(paper.measuring, one, cast.base)) for one in others]
    named = sorted((pair for pair in named if pair[1]), key=lambda pair: "base" in pair[1])
    first: list[_Reference] = [
        (one, cast.revisions[one.model], frozenset({"served"})) for one in revised
    ]
    second: list[_Reference] = [(one, _role(one, words, cast), words) for one, words in named]
    return [*first[:1], *second[:1], *first[1:], *second[1:]][: cast.most]


def _role(one: Answerer, words: frozenset[str], cast: Cast) -> str:
    if one.model == cast.base:
        return "the base model"
    return " or ".join(sorted(words))


def _words(measuring: Measuring | None, one: Answerer, base: str) -> frozenset[str]:
    """What `compare_with` calls somebody; a base model is one whatever is written."""
    found = {"base"} if one.model == base else set[str]()
    for word, endpoint in measuring.references.items() if measuring else ():
        if any(is_endpoint_of(asked, endpoint) for asked in one.endpoints):
            found.add(word)
    return frozenset(found)
