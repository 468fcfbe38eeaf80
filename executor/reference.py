"""Every node type in Markdown: what it does, takes and gives. The same on every machine: it names no files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from executor.declared import Folder, Grows, Parts
from executor.files import Files
from executor.node import REQUIRED, Input, NodeSpec

INTRODUCTION = """# Nodes

Each node type with its inputs and outputs, by category. `python main.py nodes NAME` says the same of one, with the
files that its menus hold now. This page is made by `python main.py nodes --markdown`.

An input whose type is a menu or INT, FLOAT, STRING or BOOLEAN takes a value or a link; every other one takes a link.
*Optional* inputs may be left out.
"""


def markdown(specs: Mapping[str, NodeSpec], absent: Mapping[str, str], files: Files) -> str:
    """The page. absent: node types of the standard that are not here -> why."""
    return "\n".join([INTRODUCTION, *_contents(specs), *_sections(specs, files), *_missing(absent)])


def _by_category(specs: Mapping[str, NodeSpec]) -> Iterator[tuple[str, list[NodeSpec]]]:
    ordered = sorted(specs.values(), key=lambda s: (_top(s), s.category, s.name))
    yield from ((top, list(group)) for top, group in groupby(ordered, _top))


def _top(spec: NodeSpec) -> str:
    return spec.category.partition("/")[0].lstrip("_").replace("_", " ") or "other"


def _contents(specs: Mapping[str, NodeSpec]) -> Iterator[str]:
    for top, group in _by_category(specs):
        yield f"- [{top}](#{top.replace(' ', '-')}) ({len(group)})"
    yield f"- [Not here](#not-here)\n\n{len(specs)} node types.\n"


def _sections(specs: Mapping[str, NodeSpec], files: Files) -> Iterator[str]:
    for top, group in _by_category(specs):
        yield f"## {top}\n"
        for spec in group:
            yield from _node(spec, files)


def _node(spec: NodeSpec, files: Files) -> Iterator[str]:
    marks = [m for m in ("deprecated", "experimental") if getattr(spec, m)]
    title = "" if spec.display_name == spec.name else f"**{_cell(spec.display_name)}** "
    yield f"### {spec.name}\n"
    yield f"{title}({', '.join([spec.category, *marks])})\n\n{spec.description}\n"
    rows = list(_rows(spec, files))
    if rows:
        yield "\n".join(["| input | type | default | |", "| --- | --- | --- | --- |", *rows]) + "\n"
    outputs = ", ".join(f"`{o.name}`" + _output_type(o.name, o.type, o.is_list) for o in spec.outputs)
    yield (f"Gives {outputs}.\n" if outputs else "Gives no output.\n")


def _output_type(name: str, type_: str, many: bool) -> str:
    told = ([] if name == type_ else [type_]) + (["list"] if many else [])
    return f" ({', '.join(told)})" if told else ""


def _rows(spec: NodeSpec, files: Files) -> Iterator[str]:
    grown = set[str]()
    for i in spec.inputs.values():
        match i.part_of:
            case Grows(name=name, slots=slots):
                if name not in grown:
                    grown.add(name)
                    yield _row(f"{name}.{slots[0]}` ... `{name}.{slots[-1]}", i, files)
            case Parts(name=name, options=options):
                choices = [option for option, parts in options.items() if i.name.removeprefix(f"{name}.") in parts]
                yield _row(i.name, i, files, f"With {name} {' or '.join(choices)}. ")
            case None:
                yield _row(i.name, i, files)


def _row(name: str, i: Input, files: Files, before: str = "") -> str:
    default = "" if i.default is REQUIRED or i.default is None else f"`{_cell(i.default)}`"
    notes = before + i.help + (" *Optional.*" if i.optional else "")
    return f"| `{name}` | {_type(i, files)} | {default if i.default != '' else ''} | {_cell(notes.strip())} |"


def _type(i: Input, files: Files) -> str:
    if isinstance(i.choices, Folder):
        found = f"file of models/{i.choices.name}"
    elif i.choices and callable(i.choices.values):
        found = "file or folder, as they are"
    elif i.choices:
        found = ", ".join(f"`{_cell(value)}`" for value in i.values(files))
    elif i.range:
        low, high = (int(n) if float(n).is_integer() else n for n in (i.range.min, i.range.max))
        found = f"{i.type} {low} to {high}"
    else:
        found = _cell(i.type).replace("*", "any")
    return f"list of {found}" if i.is_list else found


def _cell(text: Any) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _missing(absent: Mapping[str, str]) -> Iterator[str]:
    yield "## Not here\n\nNode types for pictures that the standard has, and why they are not here.\n"
    yield "| node type | |\n| --- | --- |"
    yield from (f"| {name} | {_cell(why)} |" for name, why in sorted(absent.items()))
    yield ""
