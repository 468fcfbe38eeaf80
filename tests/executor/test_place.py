"""Where a process was when it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from executor.worker import place
from executor.worker.place import SIZE, Place, where


def test_it_is_told_until_the_work_is_done(tmp_path: Path):
    path = tmp_path / "cache" / "node"
    assert where(path) is None
    here = Place(path)
    assert where(path) is None
    here.at("3", "KSampler")
    assert where(path) == ("3", "KSampler")
    here.at("5.1", "Ä")
    assert where(path) == ("5.1", "Ä")
    here.nowhere()
    assert where(path) is None
    Place(path).at("x", "y" * SIZE)  # cut, as is all that is too long
    assert where(path) == ("x", "y" * (SIZE - 4))


def test_it_outlives_the_process(tmp_path: Path):
    code = (
        "import os, sys; from pathlib import Path; from executor.worker.place import Place\n"
        "Place(Path(sys.argv[1])).at('3', 'KSampler'); os.kill(os.getpid(), 9)"
    )
    root = Path(__file__).parent.parent.parent
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "node")], cwd=root)
    assert ran.returncode == -signal.SIGKILL
    assert where(tmp_path / "node") == ("3", "KSampler")


def test_a_file_system_that_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(place.mmap, "mmap", refuse)
    Place(tmp_path / "node").at("3", "KSampler")
    assert where(tmp_path / "node") is None
    assert os.listdir(tmp_path) == ["node"]
