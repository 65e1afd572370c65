"""One training run, from a configuration to a model."""

import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PrinterCallback, TrainingArguments, set_seed
from transformers.utils import logging as chatter

from tuning import checkpoints, results, rows, sharding
from tuning.batches import Collate, pack
from tuning.config import Config
from tuning.errors import StoppedError, ToldToStopError
from tuning.examples import Pair, Prepared, Tokens, first_line, load_tokenizer
from tuning.model import (
    TYPES,
    find_model,
    load,
    refuse_leaking,
    refuse_what_this_machine_lacks,
    shape,
)
from tuning.objective import answer_likelihoods, objective_of
from tuning.progress import Progress, StopEarly, peak_memory
from tuning.trainer import Tuner


def train(config: Config) -> dict[str, Any]:
    """Trains as configured, and gives the summary that is written beside the model.

    Raises:
        TrainingError: configuration, data, machine, or the run itself; the message says which.
    """
    began = time.monotonic()
    refuse_what_this_machine_lacks(config)
    data = rows.read(config)
    model_folder, tokenizer_folder = find_model(config.model)
    output = Path(config.output)
    run = checkpoints.identity(config, model_folder)
    start = checkpoints.newest(output, run, config.checkpoints.resume)

    tokenizer: Any = load_tokenizer(tokenizer_folder)
    tokens = Tokens(tokenizer, config)
    training = tokens.prepare(data.train, config.training_data)
    validation = Prepared([], 0, 0)
    if config.validation_data:
        validation = tokens.prepare(data.validation, config.validation_data)
    collate = Collate(tokenizer.pad_token_id)

    _quiet()
    set_seed(config.seed)
    arguments = _arguments(config, validation=bool(validation.examples))
    sharding.refuse_where_it_is_not(config)
    model = load(config, model_folder, tokenizer)
    if config.method != "qlora":  # weights in 4 bits are where they belong, and can't be moved
        model.to(arguments.device)
    if config.packing:
        refuse_leaking(model, config)
    if config.task == "preference":
        training = _with_reference(training, model, collate, config)
        validation = _with_reference(validation, model, collate, config)
    model = shape(model, config)
    if config.sharding == "fsdp":
        model.to("cpu")  # a GPU is given its own part of it, and no more

    output.mkdir(parents=True, exist_ok=True)
    keep = checkpoints.Keep(output, run, config.checkpoints.keep)
    watchers: list[Any] = [keep, Progress(config, output / "metrics.jsonl")]
    if config.early_stopping:
        watchers.append(StopEarly(config.early_stopping))
    tuner = Tuner(
        config,
        objective_of(config),
        model=model,
        args=arguments,
        train_dataset=_sequences(training.examples, config),
        eval_dataset=_sequences(validation.examples, config) or None,
        data_collator=collate,
        callbacks=watchers,
    )
    sharding.refuse_if_unasked(config, tuner)
    tuner.remove_callback(PrinterCallback)  # Progress tells the same, and the time left
    _say_what_comes(config, training, model, tuner, start)
    try:
        tuner.train(resume_from_checkpoint=str(start) if start else None)
    except torch.OutOfMemoryError as error:
        raise StoppedError(
            f"step {tuner.state.global_step + 1}: the memory is full ({first_line(error)}) Lower "
            "`batch_size` or `max_seq_length`, or write `gradient_checkpointing: true`."
        ) from error
    finally:
        keep.stop_listening()
    step = tuner.state.global_step
    if keep.told_to_stop and step < tuner.state.max_steps:
        raise ToldToStopError(
            f"step {step}: told to stop, and checkpoint-{step} is whole. "
            "The same command goes on from there."
        )
    summary = _summary(tuner, training, time.monotonic() - began)
    whole = sharding.whole(tuner, lambda: shape(load(config, model_folder, tokenizer), config))
    if tuner.is_world_process_zero():
        results.save(whole, tokenizer, config, summary)
        print(f"done: {output / 'model'}", flush=True)
    tuner.accelerator.wait_for_everyone()
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    return summary


