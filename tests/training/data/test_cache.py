"""The cache: one file, whole or not at all, made anew where anything that it depends on has changed."""

from __future__ import annotations

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from tests.training.data.making import picture
from training.data import Cache, DataError, fingerprint


def made(folder: Path, count: int = 5, mark: str = "one") -> dict[str, dict[str, Tensor]]:
    """A saved cache, and what is in it."""
    random = torch.Generator().manual_seed(0)
    table = {
        f"pictures/{i}.png": {"latent": torch.randn(4, 2, 3, generator=random).half(), "at": torch.tensor([i])}
        for i in range(count)
    }
    with Cache(folder, mark) as cache:
        for key, tensors in table.items():
            cache.put(key, tensors)
    return table


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(
        t.dtype == expected[n].dtype and torch.equal(t, expected[n]) for n, t in found.items()
    )


def test_what_was_put_is_there_again(tmp_path: Path):
    table = made(tmp_path / "new" / "folder")
    cache = Cache(tmp_path / "new" / "folder", "one")
    assert len(cache) == 5
    assert all(cache.has(key) and same(cache.get(key), tensors) for key, tensors in table.items())
    assert not cache.has("pictures/9.png")
    with pytest.raises(KeyError):
        cache.get("pictures/9.png")


def test_it_is_one_file_that_others_read(tmp_path: Path):
    table = made(tmp_path)
    (file,) = tmp_path.iterdir()
    read = safetensors.torch.load_file(file)
    assert len(read) == 10
    assert torch.equal(read["latent/pictures/3.png"], table["pictures/3.png"]["latent"])


def test_what_waits_is_there_at_once_and_not_seen_by_others(tmp_path: Path):
    cache = Cache(tmp_path, "one")
    cache.put("a", {"x": torch.arange(6).view(2, 3)})
    assert same(cache.get("a"), {"x": torch.arange(6).view(2, 3)})
    assert not Cache(tmp_path, "one").has("a")
    cache.save()
    assert Cache(tmp_path, "one").has("a")
    cache.close()


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(3.5),
        torch.empty(0, 4),
        torch.ones(3, dtype=torch.bfloat16),
        torch.tensor([True, False]),
        torch.arange(12).view(3, 4).mT,
        torch.ones(2, requires_grad=True),
    ],
)
def test_tensors_of_every_kind(tmp_path: Path, tensor: Tensor):
    with Cache(tmp_path, "one") as cache:
        cache.put("odd", {"b": torch.ones(3, dtype=torch.uint8)})
        cache.put("a", {"x": tensor})
        assert same(cache.get("a"), {"x": tensor.detach()})
    assert same(Cache(tmp_path, "one").get("a"), {"x": tensor.detach()})


def test_saving_adds_to_what_is_there_and_replaces_it(tmp_path: Path):
    table = made(tmp_path)
    with Cache(tmp_path, "one") as cache:
        cache.put("more", {"x": torch.ones(1)})
        cache.put("pictures/0.png", {"latent": torch.zeros(2)})
        cache.save()
        assert len(cache) == 6
        cache.put("and more", {"x": torch.ones(1)})
    again = Cache(tmp_path, "one")
    assert len(again) == 7
    assert same(again.get("pictures/0.png"), {"latent": torch.zeros(2)})
    assert same(again.get("pictures/1.png"), table["pictures/1.png"])


def test_nothing_new_is_not_written(tmp_path: Path):
    made(tmp_path)
    before = (tmp_path / "cache.safetensors").stat()
    Cache(tmp_path, "one").close()
    after = (tmp_path / "cache.safetensors").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_another_fingerprint_makes_it_anew(tmp_path: Path):
    made(tmp_path)
    with Cache(tmp_path, "two") as cache:
        assert len(cache) == 0
        assert "anew" in cache.notes[0]
        cache.put("a", {"x": torch.ones(1)})
    assert len(Cache(tmp_path, "two")) == 1
    assert len(Cache(tmp_path, "one")) == 0


@pytest.mark.parametrize("left", [0, 4, 100, -1])
def test_a_truncated_file_is_made_anew(tmp_path: Path, left: int):
    made(tmp_path)
    file = tmp_path / "cache.safetensors"
    file.write_bytes(file.read_bytes()[:left])
    with Cache(tmp_path, "one") as cache:
        assert len(cache) == 0
        assert "made anew" in cache.notes[0]
    made(tmp_path)
    assert (len(Cache(tmp_path, "one")), Cache(tmp_path, "one").notes) == (5, [])


