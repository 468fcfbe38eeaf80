"""Node types in the words of the standard's `/object_info`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from executor.declared import Grows, Parts
from executor.files import Files
from executor.node import REQUIRED, Input, NodeSpec


def describe(spec: NodeSpec, files: Files) -> dict[str, Any]:
    """The node in the form of the standard's `/object_info`."""
    sections: dict[str, dict[str, Any]] = {"required": {}, "optional": {}}
    for i in spec.inputs.values():
        match i.part_of:
            case None:
                sections["optional" if i.optional else "required"][i.name] = _describe_input(i, files)
            case Grows():
                sections["required"].setdefault(i.part_of.name, _describe_growing(i, i.part_of, files))
            case Parts():
                sections["required"][i.part_of.name] = _describe_menu(spec, i.part_of, files)
    if not sections["optional"]:
        del sections["optional"]
    order = {section: list(inputs) for section, inputs in sections.items()}
    if spec.hidden:
        sections["hidden"] = dict(spec.hidden)
        order["hidden"] = list(spec.hidden)
    return {
        "input": sections,
        "input_order": order,
        "is_input_list": spec.input_is_list,
        "output": [o.type for o in spec.outputs],
        "output_is_list": [o.is_list for o in spec.outputs],
        "output_name": [o.name for o in spec.outputs],
        "name": spec.name,
        "display_name": spec.display_name,
        "description": spec.description,
        "python_module": spec.module,
        "category": spec.category,
        "output_node": spec.output_node,
        **({"deprecated": True} if spec.deprecated else {}),
        **({"experimental": True} if spec.experimental else {}),
    }


def _describe_input(i: Input, files: Files) -> list[Any]:
    options: dict[str, Any] = {}
    if i.default is not REQUIRED and i.default is not None:
        options["default"] = i.default
    if i.range:
        bounds = {"min": i.range.min, "max": i.range.max, "step": i.range.step, "round": i.range.round}
        options |= {k: int(v) if i.type == "INT" else v for k, v in bounds.items() if v is not None}
        if i.range.slider:
            options["display"] = "slider"
    if i.text:
        options["multiline"] = i.text.multiline
        options |= {"dynamicPrompts": True} if i.text.dynamic else {}
        options |= {"placeholder": i.text.placeholder} if i.text.placeholder else {}
    if i.lazy:
        options["lazy"] = True
    if i.help:
        options["tooltip"] = i.help
    options |= i.options
    return [i.values(files) if i.type == "COMBO" and "remote" not in options else i.type, options]


def _describe_growing(i: Input, group: Grows, files: Files) -> list[Any]:
    """The standard's autogrow: sockets of one type, a new one where the last is linked."""
    type_, options = _describe_input(i, files)
    slots = {"prefix": group.prefix, "min": group.least, "max": len(group.slots)}
    slots = slots if group.prefix else {"names": list(group.slots), "min": group.least}
    template = {"input": {"required": {group.prefix or "value": [type_, options]}}, **slots}
    return ["COMFY_AUTOGROW_V3", {"template": template}]


def _describe_menu(spec: NodeSpec, menu: Parts, files: Files) -> list[Any]:
    """The standard's dynamic menu: with each option come inputs of its own."""
    whole = spec.inputs[menu.name]
    options = [
        {
            "key": key,
            "inputs": {"required": {n: _describe_input(spec.inputs[f"{menu.name}.{n}"], files) for n in parts}},
        }
        for key, parts in menu.options.items()
    ]
    tooltip = {"tooltip": whole.help} if whole.help else {}
    return ["COMFY_DYNAMICCOMBO_V3", {"options": options, **tooltip}]


class Descriptions(Mapping[str, Any]):
    """The `object_info` of our nodes, each made when it is asked for."""

    def __init__(self, specs: Mapping[str, NodeSpec], files: Files):
        self.specs, self.files = specs, files
        self.made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.made:
            self.made[name] = describe(self.specs[name], self.files)
        return self.made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.specs)

    def __len__(self) -> int:
        return len(self.specs)


def lines(info: Mapping[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield f"{info['name']} ({info['display_name']}), in {info['category']}"
    yield info["description"]
    for section in ("required", "optional"):
        for name, (type_, options) in info["input"].get(section, {}).items():
            menu = f"one of {', '.join(map(str, cast('list[Any]', type_)))}" if isinstance(type_, list) else type_
            facts = {k: v for k, v in options.items() if k in ("default", "min", "max", "step")}
            notes = "".join(f", {k} {v!r}" for k, v in facts.items())
            yield f"  {name}: {menu}{notes}{', optional' if section == 'optional' else ''}"
            if options.get("tooltip"):
                yield f"      {options['tooltip']}"
    for name, type_ in zip(info["output_name"], info["output"], strict=True):
        yield f"  -> {name}" if name == type_ else f"  -> {name}: {type_}"
