"""What a node is given: its literals brought to the types of its inputs, and what does not fit."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

from executor.files import FileProblem, Files
from executor.graph import Link, Node
from executor.node import REQUIRED, WIDGET_NAMES, Folder, Input, NodeSpec

# Buttons and hints of the standard's editors that old files carry among the inputs; they mean nothing to a node.
INERT = {"upload", "choose file to upload", "control_after_generate"}
JSON_TYPES = {str, int, float, bool, type(None), list, dict}


@dataclass(frozen=True)
class Problem:
    """Something wrong with a graph. `node` is empty for the graph as a whole, `input` for the node as a whole."""

    node: str
    type: str  # of the node
    input: str
    kind: str  # the standard's name of such an error where it has one
    message: str
    got: Any = None
    accepted: Any = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        where = " ".join(part for part in (self.node, f"({self.type})" if self.type else "", self.input) if part)
        return f"{where}: {self.message}" if where else self.message


class Unfit(Exception):
    """A literal that its input does not take."""

    def __init__(self, kind: str, message: str, accepted: Any):
        super().__init__(message)
        self.kind, self.message, self.accepted = kind, message, accepted


class Menus:
    """The menus and model names of one check, each read once however many nodes ask."""

    def __init__(self, files: Files):
        self.files = files
        self._values: dict[Any, Sequence[Any]] = {}
        self._names: dict[tuple[str, str], str | FileProblem] = {}
        self._near: dict[tuple[Any, str], list[str]] = {}

    def values(self, i: Input) -> Sequence[Any]:
        which = i.choices.name if isinstance(i.choices, Folder) else id(i.choices)
        if which not in self._values:
            self._values[which] = i.values(self.files)
        return self._values[which]

    def resolve(self, folder: str, name: str) -> str:
        """`Files.resolve`, remembered. Raises FileProblem."""
        if (folder, name) not in self._names:
            try:
                self._names[folder, name] = self.files.resolve(folder, name)
            except FileProblem as problem:
                self._names[folder, name] = problem
        found = self._names[folder, name]
        if isinstance(found, FileProblem):
            raise found
        return found

    def nearest(self, name: str, names: Sequence[Any], which: Any) -> list[str]:
        """Up to three of the names that look like `name`, the nearest first; `which` tells lists of names apart."""
        if (which, name) not in self._near:
            plain = {str(n).lower(): str(n) for n in names}
            near = difflib.get_close_matches(name.lower(), plain, 3, 0.5)
            self._near[which, name] = [plain[n] for n in near]
        return self._near[which, name]


@dataclass(frozen=True, slots=True)
class Bound:
    """A node's inputs: every one of its spec is either a literal or a link, unless a problem says why not."""

    literals: Mapping[str, Any]
    links: Mapping[str, Link]
    problems: Sequence[Problem]


def bind(node: Node, spec: NodeSpec, menus: Menus, *, trusted: bool = False) -> Bound:
    """Literals coerced to their types with the defaults filled in, links as they are, and all that does not fit.

    trusted: the literals may be any values (see `executor.graph.read`).
    """
    literals: dict[str, Any] = {}
    links: dict[str, Link] = {}
    problems: list[Problem] = []
    for name, i in spec.inputs.items():
        value = node.inputs.get(name, REQUIRED)
        if type(value) is Link:
            links[name] = value
        elif type(value) is EXACT.get(i.type) and _plainly_fits(i, value):
            literals[name] = value
        elif value is not REQUIRED:
            try:
                literals[name], note = _literal(i, value, spec, menus, trusted)
                if note:
                    problems.append(Problem(node.id, node.type, name, "name_substituted", note, value, None, "warning"))
            except Unfit as no:
                problems.append(Problem(node.id, node.type, name, no.kind, no.message, value, no.accepted))
        elif i.default is REQUIRED:
            message = f"{name} is missing; " + (
                "give it a value" if i.is_widget else f"link an output of type {i.type}"
            )
            problems.append(Problem(node.id, node.type, name, "required_input_missing", message, None, i.type))
        else:
            alone = i.is_list and type(i.default) not in (list, type(None))
            literals[name] = [i.default] if alone else i.default
    if not node.inputs.keys() <= spec.inputs.keys():
        problems += [_ignored(node, spec, n) for n in node.inputs if n not in spec.inputs and n not in INERT]
    return Bound(literals, links, problems)


EXACT = {"INT": int, "STRING": str, "BOOLEAN": bool}


def _plainly_fits(i: Input, value: Any) -> bool:
    """Whether a value of just the right type needs no other look; most do."""
    return not i.is_list and (i.range is None or i.range.min <= value <= i.range.max)


def _ignored(node: Node, spec: NodeSpec, name: str) -> Problem:
    message = f"{spec.name} has no input {name}; it is ignored"
    return Problem(node.id, node.type, name, "unknown_input", message, node.inputs[name], list(spec.inputs), "warning")


def _literal(i: Input, value: Any, spec: NodeSpec, menus: Menus, trusted: bool) -> tuple[Any, str]:
    """The value that the node is given, and what to say about it. Raises Unfit."""
    if type(value) is list and not trusted and not i.is_list:
        raise Unfit("bad_linked_input", f"{i.name} is no link, which would be [node id, output number]", i.type)
    value = _unwrapped(value)
    items = cast("list[Any]", value if isinstance(value, list) else [value])
    if trusted and (_kind(value) not in JSON_TYPES or not takes_literal(i.type)):
        return (items if i.is_list else cast("Any", value)), ""
    if i.is_list:
        return [_one(i, item, spec, menus)[0] for item in items], ""
    return _one(i, value, spec, menus)


