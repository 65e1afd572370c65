"""Holds plain values against a document's model and says everything that does not fit.

`msgspec.convert` decides and is fast, but stops at the first mistake. Only when it refuses, the
same model is walked here to find all of them, in words. What `az ml` lets pass passes here too:
`type: MLFlow_Model` for `mlflow_model`, a number in quotes.
"""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import inspect as types

from jobs.spec.reader import Path
from jobs.suggestions import did_you_mean
from jobs.terminal.output import printable
from jobs.values import mapping

S = TypeVar("S", bound=msgspec.Struct)

_LISTS = (types.VarTupleType, types.ListType, types.TupleType)


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that does not fit its model."""

    rule: str
    path: Path
    message: str
    at_key: bool = False
    """Whether the key is to blame (an unknown field) and not the value."""


def fit(value: Any, model: type[S]) -> tuple[S | None, list[Misfit]]:
    """The value as an instance of the model, or everything that keeps it from being one.

    The value may be changed: words that only differ in case from the right ones become them.
    """
    try:
        return msgspec.convert(value, model, strict=False), []
    except (msgspec.ValidationError, OverflowError):
        pass
    misfits: list[Misfit] = []
    _Walk(misfits).check(value, _type_info(model), (), None, None)
    if misfits:
        return None, misfits
    try:
        return msgspec.convert(value, model, strict=False), []
    except (msgspec.ValidationError, OverflowError) as error:  # nothing the walk knows to explain
        return None, [Misfit("FT-S006", (), f"{error}.")]


def fit_rest(value: dict[str, Any], model: type[S], misfits: Sequence[Misfit]) -> S | None:
    """The value without what does not fit, if that is enough for the model.

    What comes of it must not run: it is there so that whatever else is wrong is found as well.
    """
    rest = copy.deepcopy(value)
    for misfit in misfits:
        _drop(rest, misfit.path)
    try:
        return msgspec.convert(rest, model, strict=False)
    except (msgspec.ValidationError, OverflowError):
        return None


def _drop(value: Any, path: Path) -> None:
    """Takes the field at the path away, or the item of a list that holds it."""
    for length, step in enumerate(path, 1):
        last = length == len(path) or isinstance(path[length], int)
        if last and (fields := mapping(value)) is not None:
            fields.pop(str(step), None)
            return
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return


def fields_of(model: type[msgspec.Struct]) -> dict[str, types.Field]:
    """The model's fields by the word that YAML uses."""
    info = cast("types.StructType", _type_info(model))
    return {field.encode_name: field for field in info.fields}


@cache
def _type_info(model: type) -> types.Type:
    return types.type_info(model)


