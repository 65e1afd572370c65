"""From a spec file to a story: its typed documents in the order they run, and every finding."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from jobs.files import UnreadableFileError, read_bounded
from jobs.findings import Finding, in_order
from jobs.spec.dialects import kind_of, translate
from jobs.spec.models import KINDS, Document, Spec
from jobs.spec.overrides import override
from jobs.spec.places import finding_at, found_in, place_of
from jobs.spec.reader import MAX_BYTES, Path, Problem, Tree, read
from jobs.spec.references import ALSO, PLACES, Reference, order, parse, texts_with_references
from jobs.spec.shape import fit, fit_rest
from jobs.suggestions import did_you_mean
from jobs.values import mapping


@dataclass(frozen=True, slots=True)
class Chapter:
    """One document of a story, with its place in the file."""

    spec: Spec
    file: str
    """The file as the user named it."""
    tree: Tree
    references: tuple[Reference, ...] = ()
    is_whole: bool = True
    """Whether all of the document fits its model; else what doesn't was left out."""

    @property
    def reference(self) -> str:
        """How messages and the graph name it: `finetuning.xbox-support`."""
        return self.spec.reference

    def local_path(self, written: str) -> FilePath | None:
        """A path of this document on this machine; None for `azureml:`, `https:` and the like."""
        return local_path(self.file, written)

    def finding(self, rule: str, path: Path, message: str, *, at_key: bool = False) -> Finding:
        """A finding about a field of this document."""
        return finding_at(self.file, self.tree, rule, path, message, at_key=at_key)

    def place(self, path: Path) -> str:
        """Where a field of this document is written: `spec.yaml:12`, or the --set argument."""
        return place_of(self.file, self.tree, path)


@dataclass(frozen=True, slots=True)
class Story:
    """A spec file, read."""

    file: str
    chapters: tuple[Chapter, ...]
    """The documents that could be read, those that others need first."""
    findings: tuple[Finding, ...]
    """Everything that is wrong with the file as a spec; its data is not looked at here."""

    @property
    def specs(self) -> tuple[Spec, ...]:
        """The typed documents, those that others need first."""
        return tuple(chapter.spec for chapter in self.chapters)

    def chapter(self, reference: str) -> Chapter | None:
        """The document called `type.name`, or that a `${{ … }}` names."""
        found = parse(reference)
        wanted = found.target if found else reference
        return next((chapter for chapter in self.chapters if chapter.reference == wanted), None)


def load(file: str | FilePath, *, overrides: Sequence[str] = ()) -> Story:
    """Read a spec file. Whatever is in it, the answer is documents and findings, never an error."""
    name = str(file)
    try:
        data = read_bounded(file, MAX_BYTES)
    except UnreadableFileError as error:
        problem = Problem("FT-S009", 0, 0, "", f"can't be read: {error}.")
        if "longer than" in str(error):
            problem = Problem("FT-S003", 0, 0, "", f"{error}; a spec needs no more.")
        return Story(name, (), (found_in(name, problem),))
    return load_bytes(data, name, overrides=overrides)


def load_bytes(data: bytes, file: str, *, overrides: Sequence[str] = ()) -> Story:
    """Read a spec from its bytes; `file` is what findings call it and where its paths begin."""
    trees, problems = read(data)
    reading = _Reading(file, [found_in(file, problem) for problem in problems])
    if overrides:
        for missed in override(trees, overrides):
            reading.findings.append(
                Finding(missed.argument, 0, 0, "", missed.message, "FT-S031", "error")
            )
    written = [tree for tree in trees if tree.value is not None]
    if not written and not problems:
        message = "no document is in it. Write type:, name:, model: and training_data:."
        reading.findings.append(found_in(file, Problem("FT-S010", 1, 1, "", message)))
    for tree in written:
        reading.document(tree)
    chapters = reading.connected()
    return Story(file, tuple(chapters), tuple(in_order(reading.findings)))


def local_path(file: str, written: str) -> FilePath | None:
    """A path as a spec writes it, on this machine; None for `azureml:`, `https:` and the like."""
    path = written.removeprefix("file:")
    if path.startswith("///"):
        path = path[2:]
    if path == written and _ELSEWHERE.match(written):
        return None
    folder = FilePath(file).parent
    return folder / path if path else None


_ELSEWHERE = re.compile(r"(azureml|https?|wasbs?|abfss?|adl|git\+\w+):|\$\{\{", re.IGNORECASE)


