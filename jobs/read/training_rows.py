"""The data of a training, looked at row by row, and what it says of document and machine."""

from jobs.catalog.machines import machines
from jobs.dataset.rows import Rows, check_rows, longest_row
from jobs.files import UnreadableFileError
from jobs.findings import Finding
from jobs.read.near_name import near_name
from jobs.read.trainings import data_findings, estimate, machine_findings, shape_of
from jobs.spec.story import Chapter
from jobs.spec.training import TrainingJob


def memory_words(chapter: Chapter, spec: TrainingJob) -> str:
    """`about 19 of the 80 GiB of its A100`, as far as it is known; else nothing."""
    machine = machines().machine(spec.resources.instance_type or "") if spec.resources else None
    shape = shape_of(chapter, spec)
    if machine is None or shape is None:
        return ""
    paths = [
        chapter.local_path(written)
        for written in (spec.training_path, spec.validation_path)
        if written
    ]
    lengths = [longest_row(path) for path in paths if path]
    longest = max(lengths) if len(lengths) == len(paths) else None
    total = estimate(spec, shape, longest).total
    return f"about {total:.0f} of the {machine.gib:g} GiB of its {machine.gpu}"


def training_rows(
    chapter: Chapter, spec: TrainingJob, *, with_data: bool
) -> tuple[list[Finding], list[Finding]]:
    """Findings about the document, and those about its data."""
    from jobs.dataset.check import DataFile  # with NumPy, which no document alone needs

    findings: list[Finding] = []
    of_data: list[Finding] = []
    rows: dict[str, Rows] = {}
    named = {"training_data": spec.training_path, "validation_data": spec.validation_path}
    for field, written in named.items() if with_data else ():
        path = chapter.local_path(written) if written else None
        if path is None:
            continue
        try:
            rows[field] = check_rows(
                path,
                DataFile(path).name,
                spec.task,
                labels=spec.layers.labels if spec.layers.head else None,
                answers_only=spec.minimised.answers_only,
            )
        except UnreadableFileError as error:
            message = f"'{written}' can't be read: {error}.{near_name(path)}"
            findings.append(chapter.finding("FT-S017", (field,), message))
        else:
            of_data += rows[field].findings
    if training := rows.get("training_data"):
        findings += data_findings(chapter, spec, training)
    longest = max((one.longest for one in rows.values()), default=None)
    findings += machine_findings(chapter, spec, longest)
    return findings, of_data
