"""Where a report comes from: the commit, the spec, hashes, versions, who and when."""

import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from jobs.files import digest_of
from jobs.foundry.data import label_of
from jobs.plan.desired import Desired
from jobs.plan.undertaking import DataVersion
from jobs.report.judgement import Standing
from jobs.revision import TAG_VERSION

_SECONDS = 10.0


def provenance(standing: Standing, spec: str, asked: Desired | None) -> list[tuple[str, str]]:
    """Everything that a reader needs to find the same things again; `spec` is a file, or empty."""
    return [*_written(spec, asked), *_made(standing)]


def commit(folder: Path) -> str:
    """The commit that a folder's files are of, and whether any of them is changed; or why not."""
    found = _git(folder, "rev-parse", "HEAD")
    if found is None:
        return "not known: no git repository, or no git"
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{found}, with changes that aren't committed" if changed else found


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        ran = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout.strip() if ran.returncode == 0 else None


def _written(spec: str, asked: Desired | None) -> Iterator[tuple[str, str]]:
    """What lies on this machine."""
    folder = Path(spec).parent if spec else Path.cwd()
    yield "commit", commit(folder)
    if spec:
        yield "spec", f"{spec}, sha256 {digest_of(Path(spec)).sha256}"
    for training in asked.trainings if asked else ():
        for field, given in (
            ("training data", training.training),
            ("validation data", training.validation),
        ):
            if isinstance(given, DataVersion):
                yield field, f"{given.label}, sha256 {given.digest.sha256}"
    for measuring in asked.measurings if asked else ():
        yield f"questions of {measuring.name}", f"{measuring.path.name}, sha256 {measuring.sha256}"


def _made(standing: Standing) -> Iterator[tuple[str, str]]:
    """What lies in Azure."""
    job, model, endpoint = standing.revision.job, standing.revision.model, standing.endpoint
    yield "job", f"{job.name}, submitted {job.created} by {job.created_by or 'somebody unknown'}"
    yield (
        "job's data",
        ", ".join(filter(None, map(label_of, (job.training_data, job.validation_data)))),
    )
    yield "base model", job.base_model or "Azure doesn't say"
    yield "model", model.label if model else "none"
    if endpoint:
        yield "endpoint", f"{endpoint.name}, made {endpoint.created}, {endpoint.uri}"
    yield "trained with", f"foundry-tune {job.tags.get(TAG_VERSION) or 'of an unknown version'}"
    yield "told with", f"foundry-tune {version('foundry-tune')}"
    yield "prices", "as of the day that each price row names"
