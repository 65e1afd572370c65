"""What is wrong with a training beyond its shape: told before a machine is paid for."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec

from jobs.catalog.catalog import catalog, registry_model
from jobs.catalog.machines import Machine, Shape, machines
from jobs.dataset.rows import Rows
from jobs.files import UnreadableFileError, read_bounded
from jobs.findings import Finding
from jobs.read.fitting import contradictions
from jobs.read.functions import parsed, split, uncallable
from jobs.read.memory import Memory, memory_of
from jobs.read.named import data_ids, wrong_model
from jobs.read.program import own_file, unsent
from jobs.spec import ids
from jobs.spec.command import Distribution
from jobs.spec.lowering import CONFIG, own_functions
from jobs.spec.story import Chapter
from jobs.spec.training import TrainingJob
from jobs.suggestions import did_you_mean
from jobs.values import mapping

_TAKES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("loss", "function"): ("logits", "targets"),
    ("layers", "add"): ("model",),
    ("task_file",): ("row",),
}
_MARKS = 64
"""Tokens that a chat template adds to a row, at most as far as a memory estimate goes."""
_HEAVY = 100_000_000
"""Weights beyond which nobody trains on a CPU."""


def training_findings(chapter: Chapter, spec: TrainingJob) -> Iterator[Finding]:
    """Findings about the document itself."""
    for found in contradictions(spec):
        at_key = found.path[:1] != ("task",)
        message = f"{found.what} {found.do}"
        yield chapter.finding("FT-T002", found.path, message, at_key=at_key)
    yield from _functions(chapter, spec)
    yield from _model(chapter, spec)
    yield from data_ids(chapter, spec)
    distribution = spec.distribution
    if distribution is not None and distribution.type != "pytorch":
        message = f"the program knows no '{distribution.type}'. Write type: pytorch."
        yield chapter.finding("FT-T002", ("distribution", "type"), message)
    if spec.sharding == "fsdp" and spec.processes == 1:
        message = "`fsdp` cuts the model over several processes. Add distribution: {type: pytorch, "
        message += "process_count_per_instance: N}."
        yield chapter.finding("FT-T002", ("sharding",), message, at_key=True)
    size = spec.resources.instance_type if spec.resources else None
    if size is None and spec.compute is None:
        message = "is missing. Write resources: {instance_type: Standard_NC24ads_A100_v4}."
        yield chapter.finding("FT-T009", ("resources",), message, at_key=True)


def data_findings(chapter: Chapter, spec: TrainingJob, training: Rows) -> Iterator[Finding]:
    """What is between the document and its training data."""
    for index, label in enumerate(spec.layers.labels or ()):
        if spec.layers.head and training.count and label not in training.labels:
            hint = did_you_mean(label, training.labels)
            message = f"no row of the training data has '{label}'.{hint}"
            yield chapter.finding("FT-T005", ("layers", "labels", index), message)


# ── functions of the user's own ─────────────────────────────────────────────────────────────────


def _functions(chapter: Chapter, spec: TrainingJob) -> Iterator[Finding]:
    named = own_functions(spec)
    files = {path: own_file(chapter, written) for path, written in named.items()}
    sent = {file.name for file in files.values() if file}
    places = {file.name: file.resolve() for file in files.values() if file}
    for path, written in named.items():
        file = files[path]
        wrong = _wrong(written, file, _TAKES[path], sent)
        if not wrong and file and places[file.name] != file.resolve():
            wrong = f"two files are called {file.name}, and lie in one folder there. Rename one."
        if wrong:
            yield chapter.finding("FT-T003", path, wrong)


def _wrong(written: str, path: Path | None, takes: tuple[str, ...], sent: set[str]) -> str:
    """Why a function can't be called where the program runs, or nothing."""
    file, function = split(written)
    if path is None or not function.isidentifier():
        return f"'{written[:60]}' is no function. Write FILE.py:FUNCTION."
    if path.name in {"train.py", CONFIG} or not path.stem.isidentifier():
        return f"'{path.name}' can't lie beside the program. Give the file another name."
    tree = parsed(path, file)
    if isinstance(tree, str):
        return tree
    for line, module in unsent(path, tree, sent):
        return f"{file}:{line} imports '{module}', a file that isn't sent. Put it into this one."
    return uncallable(tree, file, function, takes)


# ── the model ───────────────────────────────────────────────────────────────────────────────────


def model_folder(chapter: Chapter, spec: TrainingJob) -> Path | None:
    """The model's folder on this machine; None where it lies in Azure."""
    return None if spec.model_id.startswith("azureml:") else chapter.local_path(spec.model_id)


