"""A tiny folder of pictures, and the configurations of tiny trainings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from executor.files import Files
from training import events
from training.command import subject_of
from training.config import Config, read
from training.run import Limits, Training

COLORS = {"red": (220, 30, 30), "blue": (30, 60, 220), "green": (30, 160, 60), "yellow": (240, 200, 20)}
SMALL = """
[network]
channels = 32
multipliers = [1, 2]
blocks = 1
attention = [1]
heads = 4
context = 64
text_layers = 1
vae_channels = [32, 32, 32, 32]
"""
PIXELS = f"""
[model]
kind = "denoiser"
vae = "pixels"
text = "train"
save = "models/checkpoints/it.safetensors"
[data]
folder = "pictures"
size = 16
[training]
steps = 6
batch_size = 4
learning_rate = 1e-3
{SMALL}
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A base directory with a folder of eight pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    lines: list[str] = []
    for i, (name, color) in enumerate([*COLORS.items()] * 2):
        picture = Image.new("RGB", (32, 32), "white")
        draw = ImageDraw.Draw(picture)
        (draw.ellipse if i < 4 else draw.rectangle)((6, 6, 26, 26), fill=color)
        picture.save(folder / f"{i}.png")
        lines.append(json.dumps({"file_name": f"{i}.png", "text": f"a {name} {'circle' if i < 4 else 'square'}"}))
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    return tmp_path


Told = list[events.Event]


@pytest.fixture
def configured(base: Path) -> Callable[..., Config]:
    """A configuration from TOML, some of its values replaced."""

    def configured(toml: str = PIXELS, /, **changes: Any) -> Config:
        text = toml
        for name, value in changes.items():
            text, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text, count=1)
            assert count, name
        path = base / "it.toml"
        path.write_text(text)
        return read(path)

    return configured


@pytest.fixture
def trained(base: Path) -> Callable[..., Told]:
    """Run a training; what it told."""

    def trained(config: Config, *, stop_at: int = 0, resume: bool | Path = False) -> Told:
        told: Told = []
        save = base / config.model.save
        training = Training(config, subject_of(config, Files(base), told.append), base / "state", save, told.append)
        if resume:
            training.resume(resume if isinstance(resume, Path) else None)
        training.run(Limits(stop=lambda: "enough" if training.learning.done == stop_at else ""))
        return told

    return trained


def of(told: Told, kind: type[Any]) -> list[Any]:
    return [event for event in told if isinstance(event, kind)]
