"""Files of conversations, one a line: check, split, clean, describe, screen, collect new ones.

foundry-tune dataset check train.jsonl --validation valid.jsonl
foundry-tune dataset check examples/intents/train.jsonl --task classification
foundry-tune dataset split all.jsonl --share 0.2 --seed 13
foundry-tune dataset fix   train.jsonl --to train.clean.jsonl
foundry-tune dataset fix   chats.csv --from csv --user question --assistant answer
foundry-tune dataset stats train.jsonl -o html > stats.html
foundry-tune dataset screen train.jsonl
foundry-tune dataset collect answers.jsonl --train train.jsonl --test test.jsonl
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.options import add_output, add_strict

if TYPE_CHECKING:
    from jobs.dataset.check import Checked
    from jobs.dataset.layout import Columns
    from jobs.findings import Finding

TASKS = ("chat_completion", "text_completion")
ROW_TASKS = ("chat", "text", "classification", "preference")
"""What a training of one's own learns, each with rows of its own (`jobs.dataset.rows`)."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line of each action."""
    from jobs.terminal.findings import FORMS

    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="everything that is wrong with files, line by line")
    _add_files(check, (*TASKS, *ROW_TASKS))
    add_output(check, FORMS)
    add_strict(check)
    split = actions.add_parser("split", help="training and validation, without leakage")
    _add_file(split)
    split.add_argument("--share", type=float, default=0.2, help="the share to hold out (0.2)")
    split.add_argument("--seed", type=int, default=13, help="another seed holds out others (13)")
    split.add_argument(
        "--group-by", metavar="FIELD", help="lines with an equal field stay together"
    )
    split.add_argument("--train", metavar="FILE", help="where to write (FILE.train.jsonl)")
    split.add_argument(
        "--validation", metavar="FILE", help="where to write (FILE.validation.jsonl)"
    )
    _add_force(split)
    add_output(split)
    fix = actions.add_parser("fix", help="a cleaned copy, and a list of what was done")
    _add_file(fix)
    fix.add_argument("--to", metavar="FILE", help="where to write (FILE.fixed.jsonl)")
    fix.add_argument(
        "--mask", action="store_true", help="placeholders for secrets and personal data"
    )
    fix.add_argument("--from", dest="origin", choices=("csv",), help="the file is a table (CSV)")
    for role in ("user", "assistant", "system"):
        fix.add_argument(f"--{role}", metavar="COLUMN", default="", help=f"the {role}'s column")
    _add_force(fix)
    add_output(fix)
    stats = actions.add_parser("stats", help="counts, lengths, tokens, with a picture")
    _add_files(stats)
    add_output(stats, ("table", "json", "yaml", "html"))
    screen = actions.add_parser(
        "screen", help="harmful content, by Azure AI Content Safety where configured"
    )
    _add_file(screen)
    screen.add_argument(
        "--endpoint",
        metavar="URL",
        help="an AI Services account (AZURE_CONTENT_SAFETY_ENDPOINT; built-in rules without)",
    )
    screen.add_argument("-y", "--yes", action="store_true", help="don't ask before spending")
    add_output(screen, FORMS)
    add_strict(screen)
    collect = actions.add_parser(
        "collect", help="the worst answers and real questions, as rows for a person to review"
    )
    collect.add_argument(
        "file",
        type=Path,
        metavar="FILE|NAME",
        help="lines of {messages, answer, expected, scores}, {messages} or {question}; or a name, "
        "whose newest kept answers are taken",
    )
    for role, what in (("train", "training or validation"), ("test", "test")):
        collect.add_argument(
            f"--{role}",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help=f"a {what} file: what it asks is not collected again",
        )
    collect.add_argument("--to", metavar="FILE", help="where to write (FILE.todo.jsonl)")
    collect.add_argument(
        "--worst", type=int, default=50, metavar="N", help="how many scored answers (50)"
    )
    collect.add_argument("--metric", default="", help="the score that counts (their mean)")
    _add_force(collect)
    add_output(collect)


def run(arguments: Namespace) -> int:
    """Do what is asked."""
    actions: dict[str, Callable[[Namespace], int]] = {
        "check": _check,
        "split": _split,
        "fix": _fix,
        "stats": _stats,
        "screen": _screen,
        "collect": _collect,
    }
    return actions[arguments.action](arguments)


