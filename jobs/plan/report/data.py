"""The data lines of a plan: how much there is, how it was counted, what rules say of it."""

from collections.abc import Mapping, Sequence

from jobs.dataset.check import Checked, Role
from jobs.findings import Finding
from jobs.plan.desired import Training
from jobs.plan.report import LABEL_WIDTH

_COUNTED = 29
_TOKENS = 28
_SHORT: dict[Role, str] = {"training": "train", "validation": "valid", "test": "test"}


def lines(
    trainings: Sequence[Training], data: Mapping[str, Checked], findings: Sequence[Finding]
) -> list[str]:
    """One line a file's role, and one for what is doubtful in what was read."""
    text: list[str] = []
    for training in trainings:
        checked = data.get(training.spec.reference)
        if checked is None:
            text.append(f"{training.name}: data that is elsewhere; not looked at")
        else:
            text += _of(training, checked)
    if data:
        text.append(_remarks(findings))
    return [
        f"{'Data' if index == 0 else '':<{LABEL_WIDTH}}{line}".rstrip()
        for index, line in enumerate(text)
    ]


def as_dict(data: Mapping[str, Checked]) -> list[dict[str, object]]:
    """The same as JSON carries it."""
    return [
        {
            "document": reference,
            "file": looked.file.name,
            "role": looked.file.role,
            "conversations": looked.tally.conversations,
            "tokens": {
                "low": looked.survey.tokens.low,
                "high": looked.survey.tokens.high,
                "basis": looked.survey.tokens.basis,
            },
        }
        for reference, checked in data.items()
        for looked in checked.files
    ]


def _of(training: Training, checked: Checked) -> list[str]:
    text: list[str] = []
    for role in ("training", "validation", "test"):
        if not checked.of(role):
            continue
        tokens = checked.tokens(role)
        counted = f"{_SHORT[role]:<6} {checked.conversations(role):,} conversations"
        basis = tokens.basis if tokens.is_exact else "estimated: no tokenizer file"
        basis = basis if role == "training" else ""
        text.append(f"{counted:<{_COUNTED}}{f'{tokens} tokens':<{_TOKENS}}  {basis}".rstrip())
    if isinstance(training.validation, str):
        text.append(f"{'valid':<6} data that is elsewhere; not looked at")
    split = training.spec.split
    if split and split.split:
        text.append(
            f"{'valid':<6} {split.split:.0%} of train, split off here with seed {split.seed}"
        )
    elif training.validation is None:
        text.append(f"{'valid':<6} the service takes the last 20 % of train, unshuffled")
    return text


def _remarks(findings: Sequence[Finding]) -> str:
    """The rules that have something to say, each with how often, for `validate` to show in full."""
    counts: dict[str, int] = {}
    for finding in findings:
        if finding.severity != "note":
            counts[finding.rule] = counts.get(finding.rule, 0) + 1
    if not counts:
        return "no leakage, no duplicates, nothing to remark"
    words = ", ".join(f"{rule} {count}x" for rule, count in sorted(counts.items()))
    return f"remarks: {words}   (foundry-tune validate shows them)"
