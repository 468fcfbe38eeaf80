"""What `pip install` puts on a machine is all that the program needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("executor", "nodes", "diffusion", "web")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel, built from a copy of what git has."""
    listed = subprocess.run(
        ["git", "ls-files", *PACKAGES, "main.py", "pyproject.toml", "README.md", "LICENSE"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in listed.stdout.splitlines():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    line = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", str(made), str(source)]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode and "Could not find a version" in done.stderr + done.stdout:
        pytest.skip("building needs setuptools from a package registry, which cannot be reached")
    assert done.returncode == 0, done.stderr
    (file,) = made.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return set(archive.namelist())


def test_every_module_and_its_data_are_in_the_wheel(wheel: set[str]):
    wanted = {"main.py"}
    for package in PACKAGES:
        found = (ROOT / package).rglob("*.py")
        wanted |= {path.relative_to(ROOT).as_posix() for path in found if "editor" not in path.parts}
    assert not wanted - wheel
    assert any(name.startswith("diffusion/clip_vocabulary/") for name in wheel)


def test_the_page_is_in_the_wheel(wheel: set[str]):
    page = {path.relative_to(ROOT).as_posix() for path in (ROOT / "web" / "static").rglob("*") if path.is_file()}
    assert "web/static/index.html" in page
    assert page <= wheel


def test_nothing_else_is(wheel: set[str]):
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {*PACKAGES, "main.py"}
    assert not [name for name in wheel if name.startswith("web/editor/")]
