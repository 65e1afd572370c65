"""What is wrong with a document beyond its shape: what contradicts itself or the catalogue."""

import re
from collections.abc import Iterator
from datetime import date

from jobs.catalog.catalog import catalog
from jobs.catalog.objections import (
    lifecycle_objection,
    range_objection,
    region_objection,
)
from jobs.dataset.privacy import masked, private_in
from jobs.findings import Finding
from jobs.read.asked import request_findings
from jobs.read.commands import command_findings, model_findings
from jobs.read.functions import function_findings
from jobs.read.judge import judge_findings
from jobs.read.named import data_ids, wrong_model
from jobs.read.script import script_findings
from jobs.read.supported import limits
from jobs.read.sweeps import sweep_findings
from jobs.read.trainings import training_findings
from jobs.revision import TAG_PREFIX
from jobs.spec.command import Command
from jobs.spec.gates import PER_QUESTION, Gate, read_gate, read_safety_gate
from jobs.spec.measured import measured_online
from jobs.spec.models import Evaluation, FineTuning, ServerlessEndpoint
from jobs.spec.online_endpoint import OnlineEndpoint
from jobs.spec.reader import Path
from jobs.spec.references import name_of, parse
from jobs.spec.story import Chapter, Story
from jobs.spec.training import TrainingJob
from jobs.spec.trials import SAME_WORDS
from jobs.values import day, placed_texts, texts


def check_story(story: Story, *, on: date) -> list[Finding]:
    """Findings about every document of a story, held against the catalogue of a day."""
    return [found for chapter in story.chapters for found in _check(chapter, story, on)]


def _check(chapter: Chapter, story: Story, on: date) -> Iterator[Finding]:
    spec = chapter.spec
    yield from _name(chapter)
    yield from _tags(chapter)
    yield from _secrets(chapter)
    yield from _own_prices(chapter)
    yield from model_findings(chapter, story)
    for limit in limits(spec):
        yield chapter.finding("FT-S040", limit.path, limit.message, at_key=limit.at_key)
    if isinstance(spec, FineTuning):
        yield from _fine_tuning(chapter, spec, on)
    elif isinstance(spec, TrainingJob):
        yield from training_findings(chapter, spec)
    elif isinstance(spec, ServerlessEndpoint):
        yield from _endpoint(chapter, spec, story, on)
    elif isinstance(spec, OnlineEndpoint):
        yield from _online(chapter, spec, story)
    elif isinstance(spec, Evaluation):
        yield from _evaluation(chapter, spec)
        yield from _compared(chapter, spec, story)
        yield from request_findings(chapter, spec, measured_online(spec, story.specs))
    else:
        yield from command_findings(chapter, spec)


# ── any document ────────────────────────────────────────────────────────────────────────────────

_NAMES = {
    # azure-ai-ml 1.27.1's swagger: jobs up to 255, less what this project adds to a revision's name
    "finetuning": (r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,240}", "letters, digits, - and _, at most 241"),
    "training": (r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,240}", "letters, digits, - and _, at most 241"),
    "command": (r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,240}", "letters, digits, - and _, at most 241"),
    "serverless_endpoint": (
        r"[a-zA-Z][a-zA-Z0-9-]{0,51}",
        "a letter first, then letters, digits and -, at most 52",
    ),
    # ManagedOnlineEndpoint of azure-ai-ml 1.35.2: 3 to 32, unique in the region
    "online_endpoint": (
        r"[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]",
        "a letter first, then letters, digits and -, 3 to 32, no - last",
    ),
    "evaluation": (r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,240}", "letters, digits, - and _, at most 241"),
}


def _name(chapter: Chapter) -> Iterator[Finding]:
    pattern, words = _NAMES[chapter.spec.kind]
    if not re.fullmatch(pattern, chapter.spec.name):
        message = f"'{chapter.spec.name[:60]}' is not a name that Azure takes: {words}."
        yield chapter.finding("FT-S021", ("name",), message)


