"""Reports as values, for the tests of pages: a whole one, and its parts to be changed."""

from collections.abc import Sequence
from dataclasses import replace
from math import exp

from jobs.proof.compare import Difference
from jobs.report.report import (
    Absent,
    Bill,
    Compared,
    DataProfile,
    Evaluated,
    Exchange,
    FilterDiffers,
    Ground,
    InDepth,
    Judgement,
    Losses,
    Report,
    Safety,
    Said,
    Score,
    Speaker,
    Tried,
)

HOSTILE = '</style></script><script>alert(1)</script><img src=x onerror="alert(2)">\x00\ud800 & "\''
MODELS = (
    Speaker(label="xbox-support:3", role="this revision"),
    Speaker(label="xbox-support:2", role="revision 51f0aa7c20, which serves"),
    Speaker(label="Phi-4-mini-instruct", role="the base model"),
)


def report(*, questions: int = 40) -> Report:
    """A report with every section."""
    return Report(
        name="xbox-support",
        revision="a8bbe5a87e",
        made="2026-11-28 23:30 UTC",
        judgement=Judgement(
            word="ready",
            sentence="everything asked of it has held, and no name follows it yet.",
            grounds=(
                Ground(True, "the content filter is on and was seen refusing"),
                Ground(True, "xbox-support: token_f1 >= 0.6 (it is 0.801)"),
                Ground(None, "xbox-support: rouge_l > base: nothing else was asked"),
            ),
        ),
        changes=(("hyperparameters.epochs", "3", "5"), ("training_data", "x:1", "x:2")),
        losses=losses(),
        data=(profile("datasets/xbox-support/train.jsonl"),),
        evaluations=(measured(questions),),
        safety=Safety(
            is_filtered=True,
            probes=Ground(True, "harmful probes of every category refused"),
            counts={
                ("hate", "completion"): {"safe": 38, "low": 1},
                ("violence", "completion"): {"safe": 39},
                ("violence", "prompt"): {"high": 1},
            },
            answers=40,
            in_depth=InDepth(
                source="safety.json",
                rows=(
                    Tried(
                        category="hate",
                        severity="high",
                        side="prompt",
                        refused=6,
                        answered=0,
                        faults=0,
                    ),
                    Tried(
                        category="hate",
                        severity="low",
                        side="prompt",
                        refused=1,
                        answered=5,
                        faults=1,
                    ),
                ),
                leaks=0,
                over_blocking=0.125,
                differences=(
                    FilterDiffers(
                        reference="xbox-support:2 (revision 51f0aa7c20, which serves)",
                        less_safe=("harmful (hate, high, ne): refused, now answered",),
                        over_blocks=(),
                    ),
                ),
            ),
        ),
        cost=(
            Bill(
                document="finetuning.xbox-support",
                lines=(
                    (
                        "training",
                        "0.35 USD",
                        "94,000 – 118,000 tokens (5 epochs)",
                        "3 USD / 1M tokens",
                    ),
                    ("hosting", "unknown", "24 hours", "price per hour unknown"),
                ),
                total="at least 0.35 USD",
                budget="budget 10.00 USD: within what is priced",
            ),
        ),
        provenance=(
            ("commit", "1f0c9b7d5c1b4e2a9a7e0e1f0c9b7d5c1b4e2a9a"),
            ("spec", "jobs/specs/xbox-support.yaml, sha256 " + "ab" * 32),
        ),
    )


def losses() -> Losses:
    """A training that overfits from step 90 on."""
    validation = tuple(
        (step, 2 * exp(-step / 30) + 0.5 + max(0, step - 90) * 0.004 + 0.002 * (step % 20))
        for step in range(10, 211, 10)
    )
    train = tuple((step, 2.4 * exp(-step / 30) + 0.1) for step in range(1, 211))
    return Losses(job="xbox-support-a8bbe5a87e", train=train, validation=validation)


def profile(name: str) -> DataProfile:
    """A data file."""
    lengths = tuple((low, low + 9, 3 + (low * 7) % 40) for low in range(20, 140, 10))
    figures = (("role", "training"), ("conversations", "325"), ("tokens", "29,291 – 43,804"))
    return DataProfile(
        file=name,
        figures=figures,
        lengths=lengths,
        findings=("train.jsonl:12: the same question as line 4, and another answer.  [FT-D023]",),
    )