def _add_file(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a .jsonl file")
    parser.add_argument("--task", choices=TASKS, default=TASKS[0], help="the form of a line")


def _add_force(parser: ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="write over files that are there")


def _add_files(parser: ArgumentParser, tasks: Sequence[str] = TASKS) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="training files")
    for role in ("validation", "test"):
        parser.add_argument(
            f"--{role}",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help=f"a {role} file",
        )
    parser.add_argument("--task", choices=tasks, default=TASKS[0], help="the form of a line")
    parser.add_argument(
        "--model", default="", help="the model it is for: its context and its tokens"
    )
    parser.add_argument("--epochs", type=int, default=1, help="passes over the data (1)")
    parser.add_argument("--batch-size", type=int, default=1, help="conversations a step (1)")
    parser.add_argument("--tokenizer", type=Path, metavar="FILE", help="the model's tokenizer.json")


def _check(arguments: Namespace) -> int:
    if arguments.task in ROW_TASKS:
        return _check_rows(arguments)
    checked = _checked(arguments)
    counts = {item.file.name: item.tally.conversations for item in checked.files}
    return _tell_findings(checked.findings, counts, arguments)


def _check_rows(arguments: Namespace) -> int:
    """Rows of a training of one's own: their form, and secrets; no tokens are counted."""
    from jobs.dataset.check import DataFile
    from jobs.dataset.rows import check_rows
    from jobs.errors import UsageError
    from jobs.files import UnreadableFileError

    for name in ("model", "epochs", "batch_size", "tokenizer"):
        if getattr(arguments, name) not in ("", 1, None):
            raise UsageError(
                f"--{name.replace('_', '-')} has no effect on rows of --task {arguments.task}.",
                next_step="Leave it out, or check the spec: foundry-tune validate SPEC",
            )
    findings: list[Finding] = []
    counts: dict[str, int] = {}
    for path in (*arguments.files, *arguments.validation, *arguments.test):
        name = DataFile(path).name
        try:
            rows = check_rows(path, name, arguments.task)
        except UnreadableFileError as error:
            raise UsageError(f"{path} can't be read: {error}.") from error
        findings += rows.findings
        counts[name] = rows.count
    return _tell_findings(findings, counts, arguments)


def _screen(arguments: Namespace) -> int:
    from jobs.dataset.check import DataFile
    from jobs.dataset.screen import by_rules, count, screen
    from jobs.errors import UsageError
    from jobs.files import UnreadableFileError
    from jobs.foundry.content_safety import Analyzer, configured
    from jobs.terminal.output import passing, progress
    from jobs.terminal.question import confirmed

    endpoint = configured(arguments.endpoint)
    file, task = DataFile(arguments.file), arguments.task
    try:
        total = count(file.path, task)
        by = f"Azure AI Content Safety at {endpoint}" if endpoint else "a built-in rule"
        question = f"Send {total:,} conversations to {by}? Each call costs a little."
        if endpoint and not confirmed(question, yes=arguments.yes):
            progress("Nothing was sent.")
            return 0
        judge = Analyzer(endpoint) if endpoint else by_rules
        findings = screen(
            file.path,
            file.name,
            judge,
            by="Azure AI Content Safety" if endpoint else by,
            task=task,
            tell=lambda done: passing(f"{file.name}: {done:,} of {total:,} judged …"),
        )
        passing("")
        if isinstance(judge, Analyzer):
            judge.close()
    except UnreadableFileError as error:
        raise UsageError(f"{arguments.file} can't be read: {error}.") from error
    progress(
        f"Judged by {by}."
        if endpoint
        else "Judged by the built-in rules, which miss most harm: AZURE_CONTENT_SAFETY_ENDPOINT is "
        "not set."
    )
    judged_by = "azure_ai_content_safety" if endpoint else "built_in_rules"
    return _tell_findings(findings, {file.name: total}, arguments, judged_by=judged_by)


def _tell_findings(
    findings: "Sequence[Finding]",
    counts: dict[str, int],
    arguments: Namespace,
    **more: object,
) -> int:
    from jobs.findings import refuses
    from jobs.terminal.findings import as_records, as_text, as_tool, summary
    from jobs.terminal.output import emit, emit_structured, tell

    refused = refuses(findings, strict=arguments.strict)
    if (for_tool := as_tool(arguments.output, findings, list(counts))) is not None:
        emit(for_tool)
    elif arguments.output != "table":
        result: dict[str, object] = {"valid": not refused, "conversations": counts, **more}
        emit_structured({**result, "findings": as_records(findings)}, arguments.output)
    else:
        if findings:
            tell(as_text(findings))
        tell(summary(findings))
    return 3 if refused else 0


