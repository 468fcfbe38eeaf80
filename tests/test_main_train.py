"""`python main.py train` as its user has it: a process that is interrupted, goes on, and says what is wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from main import main
from tests.training.conftest import PIXELS, base  # noqa: F401
from training.command import duration

ROOT = Path(__file__).parents[1]
LONG = PIXELS.replace("steps = 6", "steps = 100000")


@pytest.fixture
def config(base: Path) -> Path:  # noqa: F811
    path = base / "it.toml"
    path.write_text(PIXELS)
    return path


def train(config: Path, *more: str) -> int:
    return main(["train", str(config), "--base-directory", str(config.parent), *more])


def test_a_training_ends_with_a_model(config: Path, capsys: pytest.CaptureFixture[str]):
    assert train(config) == 0
    out, err = capsys.readouterr()
    assert "it.safetensors: 8 pictures" in out
    assert str(config.parent / "models/checkpoints/it.safetensors") in out
    assert "6/6" in err
    assert "loss" in err
    assert load_file(config.parent / "models/checkpoints/it.safetensors")


def test_events_are_lines_of_json(config: Path, capsys: pytest.CaptureFixture[str]):
    assert train(config, "--json-events") == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e["step"] for e in told if e["event"] == "stepped"] == [1, 2, 3, 4, 5, 6]
    assert told[-1] == {"event": "ended", "step": 6, "steps": 6, "why": ""}
    assert all(e["seconds_left"] >= 0 for e in told if e["event"] == "stepped")


def test_ctrl_c_keeps_what_was_learnt(config: Path):
    config.write_text(LONG)
    command = [sys.executable, "main.py", "train", str(config), "--base-directory", str(config.parent), "--json-events"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if json.loads(line).get("step", 0) >= 3:
                break
        process.send_signal(signal.SIGINT)
        last = json.loads(process.stdout.read().splitlines()[-1])
    assert process.returncode == 130
    assert last["why"] == "interrupted; --resume goes on from here"
    config.write_text(LONG.replace("100000", str(last["step"] + 2)))
    assert train(config, "--resume") == 0


def test_time_is_up(config: Path, capsys: pytest.CaptureFixture[str]):
    config.write_text(LONG)
    assert train(config, "--max-time", "1s") == 0
    assert "stopped at step" in capsys.readouterr().err
    assert (config.parent / "output/training/it/state.safetensors").exists()


def test_a_training_that_was_begun_is_not_written_over(config: Path, capsys: pytest.CaptureFixture[str]):
    assert train(config) == 0
    assert train(config) == 2
    assert "holds a training that was begun: --resume goes on with it" in capsys.readouterr().err


def test_what_is_wrong_is_said(config: Path, capsys: pytest.CaptureFixture[str]):
    config.write_text(PIXELS.replace('folder = "pictures"', 'folder = "nowhere"'))
    assert train(config) == 2
    assert "nowhere" in capsys.readouterr().err
    assert train(config.parent / "none.toml") == 2
    assert "none.toml: No such file" in capsys.readouterr().err
    assert train(config, "--device", "cuda:7") == 2
    assert "cuda:7" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("1.5h", 5400)])
def test_times_are_read(text: str, seconds: float):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "0s", "soon", "nan"])
def test_what_is_no_time(text: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["train", "it.toml", "--max-time", text])
    assert "is no time; write 90s, 15m or 2h" in capsys.readouterr().err
