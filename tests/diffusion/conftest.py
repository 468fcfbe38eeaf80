"""The starter checkpoint, as far as tests of the numerics need it."""

from pathlib import Path

import pytest

from diffusion.header import read_header

STARTER = Path(__file__).parents[2] / "models/checkpoints/starter-emoji-128.safetensors"


@pytest.fixture(scope="session")
def starter() -> Path:
    return STARTER


@pytest.fixture(scope="session")
def starter_shapes() -> dict[str, tuple[int, ...]]:
    return read_header(STARTER).shapes
