"""Budgets, shared storage, what is evicted first, and results that survive the process."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from executor import events, store
from executor.cache import Cache, Pool, entry
from executor.store import Disk, NotStorable
from executor.values import OVERHEAD, snapshot, survey
from tests.executor.toys import Thing, api, go, heard, ran

MB = 1 << 20


def tensor(megabytes: float = 1.0) -> torch.Tensor:
    return torch.zeros(int(megabytes * MB / 4))


def put(pool: Pool, key: str, *values: Any, seconds: float = 1.0) -> None:
    pool.put(key, entry(tuple([v] for v in values), None, seconds))


def test_shared_storage_counts_once():
    pool, image = Pool(10 * MB), tensor()
    put(pool, "a", image, image[10:])
    put(pool, "b", {"samples": image.view(2, -1)})
    assert pool.used == MB + 2 * OVERHEAD + 0
    pool.discard("a")
    assert pool.used == MB + OVERHEAD
    pool.discard("b")
    assert pool.used == 0


def test_the_budget_holds_and_the_least_recently_used_goes_first():
    pool = Pool(3 * MB + 10_000)
    for key in "abc":
        put(pool, key, tensor())
    pool.get("a")
    put(pool, "d", tensor())
    assert pool.used <= pool.budget
    assert [key for key in "abcd" if pool.get(key)] == ["a", "c", "d"]


def test_what_took_long_stays_longer():
    pool = Pool(3 * MB + 10_000)
    put(pool, "slow", tensor(), seconds=60)
    for i in range(10):
        put(pool, str(i), tensor(), seconds=0.1)
    assert pool.get("slow")


def test_a_result_beyond_the_budget_is_not_kept_and_costs_no_other():
    pool = Pool(2 * MB)
    put(pool, "a", tensor())
    put(pool, "big", tensor(3))
    assert pool.get("a")
    assert not pool.get("big")


def test_a_value_changed_behind_the_cache_is_a_miss():
    pool, image, latent = Pool(10 * MB), tensor(), {"samples": tensor()}
    put(pool, "a", image[5:])
    put(pool, "b", latent)
    image.add_(1)
    latent["samples"] = tensor()
    assert pool.get("a") is None
    assert pool.get("b") is None
    assert pool.used == 0


def test_models_have_a_budget_of_their_own():
    cache = Cache(memory=0, models=10_000)
    cache.put("m", entry(([Thing()],), None, 1.0))
    cache.put("i", entry(([1],), None, 1.0))
    assert cache.get("m")
    assert cache.get("i") is None
    cache.free()
    assert cache.get("m") is None


def test_inference_tensors_and_cycles_of_containers_are_surveyed():
    loop: list[Any] = [1]
    loop.append(loop)
    assert survey(loop).nbytes == OVERHEAD
    assert snapshot(loop) == snapshot(loop)
    with torch.inference_mode():
        t = torch.zeros(4)
    held = [t]
    assert survey(held).nbytes == OVERHEAD + 16
    assert snapshot(held) == snapshot(held)


# --- the disk tier ---

VALUES: list[Any] = [
    3,
    2.5,
    "text",
    None,
    True,
    torch.arange(6.0).view(2, 3),
    torch.arange(12.0).view(3, 4).t()[1:],
    torch.tensor(1.5),
    torch.zeros(0, 4),
    torch.ones(3, dtype=torch.bfloat16),
    torch.tensor([True, False]),
    {"samples": torch.ones(1, 4, 2, 2), "batch_index": [0, 1]},
    [(torch.ones(1, 77, 8), {"pooled_output": torch.ones(1, 8), "area": (1, 2, 3, 4), "tensor": "a key"})],
    [],
    {},
]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


def test_values_come_back_as_they_were(tmp_path: Path):
    shared = torch.arange(10.0)
    values = [*VALUES, shared, shared[2:4], shared]
    Disk(tmp_path).write("ab12", tuple([v] for v in values), 1.5)
    stored = Disk(tmp_path).read("ab12")
    assert stored
    assert stored.seconds == 1.5
    assert same([items[0] for items in stored.outputs], values)


@pytest.mark.parametrize("value", [Thing(), {1: 2}, {"a": [b"raw"]}, torch.nn.Linear(2, 2)])
def test_models_and_the_like_are_not_stored_and_leave_nothing(tmp_path: Path, value: Any):
    with pytest.raises(NotStorable):
        Disk(tmp_path).write("ab12", ([value],), 1.0)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def damage_bit(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-3],
        lambda data: data[:20],
        lambda data: b"",
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: b"<html>not found</html>",
        damage_bit,
    ],
)
def test_a_damaged_file_is_a_miss_and_is_removed(tmp_path: Path, damage: Any):
    disk = Disk(tmp_path)
    disk.write("ab12", ([torch.ones(100)],), 1.0)
    path = disk.path("ab12")
    path.write_bytes(damage(path.read_bytes()))
    assert disk.read("ab12") is None
    assert not path.exists()


def test_a_file_under_the_name_of_another_is_a_miss(tmp_path: Path):
    disk = Disk(tmp_path)
    disk.write("ab12", ([1],), 1.0)
    disk.path("ab12").rename(disk.path("ab34"))
    assert disk.read("ab34") is None


def test_the_disk_budget_holds_and_the_oldest_goes_first(tmp_path: Path):
    disk = Disk(tmp_path, budget=5 * MB)
    for i in range(12):
        disk.write(f"{i:02d}", ([tensor() + i],), 1.0)
    kept = [i for i in range(12) if disk.path(f"{i:02d}").exists()]
    assert kept == list(range(12 - len(kept), 12))
    assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) <= 5 * MB


def test_what_dead_processes_left_unfinished_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of this machine only; and what a process that lives writes is left alone."""
    disk = Disk(tmp_path)

    def begin(part: Path, *_: Any) -> None:
        part.touch()
        raise KeyboardInterrupt

    def cut_off(process: int, key: str, changed: float | None = None) -> Path:
        with monkeypatch.context() as patch:
            patch.setattr(store.os, "getpid", lambda: process)
            patch.setattr(Path, "unlink", lambda *_, **__: None)
            patch.setattr(store, "_write", begin)
            with pytest.raises(KeyboardInterrupt):
                disk.write(key, ([1],), 1.0)
        (part,) = tmp_path.glob(f"*/{key}.*.part")
        if changed is not None:
            os.utime(part, (changed, changed))
        return part

    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    dead, alive = cut_off(ended.pid, "aa1"), cut_off(os.getpid(), "bb1")
    reused = cut_off(os.getpid(), "bb2", changed=1000.0)  # written before this process began
    monkeypatch.setattr(store.platform, "node", lambda: "another machine")
    elsewhere = cut_off(ended.pid, "cc1")
    monkeypatch.undo()
    disk.sweep()
    assert [p.exists() for p in (dead, alive, reused, elsewhere)] == [False, True, False, True]