def _model(chapter: Chapter, spec: TrainingJob) -> Iterator[Finding]:
    path = ("model",) if isinstance(spec.model, str) else ("model", "path")
    folder = model_folder(chapter, spec)
    if folder is None or ids.placeholder(spec.model_path):
        wrong = wrong_model(spec.model_id, tuned=True)
        understood = ids.model_id(spec.model_id)
        if not wrong and understood and understood.form == "registry" and not understood.version:
            wrong = f"'{spec.model_path}' names no version. Write {spec.model_id}/versions/<n>."
        if wrong:
            yield chapter.finding("FT-S038", path, wrong)
    elif not folder.exists():
        meant = ids.meant(spec.model_path)
        close = did_you_mean(spec.model_path, [model.name for model in catalog().models])
        written = f" Write {meant}." if meant else " Name a model, or a folder."
        hint = close or written
        message = f"'{spec.model_path}' is no model of the catalogue, and no folder.{hint}"
        yield chapter.finding("FT-S038", path, message)
    elif wrong := _no_model(folder):
        yield chapter.finding("FT-S017", path, f"'{spec.model_path}' {wrong}")


def _no_model(folder: Path) -> str:
    if not folder.is_dir():
        return "is a file. Name the folder that save_pretrained wrote."
    for name in ("config.json", "tokenizer_config.json"):
        if not any(True for _ in folder.rglob(name)):
            return f"has no {name}. Name a folder that save_pretrained wrote."
    return ""


def shape_of(chapter: Chapter, spec: TrainingJob) -> Shape | None:
    """The model's shape; None where nothing here knows it."""
    folder = model_folder(chapter, spec)
    if folder is None:
        return machines().shape(registry_model(spec.model_id))
    found = sorted(folder.rglob("config.json"), key=lambda file: len(file.parts))
    try:
        written = mapping(json.loads(read_bounded(found[0], 1 << 20))) if found else None
    except (UnreadableFileError, ValueError, RecursionError):
        return None
    if not written or "num_local_experts" in written:
        return None
    names = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    numbers = [written.get(name) for name in (*names, "vocab_size")]
    if not all(isinstance(number, int) and number > 0 for number in numbers):
        return None
    hidden, intermediate, layers, heads, vocabulary = (int(str(number)) for number in numbers)
    kv_heads = written.get("num_key_value_heads")
    return Shape(
        hidden=hidden,
        intermediate=intermediate,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads if isinstance(kv_heads, int) else heads,
        vocabulary=vocabulary,
        tied=written.get("tie_word_embeddings") is True,
    )


# ── the machine ─────────────────────────────────────────────────────────────────────────────────


def machine_findings(chapter: Chapter, spec: TrainingJob, longest: int | None) -> Iterator[Finding]:
    """Whether the machine can do it and is large enough, as far as it is known.

    `longest`: bytes of the longest row; None where the data isn't looked at.
    """
    resources = spec.resources
    size = resources.instance_type if resources else None
    at = ("resources", "instance_type") if size else ("compute",)
    shape = shape_of(chapter, spec)
    memory = estimate(spec, shape, longest) if shape else None
    if size is None:
        if spec.compute is not None:
            message = f"what '{spec.compute}' has is not known here. {_takes_about(memory)}"
            yield chapter.finding("FT-T008", at, message)
        return
    machine = machines().machine(size)
    if machine is not None:
        yield from _on_gpu(chapter, spec, machine, shape, longest)
    elif machines().has_no_gpu(size):
        yield from _on_cpu(chapter, spec, size, shape)
    else:
        message = f"'{size}' is in no list here. {_takes_about(memory)}"
        yield chapter.finding("FT-T008", at, message)


def estimate(spec: TrainingJob, shape: Shape, longest: int | None) -> Memory:
    """The memory that each GPU needs: for rows as long as those of the data, at most."""
    if longest is None or spec.packing:
        return memory_of(spec, shape)
    tokens = min(spec.max_seq_length, longest + _MARKS)
    return memory_of(_with(spec, max_seq_length=tokens), shape)


def _takes_about(memory: Memory | None) -> str:
    if memory is None:
        return "What the training takes isn't known either: the model's shape is in no list here."
    return f"The training takes about {memory} of a GPU."


def _on_gpu(
    chapter: Chapter, spec: TrainingJob, machine: Machine, shape: Shape | None, longest: int | None
) -> Iterator[Finding]:
    if spec.precision == "bf16" and not machine.bf16:
        message = f"a {machine.gpu} has no bfloat16. Write precision: fp16."
        yield chapter.finding("FT-T006", ("precision",), message)
    processes = spec.distribution.process_count_per_instance if spec.distribution else None
    if processes and processes > machine.gpus:
        has = f"{machine.gpus} GPU{'s' if machine.gpus > 1 else ''}"
        message = f"{processes} processes on a {machine.size}, which has {has}."
        at = ("distribution", "process_count_per_instance")
        yield chapter.finding("FT-T006", at, message)
    if shape is None:
        message = f"whether it fits {machine.gib:g} GiB isn't known: the model's shape is in no "
        message += "list here. Try it with max_steps: 1."
        yield chapter.finding("FT-T008", ("resources", "instance_type"), message)
        return
    memory = estimate(spec, shape, longest)
    if memory.total <= machine.gib:
        return
    what = f"takes about {memory} of a GPU, and a {machine.gpu} there has {machine.gib:g}"
    message = f"the training {what}.{_smaller(spec, shape, longest, machine)}"
    yield chapter.finding("FT-T007", ("resources", "instance_type"), message)


