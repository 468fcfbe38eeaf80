"""Configurations: what is read, and what is said of those that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.conftest import PIXELS
from training.config import ConfigError, read


def test_values_and_defaults_are_read(tmp_path: Path):
    path = tmp_path / "it.toml"
    path.write_text(PIXELS + '[objective]\nlevels = [0, 0.5]\n[samples]\nprompts = ["a", "b"]\n')
    config = read(path)
    assert config.model.kind == "denoiser"
    assert config.network.multipliers == (1, 2)
    assert config.objective.levels == (0.0, 0.5)
    assert config.samples.prompts == ("a", "b")
    assert (config.training.steps, config.training.optimizer, config.training.ema) == (6, "AdamW", 0.0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("steps = 6", "stepps = 6", r"it\.toml: training\.stepps is not known; nearest: steps"),
        ("steps = 6", "", r"training\.steps is missing"),
        ("steps = 6", "steps = 0", r"training\.steps is 0; it should be at least 1"),
        ("steps = 6", "steps = 6.5", r"training\.steps is 6\.5; it should be a whole number"),
        ("steps = 6", "steps = true", r"training\.steps is True; it should be a whole number"),
        ("steps = 6", 'steps = 6\noptimizer = "AdamX"', r"training\.optimizer is 'AdamX'; it may be AdamW, Adam, SGD"),
        ("steps = 6", "steps = 6\nema = 2", r"training\.ema is 2\.0; it should be between 0 and 1"),
        ("steps = 6", "steps = 6\nbetas = [0.9]", r"training\.betas is \[0\.9\]; it should be a list of 2 values"),
        ('kind = "denoiser"', 'kind = "lora"', r"model\.base is missing: a training of the kind 'lora' needs one"),
        ('kind = "denoiser"', 'kind = "GAN"', r"model\.kind is 'GAN'; it may be denoiser, vae, lora"),
        ("it.safetensors", "it.ckpt", r"model\.save is .*it\.ckpt'; it should end in \.safetensors"),
        ("[data]", "[date]", r"date is not known; nearest: data"),
        ('folder = "pictures"', "folder = 3", r"data\.folder is 3; it should be a text in quotes"),
        ("[model]", "model = 3\n[modle]", r"modle is not known|model is 3, not a section"),
        ("[model]", "[model", r"it\.toml is no TOML"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, message: str):
    path = tmp_path / "it.toml"
    path.write_text(PIXELS.replace(old, new, 1))
    with pytest.raises(ConfigError, match=message):
        read(path)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        read(tmp_path / "none.toml")


def test_levels_have_to_rise(tmp_path: Path):
    path = tmp_path / "it.toml"
    path.write_text(PIXELS + "[objective]\nlevels = [0.5, 0.5]\n")
    with pytest.raises(ConfigError, match="should rise"):
        read(path)
