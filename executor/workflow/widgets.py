"""The widgets of a node type, and which saved value belongs to which.

A node type is described as `/object_info` does, by our own nodes (`executor.describe`) or by another server's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from executor.workflow.lenient import mapping, sequence

Description = Mapping[str, Any]
Descriptions = Mapping[str, Description]

DYNAMIC = "COMFY_DYNAMICCOMBO_V3"
AUTOGROW = "COMFY_AUTOGROW_V3"  # no slot itself, but any number of them, named `input.name`
MATCH = "COMFY_MATCHTYPE_V3"
DEFAULTS: dict[str, Any] = {
    "INT": 0,
    "FLOAT": 0.0,
    "STRING": "",
    "BOOLEAN": False,
    "COLOR": "#ffffff",
    "AUDIO_RECORD": "",
}
WIDGET_TYPES = {*DEFAULTS, "COMBO", DYNAMIC}
CONTROLS = {"fixed", "increment", "decrement", "randomize", "increment-wrap"}
MISSING: Any = object()


@dataclass(frozen=True)
class InputSpec:
    """One input of a described node type."""

    name: str
    type: str  # COMBO for every menu
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    choices: Sequence[Any] = ()

    @property
    def typed_as_widget(self) -> bool:
        return self.type in WIDGET_TYPES or self.options.get("widgetType") in WIDGET_TYPES

    @property
    def forced(self) -> bool:
        """Of a widget's type, but shown as a socket only."""
        return self.typed_as_widget and bool(self.options.get("forceInput") or self.options.get("defaultInput"))

    @property
    def is_widget(self) -> bool:
        return self.typed_as_widget and not self.forced

    @property
    def controls(self) -> int:
        """How many entries of `widgets_values` follow that are the editor's own: seed mode, filter text."""
        flag = self.options.get("control_after_generate")
        if self.type == "COMBO":
            return 2 if flag else 0
        by_name = flag is None and self.name in ("seed", "noise_seed")
        return 1 if self.type == "INT" and (flag or by_name) else 0

    @property
    def multiline(self) -> bool:
        return self.type == "STRING" and bool(self.options.get("multiline"))

    @property
    def default(self) -> Any:
        """What a new node shows; MISSING for a menu that is empty."""
        if "default" in self.options:
            return self.options["default"]
        if self.type in ("COMBO", DYNAMIC):
            return self.choices[0] if self.choices else MISSING
        return DEFAULTS.get(str(self.options.get("widgetType", self.type)), DEFAULTS.get(self.type))

    def chosen(self, option: Any) -> list[InputSpec]:
        """The inputs that one option of a dynamic menu brings, named `menu.input`."""
        if self.type != DYNAMIC:
            return []
        options = [mapping(o) for o in sequence(self.options.get("options"))]
        inputs = next((o.get("inputs") for o in options if o.get("key") == option), None)
        return [
            InputSpec(f"{self.name}.{i.name}", i.type, i.options, i.choices) for i in declared({"input": inputs or {}})
        ]


def declared(description: Description) -> list[InputSpec]:
    """The inputs of a node type, required then optional, in the order of its widgets."""
    sections, order = mapping(description.get("input")), mapping(description.get("input_order"))
    found: list[InputSpec] = []
    for section in ("required", "optional"):
        inputs = mapping(sections.get(section))
        names = dict.fromkeys([*sequence(order.get(section)), *inputs])
        found += [_declared(name, inputs[name]) for name in names if name in inputs]
    return found


def _declared(name: str, declaration: Any) -> InputSpec:
    parts = sequence(declaration) or ["*"]
    type_, options = parts[0], mapping(parts[1]) if len(parts) > 1 else {}
    if not isinstance(type_, str):  # how the first node protocol writes a menu
        return InputSpec(name, "COMBO", options, sequence(type_))
    choices = sequence(options.get("options"))
    if type_ == DYNAMIC:
        choices = [mapping(choice).get("key") for choice in choices]
    if type_ == MATCH:
        type_ = str(mapping(options.get("template")).get("allowed_types", "*"))
    return InputSpec(name, type_, options, choices)


