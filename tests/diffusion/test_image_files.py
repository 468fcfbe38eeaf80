"""Picture files become the tensors that Pillow and numpy say they are, and come back as they were."""

import io
import struct
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from diffusion import animations, picture_files
from diffusion.image_files import EMPTY_MASK, encode, load, load_channel


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def saved(folder: Path, image: Image.Image, name: str = "a.png", **options: Any) -> Path:
    image.save(folder / name, **options)
    return folder / name


def bytes_of(image: torch.Tensor) -> np.ndarray:
    return (image * 255).round().to(torch.uint8).numpy()


# --- reading -------------------------------------------------------------------------------------


def test_colours_are_bytes_over_255(tmp_path: Path):
    pixels = random(3, 5, 3)
    image, mask = load(saved(tmp_path, Image.fromarray(pixels)))
    assert image.dtype == torch.float32
    assert torch.equal(image, torch.from_numpy(pixels.astype(np.float32) / 255)[None])
    assert torch.equal(mask, torch.zeros(1, EMPTY_MASK, EMPTY_MASK))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_the_mask_is_what_is_missing_of_alpha(tmp_path: Path, mode: str):
    pixels = random(3, 5, 4)
    picture = Image.fromarray(pixels).convert(mode)
    image, mask = load(saved(tmp_path, picture, "a.tiff" if mode == "PA" else "a.png"))
    assert np.array_equal(bytes_of(image[0]), np.asarray(picture.convert("RGB")))
    assert np.array_equal(bytes_of(1 - mask[0]), pixels[..., 3])


def test_a_palette_may_have_a_transparent_colour(tmp_path: Path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putdata([0, 1])
    image, mask = load(saved(tmp_path, picture, transparency=1))
    assert image.tolist() == [[[[1, 0, 0], [0, 0, 1]]]]
    assert mask.tolist() == [[[0, 1]]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_their_camera_says(tmp_path: Path, orientation: int):
    turned = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a),
    }
    pixels = random(3, 5, 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, Image.fromarray(pixels), exif=exif)
    assert np.array_equal(bytes_of(load(path)[0][0]), turned[orientation](pixels))
    assert np.array_equal(bytes_of(load_channel(path, "green")[0]), turned[orientation](pixels)[..., 1])


@pytest.mark.parametrize("kind", ["gif", "webp", "apng", "tiff"])
def test_frames_are_a_batch(tmp_path: Path, kind: str):
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "webp" else {}
    name = "a.png" if kind == "apng" else f"a.{kind}"
    path = saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:], **options)
    image, mask = load(path)
    assert bytes_of(image)[:, 0, 0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert len(mask) == 3


def test_frames_of_another_size_are_left_out(tmp_path: Path):
    frames = [Image.new("RGB", size) for size in ((4, 3), (5, 3), (4, 3))]
    image, _ = load(saved(tmp_path, frames[0], "a.tiff", save_all=True, append_images=frames[1:]))
    assert image.shape == (2, 3, 4, 3)


@pytest.mark.parametrize(("channel", "index"), [("red", 0), ("green", 1), ("blue", 2)])
def test_a_channel_is_a_mask(tmp_path: Path, channel: str, index: int):
    pixels = random(3, 5, 4)
    path = saved(tmp_path, Image.fromarray(pixels))
    assert np.array_equal(bytes_of(load_channel(path, channel)[0]), pixels[..., index])
    assert np.array_equal(bytes_of(1 - load_channel(path, "alpha")[0]), pixels[..., 3])


def test_a_picture_without_alpha_masks_nothing(tmp_path: Path):
    path = saved(tmp_path, Image.fromarray(random(3, 5, 3)))
    assert torch.equal(load_channel(path, "alpha"), torch.zeros(1, 3, 5))


def huge(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(random(64, 64, 3)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>no picture</html>",
        png()[:50],
        png()[:-2000],
        b"GIF89a" + bytes(20),
        huge(60_000, 60_000),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 5\n%%EndComments\n",
    ],
    ids=["empty", "a web page", "the head", "half", "damaged", "a bomb", "a program"],
)
def test_what_is_no_picture_is_named(tmp_path: Path, data: bytes):
    path = tmp_path / "that.png"
    path.write_bytes(data)
    for read in (lambda: load(path), lambda: load_channel(path, "red")):
        with pytest.raises(ValueError, match=r"^that\.png cannot be read as a picture") as caught:
            read()
        assert str(tmp_path) not in str(caught.value)


# --- writing -------------------------------------------------------------------------------------


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


@given(st.lists(st.floats(width=32, allow_infinity=True, allow_nan=True), min_size=1, max_size=8))
def test_values_are_cut_off_to_bytes(values: list[float]):
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.nan_to_num(np.float32(255) * np.array(values, np.float32))
    want = np.clip(scaled, 0, 255).astype(np.uint8)
    (data,) = encode(torch.tensor(values).reshape(1, 1, -1, 1), {})
    assert pixels_of(data)[0].tolist() == want.tolist()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_comes_back(channels: int):
    pixels = random(4, 3, 5, channels)
    got = [pixels_of(data) for data in encode(torch.from_numpy(pixels / np.float32(255)), {})]
    assert np.abs(np.stack(got).reshape(pixels.shape).astype(int) - pixels).max() <= 1


def test_texts_stand_in_every_picture():
    texts = {"prompt": '{"a": "\\u00e9"}', "workflow": "{}"}
    for data in encode(torch.zeros(3, 2, 2, 3), texts):
        assert Image.open(io.BytesIO(data)).info == texts


def test_the_order_of_a_batch_is_kept():
    images = torch.arange(20.0)[:, None, None, None].expand(20, 1, 1, 3) / 255 + 1e-4
    assert [pixels_of(data)[0, 0, 0] for data in encode(images, {})] == list(range(20))


def test_channels_that_no_picture_has():
    with pytest.raises(ValueError, match="2 channels"):
        list(encode(torch.zeros(1, 2, 2, 2), {}))


def begun_by(work: Callable[[], object]) -> set[int]:
    """The threads that some work leaves behind in the thread that does it."""

    def threads() -> set[int]:
        return {thread.id for thread in psutil.Process().threads()}

    def look() -> set[int]:
        before = threads()
        work()
        end = time.monotonic() + 0.5
        while threads() - before and time.monotonic() < end:  # one that is over is listed for a moment still
            time.sleep(0.01)
        return threads() - before

    with ThreadPoolExecutor(1) as one:
        return one.submit(look).result()


@pytest.mark.parametrize(
    "write",
    [
        lambda images: list(encode(images, {}, level=0)),
        lambda images: list(picture_files.lossy(images, "JPEG", b"")),
        lambda images: list(picture_files.deep_png(images, {}, level=0)),
        lambda images: animations.png(images, {}, 10, level=0),
    ],
    ids=["png", "jpeg", "deep png", "animation"],
)
def test_no_thread_of_torchs_begins_where_files_are_written(write: Callable[[torch.Tensor], object]):
    """Else whatever computes in another thread would be slower from then on."""
    images = torch.rand(1, 300, 300, 3)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert begun_by(lambda: images * 255)  # what is looked for can be seen
        assert not begun_by(lambda: write(images))
    finally:
        torch.set_num_threads(threads)