# --- runs ---

PICTURE = api(
    m=("Load", {}),
    s=("Sample", {"model": ["m", 0], "seed": 3}),
    b=("Bright", {"image": ["s", 0]}),
    o=("Show", {"a": ["b", 0]}),
)


def test_a_restarted_process_loads_no_model_and_samples_nothing(tmp_path: Path):
    outcome, log = go(PICTURE, Cache(disk=Disk(tmp_path)))
    assert ran(log) == ["m", "s", "b", "o"]
    again, log = go(PICTURE, Cache(disk=Disk(tmp_path)))
    assert heard(log) == ["=m s", "+b", "b", "+o", "o"]
    assert torch.equal(outcome.shown["o"]["values"][0], again.shown["o"]["values"][0])


def test_cheap_values_stay_off_the_disk(tmp_path: Path):
    go(api(i=("Blank", {}), o=("Show", {"a": ["i", 0]})), Cache(disk=Disk(tmp_path)))
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_full_disk_is_one_warning_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "replace", full)
    graph = PICTURE | api(t=("Sample", {"model": ["m", 0], "seed": 4}), p=("Show", {"a": ["t", 0]}))
    outcome, log = go(graph, Cache(disk=Disk(tmp_path)))
    assert outcome.ok
    (warning,) = [e for e in log if isinstance(e, events.Warned)]
    assert "No space left" in warning.message
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_without_memory_every_step_still_runs_once_a_run():
    cache = Cache(memory=0, models=0)
    assert ran(go(PICTURE, cache)[1]) == ["m", "s", "b", "o"]
    assert ran(go(PICTURE, cache)[1]) == ["m", "s", "b", "o"]
