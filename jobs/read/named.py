"""Ids of models and data in a document: what is wrong with one, and which was meant."""

from collections.abc import Iterator

from jobs.catalog.catalog import catalog
from jobs.findings import Finding
from jobs.spec import ids
from jobs.spec.models import FineTuning
from jobs.spec.story import Chapter
from jobs.spec.training import TrainingJob
from jobs.suggestions import did_you_mean


def wrong_model(written: str, *, tuned: bool) -> str:
    """What is wrong with a model's id, with the id that was meant; empty for a right one.

    `tuned`: whether a model of the project may stand here, or a base model of a registry only.
    """
    understood = ids.model_id(written)
    unfilled = ids.placeholder(written)
    if understood is None or unfilled:
        meant = ids.corrected(written, "models") or ids.meant(written)
        what = f"'{written[:80]}' is not the id of a model"
        if unfilled:
            what = f"'{unfilled[:40]}' was never filled in"
        return f"{what}. Write {meant or 'azureml://registries/azureml/models/<name>'}."
    if understood.form == "name" and catalog().model(written) is None:
        close = did_you_mean(written, [model.name for model in catalog().models])
        return (
            f"'{written}' is no model of the catalogue.{close} A model that the catalogue lacks is "
            "named in full: azureml://registries/<registry>/models/<name>."
        )
    if tuned and understood.form == "short" and not understood.version:
        return f"'{written}' names no version. Write azureml:{understood.name}:<version>."
    if not tuned and understood.form in ("asset", "short"):
        meant = ids.corrected(written, "models") or ids.meant(written)
        right = f" Write {meant}." if meant else ""
        return f"'{written}' is a model of a project; only a registry's can be fine-tuned.{right}"
    return ""


def data_ids(chapter: Chapter, spec: FineTuning | TrainingJob) -> Iterator[Finding]:
    """Data that lies elsewhere, and ids of data that are none."""
    for field, written in (
        ("training_data", spec.training_path),
        ("validation_data", spec.validation_path),
    ):
        if not written or chapter.local_path(written) is not None:
            continue
        path = (field,) if isinstance(getattr(spec, field), str) else (field, "path")
        unfilled = ids.placeholder(written)
        if ids.data_id(written) is not None and not unfilled:
            yield chapter.finding("FT-S041", path, "lies elsewhere: it is not looked at here.")
            continue
        what = f"'{written[:80]}' is not the id of data"
        if unfilled:
            what = f"'{unfilled[:40]}' was never filled in"
        meant = ids.corrected(written, "data") or "azureml:<name>:<version>, or a local file"
        yield chapter.finding("FT-S038", path, f"{what}. Write {meant}.")