@dataclass(slots=True)
class _Reading:
    file: str
    findings: list[Finding]
    chapters: list[Chapter] = field(default_factory=list[Chapter])
    broken: set[str] = field(default_factory=set[str])
    """Documents that are in the file, but are no chapter: too little of them fits their model."""

    def document(self, tree: Tree) -> None:
        value = mapping(tree.value)
        if value is None:
            self._say(tree, "FT-S010", (), "a document is a mapping: type:, name:, model: ….")
            return
        translate(tree, lambda rule, path, message: self._say(tree, rule, path, message))
        kind = kind_of(value)
        model = KINDS.get(kind)
        if model is None:
            self._unknown_kind(tree, value, kind)
            return
        if not value.get("name"):
            value["name"] = _name_from(self.file)
            self._say(tree, "FT-S020", (), f"no name; '{value['name']}' is taken from the file's.")
        spec, misfits = fit(value, model)
        for misfit in misfits:
            self._say(tree, misfit.rule, misfit.path, misfit.message, at_key=misfit.at_key)
        spec = spec or fit_rest(value, model, misfits)
        if spec is None:
            self.broken.add(f"{kind}.{value['name']}")
        else:
            self._chapter(tree, spec, is_whole=not misfits)

    def _chapter(self, tree: Tree, spec: Document, *, is_whole: bool) -> None:
        first = next((c for c in self.chapters if c.reference == spec.reference), None)
        if first is not None:
            line, _ = first.tree.locate(())
            self._say(tree, "FT-S015", ("name",), f"line {line} has a '{spec.reference}' already.")
            return
        found: list[Reference] = []
        for path, text in texts_with_references(tree.value):
            if reference := self._reference(tree, spec, path, text):
                found.append(reference)
        # KINDS holds exactly the members of Spec.
        self.chapters.append(Chapter(spec, self.file, tree, tuple(found), is_whole))  # pyright: ignore[reportArgumentType]

    def _reference(self, tree: Tree, spec: Document, path: Path, text: str) -> Reference | None:
        if spec.kind == "command":
            return self._model_of(tree, path, text)
        if (spec.kind, path[0]) == ("evaluation", "request"):
            return None  # fields of rows: they are held against the data
        fields = path[:1] if len(path) <= 2 else [step for step in path if isinstance(step, str)]
        field = (spec.kind, ".".join(map(str, fields)))
        place = PLACES.get(field)
        if place is None:
            self._say(tree, "FT-S011", path, f"'{text[:60]}' has no meaning in this field.")
            return None
        reference = parse(text, path)
        if reference is None:
            message = f"'{text[:60]}' is not a reference. Write ${{{{ {place[0]}.<name>"
            message += f".{place[1]} }}}}." if place[1] else " }}."
            self._say(tree, "FT-S011", path, message)
            return None
        kinds = (place[0], *ALSO.get(field, ()))
        if reference.kind not in kinds or reference.attribute not in (place[1], "name"):
            kind = reference.kind if reference.kind in kinds else place[0]
            right = Reference(kind, reference.name, place[1], ())
            self._say(tree, "FT-S014", path, f"{reference} does not fit here. Write {right}.")
            return None
        return reference

    def _model_of(self, tree: Tree, path: Path, text: str) -> Reference | None:
        """A model that another document makes; `${{inputs.data}}` and its like are Azure ML's."""
        is_input = len(path) == 3 and (path[0], path[2]) == ("inputs", "path")
        reference = parse(text, path) if is_input else None
        if reference is None or reference.kind not in ("finetuning", "command"):
            return None
        if reference.attribute != "registered_model":
            right = Reference(reference.kind, reference.name, "registered_model", ())
            self._say(tree, "FT-S014", path, f"{reference} does not fit here. Write {right}.")
            return None
        return reference

    def connected(self) -> list[Chapter]:
        """The chapters in the order they run, after every reference has been held to its end."""
        by_name = {chapter.reference: chapter for chapter in self.chapters}
        edges: dict[str, list[str]] = {name: [] for name in by_name}
        for chapter in self.chapters:
            for reference in chapter.references:
                if reference.target in by_name:
                    edges[chapter.reference].append(reference.target)
                elif reference.target not in self.broken:
                    self._dangling(chapter, reference, by_name)
        ordered, circle = order(edges)
        if circle:
            chapter = by_name[circle[0]]
            reference = next(r for r in chapter.references if r.target == circle[1])
            drawn = " -> ".join(circle)
            self._say(chapter.tree, "FT-S013", reference.path, f"goes in a circle: {drawn}.")
            return self.chapters
        return [by_name[name] for name in ordered]

    def _dangling(
        self, chapter: Chapter, reference: Reference, by_name: dict[str, Chapter]
    ) -> None:
        there = [target.split(".", 1) for target in (*by_name, *sorted(self.broken))]
        names = [name for kind, name in there if kind == reference.kind]
        hint = did_you_mean(reference.name, names)
        if not hint and names:
            hint = f" There is: {', '.join(f'{reference.kind}.{name}' for name in names)}."
        elif not hint:
            hint = f" This file has no {reference.kind} document."
        message = f"'{chapter.reference}' refers to '{reference.target}', which is not here.{hint}"
        self._say(chapter.tree, "FT-S012", reference.path, message)

    def _unknown_kind(self, tree: Tree, value: dict[str, Any], kind: str) -> None:
        if "type" not in value:
            message = f"is missing. One of: {', '.join(KINDS)}."
            self._say(tree, "FT-S005", ("type",), message, at_key=True)
            return
        hint = did_you_mean(kind, KINDS) or f" One of: {', '.join(KINDS)}."
        self._say(tree, "FT-S008", ("type",), f"'{str(value['type'])[:60]}' is not a type.{hint}")
        if isinstance(value.get("name"), str):
            self.broken.update(f"{known}.{value['name']}" for known in KINDS)

    def _say(
        self, tree: Tree, rule: str, path: Path, message: str, *, at_key: bool = False
    ) -> None:
        self.findings.append(finding_at(self.file, tree, rule, path, message, at_key=at_key))


def _name_from(file: str) -> str:
    stem = re.sub(r"[^a-zA-Z0-9-]+", "-", FilePath(file).stem).strip("-")
    return stem or "spec"