def _split(arguments: Namespace) -> int:
    from jobs.dataset.split import split_file
    from jobs.errors import UsageError
    from jobs.files import UnreadableFileError
    from jobs.terminal.findings import as_records, as_text
    from jobs.terminal.output import emit_structured, tell

    if not 0 < arguments.share < 1:
        raise UsageError(f"--share {arguments.share:g} is no share.", next_step="Give 0.2, say.")
    train = Path(arguments.train) if arguments.train else _beside(arguments.file, "train")
    held = (
        Path(arguments.validation)
        if arguments.validation
        else _beside(arguments.file, "validation")
    )
    if len({path.resolve() for path in (arguments.file, train, held)}) < 3:
        raise UsageError("The file and its two parts have to be three different files.")
    try:
        split = split_file(
            arguments.file,
            train,
            held,
            share=arguments.share,
            seed=arguments.seed,
            group_by=arguments.group_by,
            task=arguments.task,
            overwrite=arguments.force,
        )
    except UnreadableFileError as error:
        raise UsageError(f"{arguments.file} can't be read: {error}.") from error
    if arguments.output != "table":
        result: dict[str, object] = {
            "training": {"file": str(train), "conversations": split.training},
            "validation": {"file": str(held), "conversations": split.validation},
            "seed": split.seed,
            "groups": split.groups,
            "strata": split.strata,
            "tells": split.tells,
            "lines_left_out": split.lines_left_out,
            "left_out": as_records(split.left_out),
        }
        emit_structured(result, arguments.output)
        return 0
    if split.left_out:
        tell(as_text(split.left_out))
        tell(f"Lines that went to neither side: {split.lines_left_out:,}.\n")
    tell(f"{train}  {split.training:,} conversations")
    tell(f"{held}  {split.validation:,} conversations ({split.share:.1%})")
    tell(f"{split.groups:,} groups kept together, {split.strata:,} kinds shared out.")
    tell(split.tells)
    return 0


def _fix(arguments: Namespace) -> int:
    from jobs.dataset.fix import fix_file
    from jobs.errors import UsageError
    from jobs.files import UnreadableFileError
    from jobs.terminal.output import emit_structured, tell

    target = Path(arguments.to) if arguments.to else _beside(arguments.file, "fixed")
    try:
        fixed = fix_file(
            arguments.file,
            target,
            task=arguments.task,
            mask=arguments.mask,
            columns=_columns(arguments),
            overwrite=arguments.force,
        )
    except UnreadableFileError as error:
        raise UsageError(f"{arguments.file} can't be read: {error}.") from error
    if arguments.output != "table":
        result: dict[str, object] = {
            "file": str(target),
            "lines_read": fixed.read,
            "conversations_written": fixed.written,
            "done": [{"line": deed.line, "what": deed.what} for deed in fixed.deeds],
        }
        emit_structured(result, arguments.output)
        return 0
    for deed in fixed.deeds:
        tell(f"{arguments.file}:{deed.line}: {deed.what}")
    counts = f"{fixed.written:,} conversations of {fixed.read:,} rows"
    tell(f"{target}  {counts}, {len(fixed.deeds):,} changes.")
    return 0


def _collect(arguments: Namespace) -> int:
    from jobs.dataset.collect import collect_file
    from jobs.errors import UsageError
    from jobs.files import UnreadableFileError
    from jobs.proof.metrics import token_f1
    from jobs.terminal.output import emit_structured, tell

    if arguments.worst < 0:
        raise UsageError(f"--worst {arguments.worst} is no number of answers.")
    file, target = _answers(arguments)
    try:
        found = collect_file(
            file,
            target,
            known=arguments.train,
            test=arguments.test,
            worst=arguments.worst,
            metric=arguments.metric,
            score=token_f1,
            overwrite=arguments.force,
        )
    except UnreadableFileError as error:
        names = ", ".join(map(str, (file, *arguments.train, *arguments.test)))
        raise UsageError(f"One of {names} can't be read: {error}.") from error
    if arguments.output != "table":
        result: dict[str, object] = {
            "file": str(target),
            "answers": str(file),
            "lines_read": found.read,
            "rows_to_review": found.written,
            "to_be_asked_in_other_words": found.alike,
            "good_enough": found.good,
            "left_out": [{"line": one.line, "why": one.why} for one in found.left_out],
        }
        emit_structured(result, arguments.output)
        return 0
    for one in found.left_out:
        tell(f"{file}:{one.line}: left out: {one.why}")
    tell(f"{target}  {found.written:,} rows to review, of {found.read:,} lines.")
    if found.alike:
        tell(
            f"{found.alike:,} of them are questions of the test set: ask one like it, in other "
            "words."
        )
    if found.written:
        tell('Write the right answers and take "status" out; until then training refuses them.')
    return 0


