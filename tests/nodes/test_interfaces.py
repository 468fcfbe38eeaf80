"""Every node of ours that the standard has too has the standard's interface, since that is a file format."""

import json
from pathlib import Path
from typing import Any

import pytest

import nodes
from executor.describe import describe
from executor.files import Files
from executor.node import registry

MENUS_OF_FILES = ("$folder", "$input_files")


@pytest.fixture(scope="module")
def interfaces(conformance: Path) -> dict[str, Any]:
    return json.loads((conformance / "node_interfaces.json").read_text(encoding="utf-8"))["nodes"]


def ours(name: str, files: Files) -> dict[str, Any]:
    """Our description in the record's form."""
    info = describe(registry[name], files)
    inputs: list[dict[str, Any]] = []
    for section in ("required", "optional"):
        for input_name, (type_, options) in info["input"].get(section, {}).items():
            menu = {"options": type_} if isinstance(type_, list) else {}
            kind = "COMBO" if isinstance(type_, list) else type_
            inputs.append({"name": input_name, "section": section, "type": kind, **menu, **options})
    outputs = [
        {"name": n, "type": t, **({"is_list": True} if many else {})}
        for n, t, many in zip(info["output_name"], info["output"], info["output_is_list"], strict=True)
    ]
    return {
        "category": info["category"],
        "display_name": info["display_name"],
        "output_node": info["output_node"],
        "inputs": inputs,
        "outputs": outputs,
        "input_is_list": info["is_input_list"],
        "hidden": info["input"].get("hidden", {}),
        "deprecated": info.get("deprecated", False),
        "experimental": info.get("experimental", False),
    }


def comparable(entry: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """An input without what is wording or what a machine's files decide."""
    kept = {k: v for k, v in entry.items() if k not in ("tooltip", "lazy", "display")}
    if isinstance(other.get("options"), dict) or isinstance(entry.get("options"), dict):
        kept["options"] = "files"
    if isinstance(kept.get("options"), list):  # files and then some fixed values; here there are no files
        kept["options"] = [value for value in kept["options"] if not isinstance(value, dict)]
    if kept.get("type") == "COMBO":  # the first of a menu is its default, said or not
        kept.setdefault(
            "default", kept["options"][0] if isinstance(kept.get("options"), list) and kept["options"] else None
        )
    return kept


def differences(name: str, want: dict[str, Any], files: Files) -> list[str]:
    have = ours(name, files)
    found = [
        f"{name}: {key} is {have[key]!r}, the standard's {want.get(key)!r}"
        for key in ("category", "display_name", "output_node", "input_is_list", "outputs", "deprecated", "experimental")
        if have[key] != want.get(key, have[key])
    ]
    names = [[i["name"] for i in side["inputs"]] for side in (have, want)]
    if names[0] != names[1]:
        return [*found, f"{name}: inputs are {names[0]}, the standard's {names[1]}"]
    for mine, theirs in zip(have["inputs"], want["inputs"], strict=True):
        a, b = comparable(mine, theirs), comparable(theirs, mine)
        if a != b:
            found.append(f"{name}.{mine['name']}: {a}, the standard's {b}")
    return found


def test_interfaces_are_the_standards(interfaces: dict[str, Any], tmp_path: Path):
    assert nodes.__name__ == "nodes"
    files = Files(tmp_path)
    shared = [name for name in registry if name in interfaces]
    wrong = [line for name in shared for line in differences(name, interfaces[name], files)]
    assert len(shared) > 100
    assert not wrong, "\n".join(wrong)


def test_every_node_says_what_it_does():
    assert not [spec.name for spec in registry.values() if not spec.description]