class Filled(NamedTuple):
    """A node type with the saved values of one node."""

    inputs: list[InputSpec]  # with those that the chosen options of dynamic menus bring
    values: dict[str, Any]  # by widget; a widget without value is left out


def fill(inputs: Iterable[InputSpec], saved: Any, named: Any = None) -> Filled:
    """The values of all widgets: by name if the file has names, else by position, else the defaults.

    saved: `widgets_values`, a list or an object; named: `widgets_values_named`.
    """
    specs = list(inputs)
    widgets = {i.name for i in specs if i.is_widget}
    if widgets & mapping(named).keys():
        return _by_name(specs, mapping(named))
    if isinstance(saved, dict):
        values = mapping(saved)
        if widgets & values.keys():  # the standard's editor ignores the names, which nobody can have meant
            return _by_name(specs, values)
        saved = list(values.values()) if len(values) == _positions(specs) else []
    positions = list(saved) if isinstance(saved, str) else sequence(saved)
    forced = any(i.forced for i in specs) and len(positions) == _positions(specs, forced=True)
    return _by_position(specs, iter(positions), forced)


def _by_name(specs: list[InputSpec], named: Mapping[str, Any]) -> Filled:
    def take(i: InputSpec) -> Any:
        return named.get(i.name, MISSING) if i.is_widget else MISSING

    return _walk(specs, take)


def _by_position(specs: list[InputSpec], saved: Iterator[Any], forced: bool) -> Filled:
    """forced: whether `saved` has values for sockets, as files of 2024 do."""

    def take(i: InputSpec) -> Any:
        if not (i.is_widget or (forced and i.forced)):
            return MISSING
        value = next(saved, MISSING)
        for _ in range(i.controls):
            next(saved, None)
        return value

    return _walk(specs, take)


def _walk(specs: list[InputSpec], take: Callable[[InputSpec], Any]) -> Filled:
    filled = Filled([], {})
    waiting = specs[::-1]
    while waiting:
        i = waiting.pop()
        filled.inputs.append(i)
        value = take(i)
        if not i.is_widget:
            continue
        value = settle(i, value)
        if value is not MISSING:
            filled.values[i.name] = value
        waiting += reversed(i.chosen(value))
    return filled


def settle(i: InputSpec, value: Any) -> Any:
    """A saved value as its widget holds it: menus have no null, and text is always text."""
    if value is MISSING or (value is None and i.type in ("COMBO", DYNAMIC)):
        value = i.default
    return script_text(value) if i.multiline and value is not MISSING else value


def _positions(specs: list[InputSpec], forced: bool = False) -> int:
    """How many entries `widgets_values` has, upload buttons apart."""
    return sum(1 + i.controls for i in specs if i.is_widget or (forced and i.forced))


def script_text(value: Any) -> str:
    """A value as JavaScript turns it into text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(script_text(v) for v in sequence(value))  # as deep as the file, which is bounded
    if isinstance(value, dict):
        return "[object Object]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return "" if value is None else str(value)


def unnamed(marks: Sequence[tuple[str, str]], saved: Sequence[Any]) -> dict[str, Any] | None:
    """The values of a node type that nobody describes, from the widgets that its slots name, as (name, type).

    None if names and values do not match in number.
    """
    values: dict[str, Any] = {}
    rest = list(saved)[::-1]
    for name, type_ in marks:
        if not rest:
            return None
        values[name] = rest.pop()
        seed = type_ == "INT" and (name in ("seed", "noise_seed") or len(rest) > len(marks) - len(values))
        if seed and rest and isinstance(rest[-1], str) and rest[-1] in CONTROLS:
            rest.pop()
    return values if not rest else None