@pytest.mark.parametrize("content", [b"\0" * 64, b"PK\x03\x04 a zip", b"<html>", b"\x80\x02."])
def test_a_file_of_another_kind_is_made_anew(tmp_path: Path, content: bytes):
    (tmp_path / "cache.safetensors").write_bytes(content)
    cache = Cache(tmp_path, "one")
    assert (len(cache), len(cache.notes)) == (0, 1)


def test_a_run_that_failed_keeps_what_it_had(tmp_path: Path):
    def fails() -> None:
        with Cache(tmp_path, "one") as cache:
            cache.put("a", {"x": torch.ones(1)})
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fails()
    assert Cache(tmp_path, "one").has("a")


def test_what_a_killed_process_left_is_removed_a_day_later(tmp_path: Path):
    for name, age in (("old", 2 * 86400), ("new", 60)):
        part = tmp_path / f".cache.{name}.part"
        part.write_bytes(b"half")
        os.utime(part, (time.time() - age, time.time() - age))
    made(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".cache.new.part", "cache.safetensors"]


def no_space(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_and_the_old_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made(tmp_path)
    cache = Cache(tmp_path, "one")
    cache.put("a", {"x": torch.ones(1)})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        with pytest.raises(DataError, match=r"No space left.*free some space"):
            cache.save()
    assert [path.name for path in tmp_path.iterdir()] == ["cache.safetensors"]
    assert len(Cache(tmp_path, "one")) == 5
    cache.close()  # the space is there again
    assert len(Cache(tmp_path, "one")) == 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_disk_that_is_full_while_tensors_wait_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: open("/dev/full", "r+b", buffering=0))  # noqa: SIM115
    cache = Cache(tmp_path, "one")
    with pytest.raises(DataError, match=r"No space left.*free some space"):
        cache.put("a", {"x": torch.ones(100)})
    assert not cache.has("a")
    cache.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="name another folder"):
        Cache(tmp_path / "file" / "cache", "one").put("a", {"x": torch.ones(1)})


@pytest.mark.parametrize(
    "tensors", [{}, {"a/b": torch.ones(1)}, {"x": torch.ones(1, dtype=torch.complex64)}], ids=["none", "slash", "dtype"]
)
def test_what_cannot_be_kept_is_an_error(tmp_path: Path, tensors: dict[str, Tensor]):
    with pytest.raises(ValueError, match="keeps tensors by names"):
        Cache(tmp_path, "one").put("a", tensors)


def test_threads_may_share_it(tmp_path: Path):
    with Cache(tmp_path, "one") as cache, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: cache.put(str(i), {"x": torch.full((50,), i)}), range(200)))
        assert all(pool.map(lambda i: same(cache.get(str(i)), {"x": torch.full((50,), i)}), range(200)))
    assert len(Cache(tmp_path, "one")) == 200


def test_thousands_are_one_file(tmp_path: Path):
    with Cache(tmp_path, "one", "latents") as cache:
        for i in range(5000):
            cache.put(str(i), {"latent": torch.full((4, 16, 16), i, dtype=torch.float16)})
    assert [path.name for path in tmp_path.iterdir()] == ["latents.safetensors"]
    assert Cache(tmp_path, "one", "latents").get("1234")["latent"].unique().tolist() == [1234]


# --- fingerprints --------------------------------------------------------------------------------


def test_a_fingerprint_follows_files_and_settings(tmp_path: Path):
    a, b = picture(tmp_path / "a.png"), picture(tmp_path / "b.png")
    first = fingerprint([a, b], {"size": 128, "crop": "centre"})
    assert first == fingerprint([a, b], {"crop": "centre", "size": 128})
    assert len(first) == 64
    others = [fingerprint([b, a], {"size": 128, "crop": "centre"}), fingerprint([a, b], {"size": 256})]
    os.utime(a, ns=(1, 1))
    others.append(fingerprint([a, b], {"size": 128, "crop": "centre"}))
    a.write_bytes(a.read_bytes() + b"\0")
    os.utime(a, ns=(1, 1))
    others.append(fingerprint([a, b], {"size": 128, "crop": "centre"}))
    assert len({first, *others}) == 5


def test_a_fingerprint_of_what_is_not_there(tmp_path: Path):
    with pytest.raises(DataError, match=r"gone\.png.*put it back"):
        fingerprint([tmp_path / "gone.png"], {})
