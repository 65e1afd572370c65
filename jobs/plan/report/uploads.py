"""The upload lines of a plan: what was downloaded of the data, and whether it is intact."""

from jobs.plan.plan import Plan
from jobs.plan.report import LABEL_WIDTH
from jobs.plan.uploads import Upload
from jobs.terminal import output


def lines(plan: Plan) -> list[str]:
    """One line a file, where they were looked at."""
    return [
        f"{'Uploads' if index == 0 else '':<{LABEL_WIDTH}}{_line(upload, plan)}"
        for index, upload in enumerate(plan.uploads.values())
    ]


def as_dict(plan: Plan) -> list[dict[str, object]]:
    """The same as JSON carries it."""
    return [
        {
            "data": label,
            "verdict": _verdict(upload, plan),
            "sha256": upload.sha256,
            "wanted": upload.content.digest.sha256,
        }
        for label, upload in plan.uploads.items()
    ]


def _verdict(upload: Upload, plan: Plan) -> str:
    if upload.is_intact:
        return "verified"
    if upload.content.label not in plan.spoiled:
        return "not uploaded"
    return "differs" if upload.sha256 else "gone"


_WORDS = {
    "verified": "downloaded; it is what its name says",
    "not uploaded": "nothing is there yet",
    "differs": "it holds other content than its name says; apply --verify-data replaces it",
    "gone": "it is registered, but its content is gone; apply --verify-data uploads it again",
}
_COLOURS = {"verified": "green", "not uploaded": "dim", "differs": "red", "gone": "red"}


def _line(upload: Upload, plan: Plan) -> str:
    verdict = _verdict(upload, plan)
    shown = output.style(f"{verdict:<12}", _COLOURS[verdict])
    return f"{shown}  {upload.content.label}: {_WORDS[verdict]}"