def _tags(chapter: Chapter) -> Iterator[Finding]:
    for field in ("tags", "properties"):
        for name in getattr(chapter.spec, field) or ():
            if name.casefold().startswith(TAG_PREFIX):
                message = f"'{name}' is foundry-tune's own mark. Give yours another name."
                yield chapter.finding("FT-S037", (field, name), message, at_key=True)


def _own_prices(chapter: Chapter) -> Iterator[Finding]:
    spec = chapter.spec
    if (
        isinstance(spec, FineTuning | TrainingJob | ServerlessEndpoint | OnlineEndpoint | Command)
        and spec.budget
    ):
        own = spec.budget.own_prices
        if own and day(own.as_of) is None:
            message = f"'{own.as_of[:40]}' is no day. Write it as 2026-10-01."
            yield chapter.finding("FT-S007", ("budget", "prices", "as_of"), message)


def _secrets(chapter: Chapter) -> Iterator[Finding]:
    # All at once first: hardly a spec holds any.
    together = "\n".join(texts(chapter.tree.value)).encode("utf-8", "surrogatepass")
    if not any(item.rule == "FT-D041" for item in private_in(together)):
        return
    for path, text in placed_texts(chapter.tree.value):
        if len(text) < 16:
            continue
        data = text.encode("utf-8", "surrogatepass")
        for item in private_in(data):
            if item.rule == "FT-D041":
                shown = masked(data[item.start : item.end].decode("utf-8", "replace"))
                yield chapter.finding("FT-S032", path, f"holds {item.kind}: {shown}")
                break


# ── fine-tuning ─────────────────────────────────────────────────────────────────────────────────

_OPENAI = ("n_epochs", "batch_size", "learning_rate_multiplier")


def _fine_tuning(chapter: Chapter, spec: FineTuning, on: date) -> Iterator[Finding]:
    words = spec.hyperparameters
    for same in SAME_WORDS.values():
        written = [word for word in same if getattr(words, word) is not None]
        for word in written[1:]:
            message = f"says the same as '{written[0]}'. Keep one of them."
            yield chapter.finding("FT-S016", ("hyperparameters", word), message, at_key=True)
    if spec.model_provider == "custom":
        for word in _OPENAI:
            if getattr(words, word) is not None:
                right = next(name for name, same in SAME_WORDS.items() if word in same)
                message = f"is Azure OpenAI's word. Write '{right}'."
                yield chapter.finding("FT-S036", ("hyperparameters", word), message, at_key=True)
    yield from _validation(chapter, spec)
    if spec.sweep is not None:
        yield from sweep_findings(chapter, spec, spec.sweep)
    yield from data_ids(chapter, spec)
    if not parse(spec.model_path) and spec.model_provider == "custom":
        wrong = wrong_model(spec.model_path, tuned=False)
        if wrong:
            yield chapter.finding("FT-S038", _model_field(spec), wrong)
        elif spec.is_serverless:
            yield from _catalogue(chapter, spec, on)
    name = spec.registered_model_name
    if not re.fullmatch(r"[a-zA-Z0-9-]+", name):
        message = f"the service will register '{name}' as '{re.sub('[^a-zA-Z0-9-]', '-', name)}'."
        yield chapter.finding("FT-C009", ("outputs", "registered_model", "name"), message)


def _model_field(spec: FineTuning) -> Path:
    return ("model",) if isinstance(spec.model, str) else ("model", "path")


def _validation(chapter: Chapter, spec: FineTuning) -> Iterator[Finding]:
    data = spec.validation_data
    if data is None or isinstance(data, str):
        return
    if data.path and data.split is not None:
        message = "has a path and a split. Keep one of them."
        yield chapter.finding("FT-S023", ("validation_data",), message)
    elif not data.path and data.split is None:
        message = "has neither a path nor a split. Write {split: 0.2, seed: 13}."
        yield chapter.finding("FT-S023", ("validation_data",), message)


