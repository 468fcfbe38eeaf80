"""Whole pictures from full-size models, as the standard makes them: minutes, and 6 GB of memory and of disk."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

import nodes
from executor.node import registry
from tests.conftest import DATA
from tests.replay.pictures import replay

assert nodes.__name__


def _index() -> list[dict[str, Any]]:
    """The records of pictures made with a model; those without one are among the tests of the image nodes."""
    with tarfile.open(DATA / "conformance.tar.xz") as archive:
        index = archive.extractfile("pictures/index.json")
        assert index
        return [record for record in json.load(index) if record["group"] not in ("image", "mask")]


@pytest.mark.slow
@pytest.mark.timeout(900)  # the first one makes its model
@pytest.mark.parametrize("record", _index(), ids=lambda record: record["name"])
def test_recorded_pictures(record: dict[str, Any], conformance: Path):
    folder = conformance / "pictures"
    types = {node["class_type"] for node in json.loads((folder / record["workflow"]).read_text("utf-8")).values()}
    if types - registry.keys():
        pytest.skip(f"there is no node type {', '.join(sorted(types - registry.keys()))}")
    assert not [f"{label}: {found}" for label, found in replay([record], folder, None) if found]
