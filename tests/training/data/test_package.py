"""The package is cheap to import, and every name that it promises is there."""

import subprocess
import sys
from pathlib import Path

import pytest

import training.data

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("module", ["training", "training.data"])
def test_nothing_large_is_imported(module: str):
    code = f"import sys, {module}; print(*({{'torch', 'numpy', 'PIL', 'pyarrow'}} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


@pytest.mark.parametrize("name", training.data.MODULES)
def test_names_are_there_whatever_was_imported_before(name: str):
    code = (
        "import importlib, training.data as data\n"
        f"module = importlib.import_module('training.data.' + data.MODULES[{name!r}])\n"
        f"assert getattr(data, {name!r}) is getattr(module, {name!r})"
    )
    exec(code, {})


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no nothing"):
        _ = training.data.nothing