def _catalogue(chapter: Chapter, spec: FineTuning, on: date) -> Iterator[Finding]:
    objection = lifecycle_objection(spec.model_path, "finetune", on)
    if objection:
        message = " ".join(filter(None, (objection.message, objection.next_step)))
        yield chapter.finding(objection.rule, ("model",), message)
    model = catalog().model(spec.model_path)
    if model is None:
        return
    if spec.task not in model.tasks:
        message = f"{model.name} learns {', '.join(model.tasks)} only, not '{spec.task}'."
        yield chapter.finding("FT-C011", ("task",), message)
    values = {"epochs": spec.epochs, "batch_size_multiplier": spec.batch_size}
    if spec.learning_rate is not None:
        values |= {"learning_rate": spec.learning_rate}
    for name, value in values.items():
        if found := range_objection(spec.model_path, name, value):
            words = (word for word in SAME_WORDS[name] if getattr(spec.hyperparameters, word))
            path = ("hyperparameters", next(words, name))
            yield chapter.finding(found.rule, path, found.message)


# ── endpoints ───────────────────────────────────────────────────────────────────────────────────


def _endpoint(
    chapter: Chapter, spec: ServerlessEndpoint, story: Story, on: date
) -> Iterator[Finding]:
    if spec.model is None and spec.model_id is None:
        message = "is missing. Write ${{ finetuning.<name>.registered_model }}, or a model id."
        yield chapter.finding("FT-S005", ("model",), message, at_key=True)
    elif spec.model is not None and spec.model_id is not None:
        yield chapter.finding(
            "FT-S016", ("model_id",), "says the same as 'model'. Keep one of them."
        )
    if not spec.is_filtered and not spec.justification:
        message = "the content filter is off without a 'justification'. Write one, or enable it."
        yield chapter.finding("FT-S022", ("content_safety",), message)
    for index, test in enumerate(spec.smoke_tests):
        path = ("smoke_tests", index)
        if (test.prompt is None) == (test.messages is None):
            both = (
                "both 'prompt' and 'messages'" if test.prompt else "neither 'prompt' nor 'messages'"
            )
            yield chapter.finding("FT-S024", path, f"has {both}. Write one of them.")
        if test.expect.matches is not None:
            try:
                re.compile(test.expect.matches)
            except (re.error, RecursionError, OverflowError) as error:
                message = f"not a regular expression: {error}."
                yield chapter.finding("FT-S030", (*path, "expect", "matches"), message)
    for measure, gate in spec.safety_gates.items():
        if isinstance(wrong := read_safety_gate(measure, gate), str):
            yield chapter.finding("FT-S025", ("safety_gates", measure), wrong)
    yield from _served_model(chapter, spec, story, on)


def _served_model(
    chapter: Chapter, spec: ServerlessEndpoint, story: Story, on: date
) -> Iterator[Finding]:
    field = "model" if spec.model is not None else "model_id"
    path = spec.model_path
    if path and not parse(path) and (wrong := wrong_model(path, tuned=True)):
        yield chapter.finding("FT-S038", (field,), wrong)
        return
    if "/registries/" in path and "/versions/" in path:
        base = path[: path.index("/versions/")]
        message = f"an endpoint takes a catalogue model without its version. Write {base}."
        yield chapter.finding("FT-C010", (field,), message)
    tuned = story.chapter(path) if parse(path) else None
    if tuned is not None and isinstance(tuned.spec, FineTuning):
        path = tuned.spec.model_path
        if spec.budget is not None:
            message = f"the budget of {tuned.reference} covers this endpoint. Write it there."
            yield chapter.finding("FT-S045", ("budget",), message, at_key=True)
    objection = lifecycle_objection(path, "serve", on)
    if objection and tuned is None:
        message = " ".join(filter(None, (objection.message, objection.next_step)))
        yield chapter.finding(objection.rule, (field,), message)
    if spec.location:
        refused = region_objection(path, spec.location, "serve", tuned=tuned is not None)
        if refused:
            message = " ".join(filter(None, (refused.message, refused.next_step)))
            yield chapter.finding(refused.rule, ("location",), message)


