"""`docs/nodes.md` is what `main.py nodes --markdown` prints now, and accounts for each of the standard's node types."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import main
from executor.node import registry
from nodes.absent import ABSENT

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/nodes.md"


def printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main.main(["nodes", "--markdown", "--base-directory", str(tmp_path)]) == main.OK
    return capsys.readouterr().out


def test_the_page_is_fresh(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    want = printed(tmp_path, capsys)
    assert PAGE.read_text(encoding="utf-8") == want, "run: python main.py nodes --markdown > docs/nodes.md"


def test_every_node_is_on_it_with_its_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    page = printed(tmp_path, capsys)
    parts = dict(re.findall(r"^### (.+?)\n(.*?)(?=^##)", page, re.MULTILINE | re.DOTALL))
    assert parts.keys() == registry.keys()
    for name, spec in registry.items():
        assert spec.description.split("\n")[0] in parts[name]
        assert all(f"`{i.name}`" in parts[name] for i in spec.inputs.values() if i.part_of is None)
        assert all(f"`{o.name}`" in parts[name] for o in spec.outputs)


def test_each_type_of_the_standard_is_here_or_it_is_said_why_not(conformance: Path):
    theirs = json.loads((conformance / "node_interfaces.json").read_text(encoding="utf-8"))["nodes"].keys()
    assert len(theirs) == 300
    assert theirs - registry.keys() == ABSENT.keys()