def measured(questions: int = 40, *, models: Sequence[Speaker] = MODELS) -> Evaluated:
    """An evaluation of so many questions; a third of the answers changed, two were refused."""
    exchanges = tuple(exchange(number, models) for number in range(1, questions + 1))
    return Evaluated(
        name="xbox-support",
        models=tuple(models),
        scores={
            "token_f1": tuple(Score(0.801 - i / 10, 0.7 - i / 10, 0.88 - i / 10) for i in range(3)),
            "length": tuple(Score(123.4 + i) for i in range(3)),
        },
        comparisons=tuple(
            Compared(
                metric="token_f1",
                reference=model.label,
                difference=difference(questions),
                slices={
                    "length": {
                        "short": difference(questions // 2, -0.04),
                        "long": difference(questions // 2, 0.34),
                    }
                },
            )
            for model in models[1:]
        ),
        gates=(Ground(True, "token_f1 >= 0.6 (it is 0.801)"), Ground(False, "rouge_l > base")),
        confusion={("billing", "billing"): 12, ("billing", "wifi"): 2, ("wifi", "wifi"): 26},
        exchanges=exchanges,
        rests_on="Answers kept in data asset xbox-support-answers.",
    )


def difference(questions: int, mean: float = 0.14) -> Difference:
    """So much better or worse, give or take 0.08."""
    return Difference(
        questions=questions, mean=mean, low=mean - 0.08, high=mean + 0.09, detectable=0.11
    )


def exchange(number: int, models: Sequence[Speaker] = MODELS) -> Exchange:
    """A question; every third was answered differently, number 5 and 6 were refused."""
    answer = f"Hold the pair button for {number} seconds, then restart the console."
    before = answer.replace("Hold", "Press and hold") if number % 3 == 0 else answer
    said = [
        Said("", "prompt") if number == 5 else Said(answer),
        Said("", "answer") if number == 6 else Said(before),
        Said("You may try to switch it off and on, whatever “it” is." * (1 + number % 2)),
    ]
    return Exchange(
        number=number,
        messages=(("system", "You help."), ("user", f"My controller {number} disconnects.")),
        expected=answer,
        said=tuple(said[: len(models)]),
    )


def hostile(text: str = HOSTILE) -> Report:
    """A report in which every text that somebody else wrote is hostile."""
    whole = report(questions=3)
    told = measured(3)
    evil = replace(
        told,
        name=text,
        models=tuple(Speaker(label=text, role=text) for _ in MODELS),
        scores={text: told.scores["token_f1"]},
        gates=(Ground(False, text),),
        confusion={(text, text): 1},
        exchanges=(
            Exchange(number=1, messages=((text, text),), expected=text, said=(Said(text),) * 3),
            Exchange(
                number=2,
                messages=(("user", text),),
                expected=text,
                said=(Said(text), Said(f"{text} {text}"), Said("", text)),
            ),
        ),
        comparisons=tuple(
            replace(one, metric=text, reference=text, slices={text: {text: one.difference}})
            for one in told.comparisons
        ),
        rests_on=text,
    )
    data = replace(profile(text), figures=((text, text),), findings=(text,))
    return replace(
        whole,
        name=text,
        revision=text,
        made=text,
        judgement=replace(
            whole.judgement, sentence=text, grounds=(Ground(None, text), Ground(True, text))
        ),
        changes=((text, text, text),),
        losses=replace(losses(), job=text),
        data=(data,),
        evaluations=(evil,),
        safety=replace(
            report().safety,  # pyright: ignore[reportArgumentType]
            probes=Ground(True, text),
            counts={(text, "prompt"): {"high": 1}},
            in_depth=InDepth(
                source=text,
                rows=(
                    Tried(
                        category=text,
                        severity=text,
                        side="prompt",
                        refused=1,
                        answered=0,
                        faults=0,
                    ),
                ),
                leaks=1,
                over_blocking=0,
                differences=(
                    FilterDiffers(reference=text, less_safe=(text,), over_blocks=(text,)),
                ),
            ),
        ),
        cost=(Bill(document=text, lines=((text, text, text, text),), total=text, budget=text),),
        provenance=((text, text),),
    )


def empty() -> Report:
    """A report in which nothing was measured."""
    absent = Absent("nobody looked.")
    return Report(
        name="xbox-support",
        revision="a8bbe5a87e",
        made="2026-11-28 23:30 UTC",
        judgement=Judgement(word="in training", sentence="the job is Running.", grounds=()),
        changes=absent,
        losses=absent,
        data=absent,
        evaluations=absent,
        safety=absent,
        cost=absent,
        provenance=(),
    )