def _answers(arguments: Namespace) -> tuple[Path, Path]:
    """The answers to collect from, and where to: a file, or the newest that are kept of a name."""
    from jobs.errors import UsageError
    from jobs.proof.answers import newest_of

    given: Path = arguments.file
    kept = None if given.exists() else newest_of(str(given), Path.cwd())
    if kept is None:
        return given, Path(arguments.to) if arguments.to else _beside(given, "todo")
    if not arguments.test:
        raise UsageError(
            f"The answers of '{given}' are to questions of a test set, and no training may have "
            "these.",
            next_step="Name it: --test FILE. Each row asks then for a question like one of them.",
        )
    return kept, Path(arguments.to or f"{given}.todo.jsonl")


def _columns(arguments: Namespace) -> "Columns | None":
    from jobs.dataset.layout import Columns
    from jobs.errors import UsageError

    names = Columns(arguments.user, arguments.assistant, arguments.system)
    if not arguments.origin:
        if any(names):
            raise UsageError(
                "Columns are those of a table.", next_step="Add --from csv, if it is one."
            )
        return None
    if not names.user or not names.assistant:
        raise UsageError(
            "A table needs to be told which columns are what.",
            next_step="Give --user COLUMN and --assistant COLUMN.",
        )
    return names


def _stats(arguments: Namespace) -> int:
    from jobs.dataset.page import page, rows_of
    from jobs.dataset.survey import histogram
    from jobs.terminal.output import emit, emit_structured, style, table, tell

    checked = _checked(arguments, near=False)
    if not checked.files:
        return _check_nothing(checked)
    if arguments.output == "html":
        emit(page(checked.files).rstrip("\n"))
        return 0
    if arguments.output != "table":
        emit_structured({"files": [_figures(item) for item in checked.files]}, arguments.output)
        return 0
    for item in checked.files:
        tell(style(item.file.name, "bold"))
        tell(table(rows_of(item), indent="  "))
        bars = histogram(item.survey.token_counts)
        most = max((count for _, _, count in bars), default=0) or 1
        tell("  tokens a conversation")
        rows = [
            (f"{low:>7,} – {high:,}", "█" * -(-count * 50 // most), f"{count:,}" if count else "")
            for low, high, count in bars
        ]
        tell(table(rows, indent="  "))
    return 0


def _check_nothing(checked: "Checked") -> int:
    from jobs.errors import InvalidInputError

    raise InvalidInputError("There is nothing to describe.", findings=checked.findings)


def _figures(item: object) -> dict[str, object]:
    from jobs.dataset.check import Looked
    from jobs.dataset.survey import histogram

    assert isinstance(item, Looked)
    found, tokens = item.survey, item.survey.tokens
    return {
        "file": item.file.name,
        "role": item.file.role,
        "lines": item.tally.lines,
        "conversations": item.tally.conversations,
        "bytes": item.stamp.size,
        "tokens": {"low": tokens.low, "high": tokens.high, "basis": tokens.basis},
        "system_prompts": len(found.system_prompts),
        "scripts": dict(found.scripts.most_common()),
        "labels": dict(found.labels.most_common(50)) if found.has_labels else {},
        "tokens_histogram": [
            {"from": low, "to": high, "conversations": count}
            for low, high, count in histogram(found.token_counts)
        ],
    }


def _checked(arguments: Namespace, *, near: bool = True) -> "Checked":
    from jobs.dataset.check import DataFile, TrainedWith, check
    from jobs.terminal.output import passing

    files = [DataFile(path) for path in arguments.files]
    files += [DataFile(path, "validation") for path in arguments.validation]
    files += [DataFile(path, "test") for path in arguments.test]
    training = TrainedWith(
        model=arguments.model,
        epochs=max(1, arguments.epochs),
        batch_size=max(1, arguments.batch_size),
        has_validation=bool(arguments.validation),
        tokenizer=arguments.tokenizer,
    )
    return check(files, task=arguments.task, training=training, near=near, tell=passing)


def _beside(path: Path, part: str) -> Path:
    return path.with_name(f"{path.name.removesuffix('.jsonl')}.{part}.jsonl")
