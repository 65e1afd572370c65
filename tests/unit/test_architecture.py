"""The doors between the rooms, and the floors in them: kept by a test and not by memory."""

import ast
import sys
from pathlib import Path

import pytest

from tools import imports

ROOT = Path(__file__).parents[2]
ROOMS = ("infra", "jobs", "emulator", "minipulumi", "policy")
RULED = {"infra": {"policy"}, "jobs": {"policy"}}
"""The rooms that hold what they have against the platform team's rules."""

SDKS = {"azure", "openai", "pulumi", "msal"}

HEAVY = {
    *("azure", "cryptography", "google", "grpc", "importlib", "jwt", "msgspec", "numpy", "openai"),
    *("jinja2", "jsonschema", "pathspec", "pulumi", "rich", "ruamel", "sacrebleu", "tokenizers"),
    *("xml", "yaml"),
}
"""Packages that cost milliseconds to import: only these, and what rests on them, may come late."""

COMMAND_LINES = ("jobs/verbs/", "jobs/cli.py", "emulator/verbs/", "emulator/cli.py")
"""Where a verb imports what it needs when it is named."""


# ── between rooms ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_no_other_room(room: str) -> None:
    others = set(ROOMS) - {room} - RULED.get(room, set())
    for source in sources(room):
        doors = packages(source) & others
        assert not doors, f"{source.relative_to(ROOT)} imports {sorted(doors)}"


def test_only_the_gateway_of_jobs_imports_azure() -> None:
    for source in sources("jobs"):
        if source.is_relative_to(ROOT / "jobs" / "foundry"):
            continue
        assert not packages(source) & SDKS, source


def test_the_emulator_imports_nothing_of_azures_sdks() -> None:
    for source in sources("emulator"):
        assert not packages(source) & SDKS, source


def test_the_rules_need_nothing_but_a_reader_of_types() -> None:
    standard = {*sys.stdlib_module_names, "policy", "msgspec"}
    for source in sources("policy"):
        assert packages(source) <= standard, source


def test_the_training_program_and_the_rooms_know_nothing_of_each_other() -> None:
    """It is uploaded as one folder, and what imports it would import torch."""
    for source in sources("training"):
        assert not packages(source) & {*ROOMS, *SDKS, "tools"}, source
    for source in [file for room in (*ROOMS, "tools") for file in sources(room)]:
        assert not packages(source) & {"train", "training", "tuning"}, source


# ── in a room ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("room", imports.FLOORS)
def test_every_folder_of_a_room_has_its_floor(room: str) -> None:
    named = [name for floor in imports.FLOORS[room] for name in floor]
    assert sorted(named) == sorted(imports.edges_of_folders(room))


@pytest.mark.parametrize("room", imports.FLOORS)
def test_no_import_runs_up(room: str) -> None:
    floor = {name: n for n, names in enumerate(imports.FLOORS[room]) for name in names}
    for arrow in imports.arrows(room):
        start, end = imports.place(arrow.importer), imports.place(arrow.imported)
        if start and end and start != end:
            assert floor[end] < floor[start], f"{arrow.importer}:{arrow.line} -> {arrow.imported}"


@pytest.mark.parametrize("room", ROOMS)
def test_no_files_import_each_other_in_a_circle(room: str) -> None:
    assert imports.circles(imports.edges_of_files(room)) == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_folder_says_in_a_sentence_what_it_is(room: str) -> None:
    for folder in sorted({source.parent for source in sources(room)}):
        text = (folder / "__init__.py").read_text(encoding="utf-8")
        said = ast.get_docstring(ast.parse(text)) or ""
        assert said.splitlines()[0].endswith("."), folder


@pytest.mark.parametrize("room", ["jobs", "emulator"])
def test_what_is_imported_late_is_heavy(room: str) -> None:
    files = imports.modules(room)
    for source in sources(room):
        if source.relative_to(ROOT).as_posix().startswith(COMMAND_LINES):
            continue
        tree = ast.parse(source.read_text(encoding="utf-8"))
        for node, late in imports.imports_of(tree):
            if not late or not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            for name in imports.named(node):
                where = f"{source.relative_to(ROOT)}:{node.lineno} imports {name} late"
                assert is_heavy(name, files), where


def test_an_import_is_seen_wherever_and_however_it_is_written(tmp_path: Path) -> None:
    source = tmp_path / "x.py"
    source.write_text(
        "import jobs.plan\n"
        "def f(verb):\n"
        "    from jobs.apply import run\n"
        "    import_module('jobs.cli')\n"
        "    importlib.import_module(f'jobs.verbs.{verb}')\n"
    )
    found = [
        (name, late)
        for node, late in imports.imports_of(ast.parse(source.read_text()))
        for name in imports.named(node)
    ]
    assert found == [
        ("jobs.plan", False),
        ("jobs.apply.run", True),
        ("jobs.cli", True),
        ("jobs.verbs", True),
    ]


def test_a_circle_is_found() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set[str]()}
    assert imports.circles(edges) == [["a", "b", "c"]]


def test_the_page_shows_the_imports_as_they_are() -> None:
    text = imports.PAGE.read_text(encoding="utf-8")
    assert imports.page(text) == text, "make docs"


def test_no_file_is_longer_than_600_lines() -> None:
    for room in (*ROOMS, "training"):
        for source in sources(room):
            lines = len(source.read_text(encoding="utf-8").splitlines())
            assert lines <= 600, f"{source.relative_to(ROOT)} has {lines} lines"


def test_no_two_classes_of_jobs_share_a_name() -> None:
    places: dict[str, Path] = {}
    for source in sources("jobs"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                first = places.setdefault(node.name, source)
                assert first == source, f"{node.name}: {first} and {source}"


# ── reading files ───────────────────────────────────────────────────────────────────────────────


def sources(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def packages(source: Path) -> set[str]:
    """The top-level packages that a file imports, wherever and however it does so."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    return {
        name.split(".")[0] for node, _ in imports.imports_of(tree) for name in imports.named(node)
    }


def is_heavy(name: str, files: dict[str, Path], seen: frozenset[str] = frozenset()) -> bool:
    """Whether an import loads a heavy package, itself or by what it imports at its top."""
    module = name if name in files else name.rpartition(".")[0]
    if module not in files:
        return name.split(".")[0] in HEAVY
    if module in seen:
        return False
    tree = ast.parse(files[module].read_text(encoding="utf-8"))
    return any(
        is_heavy(inner, files, seen | {module})
        for node, late in imports.imports_of(tree)
        if not late and isinstance(node, ast.Import | ast.ImportFrom)
        for inner in imports.named(node)
    )