def _kind(value: Any) -> Any:
    return cast("Any", type(value))


def _unwrapped(value: Any) -> Any:
    """A list that is a value and no link is written `{"__value__": [...]}`."""
    wrapper = cast("dict[str, Any]", value) if type(value) is dict else {}
    return wrapper["__value__"] if wrapper.keys() == {"__value__"} else cast("Any", value)


def _one(i: Input, value: Any, spec: NodeSpec, menus: Menus) -> tuple[Any, str]:
    if value is None and i.default is None:
        return None, ""
    cast_ = CASTS.get(i.type)
    if cast_ is not None:
        value = cast_(i, value)
        if i.range is not None:
            _in_range(i, value, spec)
        return value, ""
    if i.type == "COMBO":
        return _chosen(i, value, spec, menus)
    if not takes_literal(i.type):
        raise Unfit("invalid_input_type", f"{i.name} takes no value, only a link to an output of type {i.type}", i.type)
    return value, ""


@cache
def takes_literal(type_: str) -> bool:
    """Whether a value may stand where an input of this type is."""
    return any(part.strip() in WIDGET_NAMES or part.strip() == "*" for part in type_.split(","))


def _unfit(i: Input, value: Any, wanted: str) -> Unfit:
    return Unfit("invalid_input_type", f"{i.name} is {_brief(value)}, which is no {wanted}", i.type)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _int(i: Input, value: Any) -> int:
    if type(value) is int:
        return value
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise _unfit(i, value, "whole number") from None


def _float(i: Input, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _unfit(i, value, "number") from None
    if math.isnan(number):
        raise _unfit(i, value, "number")
    return number + 0.0  # -0.0 is 0.0, so that both have one key


def _str(i: Input, value: Any) -> str:
    if value is None:
        raise _unfit(i, value, "text")
    return value if type(value) is str else str(value)


def _bool(i: Input, value: Any) -> bool:
    # The standard takes any text as true; "false" written by hand means false all the same.
    return value.strip().lower() not in ("false", "") if isinstance(value, str) else bool(value)


CASTS: dict[str, Callable[[Input, Any], Any]] = {"INT": _int, "FLOAT": _float, "STRING": _str, "BOOLEAN": _bool}


def _in_range(i: Input, value: Any, spec: NodeSpec) -> None:
    bounds = i.range
    if bounds is None or bounds.min <= value <= bounds.max or i.name in validated(spec):
        return
    accepted = {"min": bounds.min, "max": bounds.max}
    if value < bounds.min:
        raise Unfit("value_smaller_than_min", f"{i.name} is {value}; the least is {bounds.min}", accepted)
    raise Unfit("value_bigger_than_max", f"{i.name} is {value}; the most is {bounds.max}", accepted)


def _chosen(i: Input, value: Any, spec: NodeSpec, menus: Menus) -> tuple[Any, str]:
    if isinstance(i.choices, Folder):  # a loader's validator reads the file that the menu found
        return _file(i, i.choices.name, value, menus)
    if i.name in validated(spec):
        return value, ""
    values = menus.values(i)
    if value in values:
        return value, ""
    near = menus.nearest(str(value), values, id(i.choices))
    hint = (
        f"; nearest: {', '.join(near)}" if near else f"; there are {_listed(values)}" if values else "; there are none"
    )
    raise Unfit("value_not_in_list", f"{i.name} is {_brief(value)}, which is not in its list{hint}", list(values))


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values[:8])) + (f" and {len(values) - 8} more" if len(values) > 8 else "")


def _file(i: Input, folder: str, value: Any, menus: Menus) -> tuple[str, str]:
    try:
        name = menus.resolve(folder, str(value))
    except FileProblem as problem:
        raise Unfit("value_not_in_list", str(problem), list(menus.values(i))) from None
    return name, "" if name == value else f"{i.name} {value!r} was read as {name!r}"


# --- hooks ---------------------------------------------------------------------------------------


@cache
def _parameters(hook: Callable[..., Any]) -> tuple[frozenset[str], frozenset[str], bool]:
    """The inputs that a hook names, those of them that it cannot do without, and whether it takes any."""
    found = {n: p for n, p in inspect.signature(hook).parameters.items() if n != "files"}
    named = {n: p for n, p in found.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    needed = frozenset(n for n, p in named.items() if p.default is p.empty)
    return frozenset(named), needed, any(p.kind is p.VAR_KEYWORD for p in found.values())


def validated(spec: NodeSpec) -> frozenset[str]:
    """The inputs that a node's own validator looks at, instead of their range and menu."""
    return _parameters(spec.validate)[0] if spec.validate else frozenset()


def callable_with(hook: Callable[..., Any], literals: Mapping[str, Any]) -> bool:
    """Whether all that a hook needs is known before the run."""
    return _parameters(hook)[1] <= literals.keys()


def call_hook(hook: Callable[..., Any], files: Files, literals: Mapping[str, Any]) -> Any:
    named, _, rest = _parameters(hook)
    given = {"files": files} if "files" in inspect.signature(hook).parameters or rest else {}
    return hook(**given, **{n: v for n, v in literals.items() if rest or n in named})