@dataclass(slots=True)
class _Walk:
    misfits: list[Misfit]

    def check(
        self,
        value: Any,
        kind: types.Type,
        path: Path,
        parent: dict[str, Any] | list[Any] | None,
        step: str | int | None,
    ) -> None:
        """Note what is wrong with `value`, which sits in `parent` under `step`."""
        options = _options(kind)
        if value is None and any(isinstance(option, types.NoneType) for option in options):
            return
        fitting = [option for option in options if _is_of(value, option)]
        if not fitting:
            # Text that stands for a number, as every value in `az ml`'s hyperparameters does.
            fitting = [option for option in options if _reads_as(value, option)]
        if not fitting:
            self._say("FT-S006", path, f"{_what(value)} where {_wanted(options)} is expected.")
            return
        before = len(self.misfits)
        for index, option in enumerate(fitting):
            self.misfits[before:] = []
            self._check_one(value, option, path, parent, step)
            if len(self.misfits) == before or index == len(fitting) - 1:
                return

    def _check_one(
        self, value: Any, kind: types.Type, path: Path, parent: Any, step: str | int | None
    ) -> None:
        if isinstance(kind, types.StructType):
            self._struct(value, kind, path)
        elif isinstance(kind, types.DictType):
            for key, item in value.items():
                self.check(item, kind.value_type, (*path, key), value, key)
        elif isinstance(kind, (types.VarTupleType, types.ListType)):
            if len(value) < (least := kind.min_length or 0):
                short = f"a list of {len(value)} where at least {least} are needed."
                one = "an empty list where at least one is needed."
                self._say("FT-S007", path, one if least == 1 else short)
            for index, item in enumerate(value):
                self.check(item, kind.item_type, (*path, index), value, index)
        elif isinstance(kind, types.TupleType):
            if len(value) != len(kind.item_types):
                wanted = f"{len(kind.item_types)} are expected."
                self._say("FT-S007", path, f"a list of {len(value)} where {wanted}")
                return
            for index, (item, part) in enumerate(zip(value, kind.item_types, strict=True)):
                self.check(item, part, (*path, index), value, index)
        elif isinstance(kind, types.LiteralType):
            self._literal(value, kind, path, parent, step)
        elif isinstance(kind, (types.IntType, types.FloatType)):
            self._number(value, kind, path)
        elif isinstance(kind, types.StrType):
            self._text(value, kind, path)

    def _struct(self, value: dict[str, Any], kind: types.StructType, path: Path) -> None:
        known = {field.encode_name: field for field in kind.fields}
        for key, item in value.items():
            field = known.get(key)
            if field is not None:
                self.check(item, field.type, (*path, key), value, key)
                continue
            hint = did_you_mean(key, [word for word in known if word not in value])
            if not hint:
                hint = f" Known here: {', '.join(sorted(known))}." if len(known) <= 8 else ""
            self._say("FT-S004", (*path, key), f"unknown field.{hint}", at_key=True)
        for name, field in known.items():
            if field.required and name not in value:
                described = _description(field.type)
                because = f" {described}" if described else ""
                self._say("FT-S005", (*path, name), f"is missing.{because}", at_key=True)

    def _literal(
        self, value: Any, kind: types.LiteralType, path: Path, parent: Any, step: str | int | None
    ) -> None:
        if value in kind.values:
            return
        words = [str(word) for word in kind.values]
        folded = _snake(str(value))
        for word in words:
            if folded in (word, word.replace("_", "")) or str(value).lower() == word:
                parent[step] = word  # `az ml` takes any case; the rest of us take one
                return
        hint = did_you_mean(str(value), words) or f" One of: {', '.join(words)}."
        self._say("FT-S007", path, f"'{printable(str(value))}' is not one of its values.{hint}")

    def _number(self, value: Any, kind: types.IntType | types.FloatType, path: Path) -> None:
        number = float(value)
        checks = (
            (kind.ge, number >= (kind.ge or 0), "at least"),
            (kind.gt, number > (kind.gt or 0), "more than"),
            (kind.le, number <= (kind.le or 0), "at most"),
            (kind.lt, number < (kind.lt or 0), "less than"),
        )
        if any(bound is not None and not holds for bound, holds, _ in checks):
            wanted = " and ".join(
                f"{word} {bound:g}" for bound, _, word in checks if bound is not None
            )
            self._say("FT-S007", path, f"{printable(str(value))} is out of range; {wanted}.")

    def _text(self, value: str, kind: types.StrType, path: Path) -> None:
        if kind.min_length is not None and len(value) < kind.min_length:
            self._say("FT-S007", path, f"too short; at least {kind.min_length} characters.")
        if kind.max_length is not None and len(value) > kind.max_length:
            self._say("FT-S007", path, f"too long; at most {kind.max_length} characters.")
        if kind.pattern is not None and not re.search(kind.pattern, value):
            said = f"'{printable(value)}' does not look right; it has to match {kind.pattern}"
            self._say("FT-S007", path, said)

    def _say(self, rule: str, path: Path, message: str, *, at_key: bool = False) -> None:
        self.misfits.append(Misfit(rule, path, message, at_key))


def _options(kind: types.Type) -> tuple[types.Type, ...]:
    while isinstance(kind, types.Metadata):
        kind = kind.type
    if isinstance(kind, types.UnionType):
        return tuple(option for part in kind.types for option in _options(part))
    return (kind,)


def _is_of(value: Any, kind: types.Type) -> bool:
    if isinstance(kind, types.AnyType):
        return True
    if isinstance(kind, (types.StructType, types.DictType)):
        return isinstance(value, dict)
    if isinstance(kind, _LISTS):
        return isinstance(value, list)
    if isinstance(kind, (types.StrType, types.LiteralType)):
        return isinstance(value, str)
    if isinstance(kind, types.BoolType):
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if isinstance(kind, types.IntType):
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return isinstance(kind, types.FloatType) and isinstance(value, (int, float))


def _reads_as(value: Any, kind: types.Type) -> bool:
    """Whether msgspec's lax mode would read this text as the type."""
    if not isinstance(value, str):
        return False
    if isinstance(kind, types.BoolType):
        return value.lower() in {"true", "false", "1", "0"}
    try:
        if isinstance(kind, types.IntType):
            return bool(_NUMERAL.fullmatch(value)) and float(value).is_integer()
        return isinstance(kind, types.FloatType) and bool(_NUMERAL.fullmatch(value))
    except OverflowError:
        return False


_NUMERAL = re.compile(r"[-+]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?", re.ASCII)


def _snake(word: str) -> str:
    """`ChatCompletion` as `chat_completion`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word).lower()


def _what(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"'{str(value).lower()}'"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"'{printable(str(value))}'"


def _wanted(options: tuple[types.Type, ...]) -> str:
    words = list(dict.fromkeys(_name(option) for option in options))
    words = [word for word in words if word] or ["something else"]
    return " or ".join(words)


def _name(kind: types.Type) -> str:
    if isinstance(kind, (types.StructType, types.DictType)):
        return "a mapping"
    if isinstance(kind, _LISTS):
        return "a list"
    if isinstance(kind, types.LiteralType):
        return f"one of {', '.join(map(str, kind.values))}"
    names: dict[type[types.Type], str] = {
        types.StrType: "text (in quotes)",
        types.IntType: "a whole number",
        types.FloatType: "a number",
        types.BoolType: "true or false",
    }
    return names.get(type(kind), "")


def _description(kind: types.Type) -> str:
    while isinstance(kind, types.Metadata):
        extra = mapping(getattr(kind, "extra_json_schema", None))  # typed as a bare dict
        if extra and "description" in extra:
            return str(extra["description"])
        kind = kind.type
    return ""