def _smaller(spec: TrainingJob, shape: Shape, longest: int | None, machine: Machine) -> str:
    """The first single change with which it fits there, and a machine that holds it as it is.

    What keeps the method is enough by itself, as cutting it over the machine's own GPUs.
    """
    cut = _cut(spec, machine)
    keeping: tuple[tuple[str, TrainingJob | None], ...] = (
        ("gradient_checkpointing: true", _with(spec, gradient_checkpointing=True)),
        (
            f"batch_size: 1 with accumulation: {spec.accumulation * spec.batch_size}",
            _with(spec, batch_size=1),
        ),
        (_over(machine), cut),
    )
    others = [(f"method: {name}", _with(spec, method=name)) for name in ("lora", "qlora")]

    def fits(changed: TrainingJob | None) -> bool:
        if changed is None or changed == spec:
            return False
        return estimate(changed, shape, longest).total <= machine.gib

    if kept := next((words for words, changed in keeping if fits(changed)), ""):
        return f" It fits with {kept}."
    other = next((words for words, changed in others if fits(changed)), "")
    held = _holding(spec, shape, longest)
    if not other and not held:
        return (
            " No machine known here holds it, nor could its GPUs together: write a smaller "
            "max_seq_length and batch_size, or another model."
        )
    return (f" It fits with {other}." if other else "") + (f" As it is, {held}." if held else "")


def _holding(spec: TrainingJob, shape: Shape, longest: int | None) -> str:
    """The least machine that holds a training, on one GPU or cut over several; empty for none."""
    usable = [one for one in machines().machines if one.bf16 or spec.precision != "bf16"]
    needed = estimate(spec, shape, longest).total
    for one in sorted(usable, key=lambda m: (m.gpus, m.gib)):
        if one.gib >= needed:
            return f"it fits a {one.size}, which has {one.gib:g}"
    for one in sorted(usable, key=lambda m: (m.gib * m.gpus, m.gpus)):
        cut = _cut(spec, one)
        if cut and estimate(cut, shape, longest).total <= one.gib:
            has = f"{one.gpus} GPUs of {one.gib:g}"
            return f"it fits a {one.size}, which has {has}, with {_over(one)}"
    return ""


def _cut(spec: TrainingJob, machine: Machine) -> TrainingJob | None:
    """The training cut over all GPUs of a machine; None where it can't be."""
    if machine.gpus < 2 or spec.method == "qlora" or spec.moved_by.name == "adamw_8bit":
        return None
    every = Distribution(type="pytorch", process_count_per_instance=machine.gpus)
    return _with(spec, sharding="fsdp", distribution=every)


def _over(machine: Machine) -> str:
    return (
        "sharding: fsdp and distribution: {type: pytorch, process_count_per_instance: "
        f"{machine.gpus}}}"
    )


def _with(spec: TrainingJob, **changed: object) -> TrainingJob:
    return msgspec.structs.replace(spec, **changed)


def _on_cpu(
    chapter: Chapter, spec: TrainingJob, size: str, shape: Shape | None
) -> Iterator[Finding]:
    wants = {
        ("method",): (spec.method == "qlora", "method: lora"),
        ("optimizer",): (spec.moved_by.name == "adamw_8bit", "optimizer: adamw"),
        ("precision",): (spec.precision == "fp16", "precision: bf16"),
        ("attention",): (spec.attention == "flash_attention_2", "attention: sdpa"),
        ("compile",): (spec.compile, "compile: false"),
        ("sharding",): (spec.sharding == "fsdp", "sharding: none"),
    }
    for path, (wanted, instead) in wants.items():
        if wanted:
            message = f"takes a CUDA device, and a {size} has none. Write {instead}, or name a "
            message += "machine with a GPU: Standard_NC24ads_A100_v4."
            yield chapter.finding("FT-T006", path, message)
    if shape is not None and shape.parameters > _HEAVY:
        message = f"a {size} has no GPU: {shape.parameters / 1e9:.1f} billion weights would take "
        message += "weeks. Name a machine with one: Standard_NC24ads_A100_v4."
        yield chapter.finding("FT-T007", ("resources", "instance_type"), message)