def _arguments(config: Config, *, validation: bool) -> TrainingArguments:
    """The same run in transformers' words."""
    every = config.checkpoints.every
    more = sharding.arguments(config)
    if every != "epoch":
        more |= {"save_steps": every, "eval_steps": every}
    often = "epoch" if every == "epoch" else "steps"
    return TrainingArguments(
        output_dir=config.output,
        learning_rate=config.learning_rate,
        lr_scheduler_type=(
            "constant_with_warmup" if config.scheduler == "constant" else config.scheduler
        ),
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        max_grad_norm=config.gradient_clipping or 0.0,
        num_train_epochs=config.epochs,
        max_steps=config.max_steps or -1,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=config.accumulation,
        gradient_checkpointing=config.gradient_checkpointing and config.sharding == "none",
        gradient_checkpointing_kwargs={"use_reentrant": False},
        bf16=config.precision == "bf16",
        fp16=config.precision == "fp16",
        use_cpu=not (torch.cuda.is_available() or torch.backends.mps.is_available()),
        seed=config.seed,
        data_seed=config.seed,
        save_strategy=often,
        eval_strategy=often if validation else "no",
        load_best_model_at_end=config.early_stopping is not None,
        metric_for_best_model="eval_loss" if config.early_stopping else None,
        greater_is_better=False if config.early_stopping else None,
        logging_steps=1,
        logging_nan_inf_filter=False,  # a loss that is no number ends the run
        report_to="none",
        disable_tqdm=True,
        torch_compile=config.compile,
        remove_unused_columns=False,
        ddp_find_unused_parameters=config.layers.add is not None,  # others use all they have
        **more,
    )


@torch.no_grad()
def _with_reference(
    prepared: Prepared, model: nn.Module, collate: Collate, config: Config
) -> Prepared:
    """Pairs with what the model makes of them before it learns, so that it needs no twin."""
    device = next(model.parameters()).device
    model.eval()
    pairs: list[Pair] = []
    for at in range(0, len(prepared.examples), config.batch_size):
        batch = prepared.examples[at : at + config.batch_size]
        tensors = {name: tensor.to(device) for name, tensor in collate(batch).items()}
        precise = config.precision == "fp32"
        with torch.autocast(device.type, TYPES[config.precision], enabled=not precise):
            found = answer_likelihoods(model, tensors).T.tolist()
        pairs += [replace(p, reference=(c, r)) for p, (c, r) in zip(batch, found, strict=True)]
    model.train()
    return replace(prepared, examples=pairs)


def _sequences(examples: list[Any], config: Config) -> list[Any]:
    return list(pack(examples, config.max_seq_length)) if config.packing else examples


def _say_what_comes(
    config: Config, training: Prepared, model: nn.Module, tuner: Tuner, start: Path | None
) -> None:
    if not tuner.is_world_process_zero():
        return
    total = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    print(f"{config.method} of {config.model}: {trained:,} of {total:,} parameters are trained")
    print(f"{len(training.examples)} rows; {training.cut} cut, {training.dropped} left out")
    if start:
        print(f"goes on from {start}")


def _summary(tuner: Tuner, training: Prepared, seconds: float) -> dict[str, Any]:
    history = tuner.state.log_history
    losses = [entry["loss"] for entry in history if "loss" in entry]
    measured = [entry for entry in history if "eval_loss" in entry]
    best = tuner.state.best_global_step
    chosen = next((e for e in measured if e["step"] == best), measured[-1] if measured else {})
    return {
        "steps": tuner.state.global_step,
        "rows": len(training.examples),
        "rows_cut": training.cut,
        "rows_left_out": training.dropped,
        "loss_first": losses[0],
        "loss_last": losses[-1],
        **({"step_chosen": best} if best else {}),
        **{k.replace("eval_", "validation_", 1): v for k, v in chosen.items() if k[:5] == "eval_"},
        "tokens": tuner.tokens_seen,
        "seconds": seconds,
        "peak_memory_bytes": peak_memory(),
    }


def _quiet() -> None:
    """What the libraries say of their own making isn't about this run."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    chatter.set_verbosity_error()
    chatter.disable_progress_bar()
