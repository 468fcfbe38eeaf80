"""The editor names every node in Chinese: its tables (`web/editor/src/i18n/*.zh.ts`) follow the registered nodes."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import nodes  # noqa: F401  (registers them)
from executor.node import NodeSpec, registry

TABLES = Path(__file__).parents[2] / "web/editor/src/i18n"
OWN = {"MarkdownNote", "Note", "PrimitiveNode", "Reroute"}  # nodes of the editor alone
# symbols of formulas, the same in every language
SYMBOLS = set("bksqruvxyz") | {"beta", "eta", "rho", "sigma", "sigmas"}
COMMON = 2  # nodes that share the name of an input or output: then it has a name in Chinese

REMEDY = "give it a Chinese name in web/editor/src/i18n/"


def table(*names: str) -> dict[str, str]:
    """The entries of some tables, `  key: "text",` or `  "key": "text",` a line."""
    found: list[tuple[str, str]] = []
    for name in names:
        text = (TABLES / f"{name}.zh.ts").read_text(encoding="utf-8")
        found += re.findall(r'^  "?([^":/]+?)"?: "([^"]+)",$', text, re.MULTILINE)
    assert len(dict(found)) == len(found), "an entry stands twice"
    return dict(found)


def specs() -> list[NodeSpec]:
    """Those of the project; other tests may have registered more."""
    return [spec for spec in registry.values() if spec.module.split(".")[0] == "nodes"]


def test_every_node_has_a_chinese_name_of_its_own():
    named = table("nodes", "pictures")
    there = {spec.name for spec in specs()}
    assert len(there) > 300
    assert there - set(named) == set(), REMEDY + "nodes.zh.ts or pictures.zh.ts"
    assert set(named) - there == OWN
    assert [name for name, count in Counter(named.values()).items() if count > 1] == []


def test_every_part_of_a_category_has_a_chinese_name():
    named = table("categories")
    there = {part for spec in specs() for part in spec.category.split("/")} | {"subgraph"}
    assert there - set(named) == set(), REMEDY + "categories.zh.ts"
    assert set(named) - there == set()


def test_what_many_nodes_take_and_give_has_a_chinese_name():
    named = table("sockets")
    assert [name for name in named if name != name.lower()] == []  # they are asked for in small letters
    used = Counter(name for spec in specs() for name in sockets(spec))
    bare = {plain(name) for name, count in used.items() if count >= COMMON and not {name, plain(name)} & set(named)}
    assert bare - SYMBOLS == set(), REMEDY + "sockets.zh.ts"


def sockets(spec: NodeSpec) -> set[str]:
    """As they are shown: without a group, in small letters. The weights of a model's blocks are numbers."""
    names = {*spec.inputs, *(output.name for output in spec.outputs)}
    return {re.sub(r"^[\w ]+\.(?=[\w ]+$)", "", name).lower() for name in names if not re.search(r"\.\d*\.?$", name)}


def plain(name: str) -> str:
    return re.sub(r"\d+$", "", name)