def _online(chapter: Chapter, spec: OnlineEndpoint, story: Story) -> Iterator[Finding]:
    yield from script_findings(chapter, spec, story)
    for index, test in enumerate(spec.smoke_tests):
        if test.expect.matches is not None:
            try:
                re.compile(test.expect.matches)
            except (re.error, RecursionError, OverflowError) as error:
                path = ("smoke_tests", index, "expect", "matches")
                yield chapter.finding("FT-S030", path, f"not a regular expression: {error}.")


# ── evaluations ───────────────────────────────────────────────────────────────────────────────────


def _evaluation(chapter: Chapter, spec: Evaluation) -> Iterator[Finding]:
    for metric, gate in spec.gates.items():
        if metric not in spec.measured:
            message = f"'{metric}' is not measured here. Metrics: {', '.join(spec.measured)}."
            yield chapter.finding("FT-S025", ("gates", metric), message, at_key=True)
        elif isinstance(read := read_gate(metric, gate, spec.compare_with, spec.own_shares), str):
            yield chapter.finding("FT-S025", ("gates", metric), read)
        elif spec.confident and metric not in {*PER_QUESTION, *spec.own_shares}:
            message = f"{metric} is no mean of shares, so 'confident' has no interval for it."
            yield chapter.finding("FT-S025", ("gates", metric), message)
        elif spec.confident and isinstance(read, Gate) and read.comparison == "==":
            message = "no interval shows that a mean is one number. Write >= or <=."
            yield chapter.finding("FT-S025", ("gates", metric), message)
    yield from _format(chapter, spec)
    yield from function_findings(chapter, spec)
    yield from judge_findings(chapter, spec)


def _compared(chapter: Chapter, spec: Evaluation, story: Story) -> Iterator[Finding]:
    if spec.base is not None and "base" not in spec.compare_with:
        message = "has no effect without base in compare_with. Write compare_with: [base]."
        yield chapter.finding("FT-S046", ("base",), message, at_key=True)
    own = name_of(spec.endpoint)
    anew = {s.name for s in story.specs if isinstance(s, ServerlessEndpoint) and s.is_recreated}
    for index, word in enumerate(spec.compare_with):
        path = ("compare_with", index)
        if word == "served" and own in anew:
            message = f"'{own}' is recreated: what served is gone when the new one is measured."
            yield chapter.finding("FT-S046", path, f"{message} Write rollout: blue_green.")
        if word == "base" and not spec.base:
            served = [s.name for s in story.specs if _serves_base(s)]
            meant = f"${{{{ serverless_endpoint.{served[0]} }}}}" if served else "an endpoint"
            message = f"no endpoint is named that base means. Write base: {meant}."
            if not served:
                message += " It serves the model before its training."
            yield chapter.finding("FT-S046", path, message)
        elif word in spec.compare_with[:index]:
            yield chapter.finding("FT-S046", path, f"'{word}' is there twice. Keep one of them.")
        elif word != "served" and own == name_of(spec.base or "" if word == "base" else word):
            message = f"'{own}' is what is measured; it can't be compared with itself."
            yield chapter.finding("FT-S046", path, message)


def _serves_base(spec: object) -> bool:
    return isinstance(spec, ServerlessEndpoint) and not parse(spec.model_path)


def _format(chapter: Chapter, spec: Evaluation) -> Iterator[Finding]:
    written = spec.format
    if "valid_format" in spec.metrics and (
        written is None or (written.matches is None) == (written.json_schema is None)
    ):
        message = "valid_format needs 'format' with either 'matches' or 'json_schema'."
        yield chapter.finding("FT-S042", ("format",) if written else ("metrics",), message)
    if written and written.matches is not None:
        try:
            re.compile(written.matches)
        except (re.error, RecursionError, OverflowError) as error:
            message = f"not a regular expression: {error}."
            yield chapter.finding("FT-S030", ("format", "matches"), message)
    if written and written.json_schema is not None:
        from jsonschema import Draft202012Validator, SchemaError

        try:
            Draft202012Validator.check_schema(written.json_schema)
        except SchemaError as error:
            message = f"is no JSON Schema: {error.message[:200]}."
            yield chapter.finding("FT-S042", ("format", "json_schema"), message)
