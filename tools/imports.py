"""Who imports whom, read from the files, and the floors that each room's folders stand on.

`make docs` draws it into docs/architecture.md; tests hold the files to it.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"

Floors = Sequence[tuple[str, ...]]
"""From the ground up: folders, and files (`errors`) that lie in the room itself."""

FLOORS: Mapping[str, Floors] = {
    "jobs": (
        ("findings", "revision", "side_by_side", "suggestions", "values", "options"),
        ("errors", "rules"),
        ("files", "terminal", "catalog"),
        ("target", "repository", "github", "folders"),
        ("spec", "dataset", "foundry"),
        ("money", "look"),
        ("read",),
        ("plan", "arguments"),
        ("proof",),
        ("apply", "report", "watch"),
        ("verbs",),
        ("cli",),
    ),
    "emulator": (
        ("state", "grammar", "words"),
        ("http", "training"),
        ("arm",),
        ("service",),
        ("services",),
        ("front",),
        ("page",),
        ("rehearsal",),
        ("server",),
        ("living",),
        ("options",),
        ("verbs",),
        ("cli", "pytest_plugin"),
    ),
}
"""An import may only lead down, or stay in its folder."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One import between two files of a room, by their dotted names."""

    importer: str
    imported: str
    late: bool
    """Whether it stands in a function."""
    line: int


@cache
def arrows(room: str) -> tuple[Arrow, ...]:
    """Every import between files of a room, `import_module("…")` and type checking's too."""
    files = modules(room)
    return tuple(
        Arrow(name, target, late, line)
        for name, path in files.items()
        for target, late, line in _imports(path, room, files)
        if target != name
    )


def modules(room: str) -> dict[str, Path]:
    """The files of a room by dotted name; a folder's `__init__` has the folder's."""
    found: dict[str, Path] = {}
    for path in sorted((ROOT / room).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def place(module: str) -> str:
    """The folder of a module in its room, or its own name where it lies in the room itself."""
    return module.split(".")[1] if "." in module else ""


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """The sets of nodes that lead to each other (Tarjan), largest first."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        path.append(node)
        for other in sorted(edges.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in path:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            circle = path[path.index(node) :]
            del path[path.index(node) :]
            found.append(sorted(circle))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return sorted((circle for circle in found if len(circle) > 1), key=len, reverse=True)


def edges_of_files(room: str) -> dict[str, set[str]]:
    """Each file with those it imports."""
    edges: dict[str, set[str]] = {name: set() for name in modules(room)}
    for arrow in arrows(room):
        edges[arrow.importer].add(arrow.imported)
    return edges


def edges_of_folders(room: str) -> dict[str, set[str]]:
    """Each folder, and each file that lies in the room itself, with those it imports."""
    edges: dict[str, set[str]] = {place(name): set() for name in modules(room) if place(name)}
    for arrow in arrows(room):
        start, end = place(arrow.importer), place(arrow.imported)
        if start and end and start != end:
            edges[start].add(end)
    return edges


def picture(room: str) -> str:
    """A room's folders on their floors, as Mermaid draws them: the ground is at the bottom."""
    edges = edges_of_folders(room)
    lines = ["```mermaid", "flowchart TB"]
    for number, floor in reversed(list(enumerate(FLOORS[room]))):
        lines.append(f'  subgraph floor{number}[" "]')
        lines += [f"    {_node(room, name)}" for name in floor]
        lines.append("  end")
    lines += [f"  {name} --> {other}" for name in sorted(edges) for other in _nearest(edges, name)]
    return "\n".join([*lines, "```"])


def _nearest(edges: Mapping[str, set[str]], name: str) -> list[str]:
    """The arrows that say something: an import that a shown one leads to anyway is left out."""
    reached = {deep for other in edges[name] for deep in _below(edges, other)}
    return sorted(edges[name] - reached)


def _below(edges: Mapping[str, set[str]], name: str) -> set[str]:
    found: set[str] = set()
    left = list(edges.get(name, ()))
    while left:
        node = left.pop()
        if node not in found:
            found.add(node)
            left += edges.get(node, ())
    return found


def _node(room: str, name: str) -> str:
    return f'{name}["{name}/"]' if (ROOT / room / name).is_dir() else f'{name}(["{name}.py"])'


def _imports(path: Path, room: str, files: Mapping[str, Path]) -> Iterator[tuple[str, bool, int]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node, late in imports_of(tree):
        for name in named(node):
            # `from jobs.plan import report` names a module; `from jobs.errors import X` doesn't.
            target = name if name in files else name.rpartition(".")[0]
            if target in files and target.split(".")[0] == room:
                yield target, late, node.lineno


def named(node: ast.stmt | ast.expr) -> list[str]:
    """What an import statement, or a call of `import_module`, names in full."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and node.args:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        called = node.func.id if isinstance(node.func, ast.Name) else called
        given = node.args[0]
        if called == "import_module" and isinstance(given, ast.Constant):
            return [str(given.value)]
        if called == "import_module" and isinstance(given, ast.JoinedStr):
            # f"jobs.verbs.{verb}": every module of that folder.
            first = given.values[0]
            if isinstance(first, ast.Constant):
                return [str(first.value).rstrip(".")]
    return []


def imports_of(node: ast.AST, *, late: bool = False) -> Iterator[tuple[ast.stmt | ast.expr, bool]]:
    """Every import and every call below a node, and whether it stands in a function."""
    for child in ast.iter_child_nodes(node):
        inside = late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        if isinstance(child, ast.Import | ast.ImportFrom | ast.Call):
            yield child, late
        yield from imports_of(child, late=inside)


def page(text: str) -> str:
    """The page with its pictures as the files are now."""
    for room in FLOORS:
        start, end = f"<!-- imports of {room} -->\n", f"<!-- /imports of {room} -->"
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = f"{before}{start}{picture(room)}\n{end}{after}"
    return text


def counts(room: str) -> str:
    """How large a room's net of imports is, in a line."""
    files, folders = edges_of_files(room), edges_of_folders(room)
    return (
        f"{room}: {len(files)} files, {sum(map(len, files.values()))} arrows; "
        f"{len(folders)} places on {len(FLOORS[room])} floors, "
        f"{sum(map(len, folders.values()))} arrows; circles: {circles(files) or 'none'}"
    )
