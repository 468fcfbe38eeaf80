"""Two checkpoints in turn: each is read and put in its place once when memory allows, else the older one is let go."""

from __future__ import annotations

import gc
import io
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diffusion import checkpoint, placement, settings
from executor.cache import Cache
from tests import make_models
from tests.test_families import run, text_to_image

PAIR = ("sd1", "sdxl")


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("switching")
    for name in PAIR:
        make_models.write(name, folder / "models/checkpoints")
    return folder


class Seen:
    """What was read, and how often networks were put in their place."""

    def __init__(self) -> None:
        self.read = Counter[str]()
        self.placed = 0
        self.models: dict[str, weakref.ref[Any]] = {}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    seen, load, make_room = Seen(), checkpoint.load, placement.make_room

    def reading(path: Path, *args: Any) -> Any:
        seen.read[path.stem] += 1
        found = load(path, *args)
        seen.models[path.stem] = weakref.ref(found[0])
        return found

    def placing(at: Any, need: int) -> None:
        seen.placed += 1
        make_room(at, need)

    monkeypatch.setattr(placement, "_in_place", [])  # of this test alone
    monkeypatch.setattr(checkpoint, "load", reading)
    monkeypatch.setattr(placement, "make_room", placing)
    return seen


def generated(name: str, seed: int, base: Path, cache: Cache) -> bytes:
    graph = text_to_image(name)
    graph["5"]["inputs"] |= {"seed": seed, "steps": 1}
    return run(graph, base, cache)[0].read_bytes()


def pixels(picture: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(picture)) as image:
        return np.asarray(image).astype(int)


def in_place() -> int:
    found = (reference() for reference in placement._in_place)  # pyright: ignore[reportPrivateUsage]
    return sum(network is not None and network.applied is not None for network in found)


def test_with_room_for_both_each_is_read_and_placed_once(base: Path, seen: Seen):
    cache, networks = Cache(), 0
    for seed, (name, added) in enumerate([("sd1", 3), ("sdxl", 4), ("sd1", 0), ("sdxl", 0), ("sd1", 0)]):
        generated(name, seed, base, cache)
        networks += added
        assert seen.placed == networks
    assert seen.read == {"sd1": 1, "sdxl": 1}


def test_where_the_device_has_room_for_one_network_the_older_ones_make_room(
    base: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
):
    roomy = generated("sd1", 5, base, Cache())
    seen.read.clear()
    no_room: Callable[[Any], int] = lambda at: 0  # noqa: E731
    monkeypatch.setattr(placement, "free_memory", no_room)
    cache = Cache()
    for seed, name in enumerate(("sd1", "sdxl", "sd1")):
        generated(name, seed, base, cache)
        assert in_place() == 1
    again = generated("sd1", 5, base, cache)
    # without room the two sides of the guidance are asked one by one, which rounds otherwise than both at once
    assert int(np.abs(pixels(again) - pixels(roomy)).max()) <= 1
    assert seen.read == {"sd1": 1, "sdxl": 1}  # handles stay; what is mapped is mapped once


def test_where_the_cache_has_room_for_one_checkpoint_the_other_one_is_let_go(base: Path, seen: Seen):
    sizes = [
        sum(part.nbytes for part in checkpoint.load(base / f"models/checkpoints/{name}.safetensors")) for name in PAIR
    ]
    seen.read.clear()
    cache = Cache(models=max(sizes))
    for seed, name in enumerate(("sd1", "sdxl", "sd1", "sdxl")):
        generated(name, seed, base, cache)
        gc.collect()
        assert sum(model() is not None for model in seen.models.values()) == 1
        assert cache.models.used <= max(sizes)
    assert seen.read.total() > 2
