"""Pictures of unusual kinds: each has one defined result, the same as in the field's standard, or one clear message."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, features
from torch import Tensor

from diffusion.image_files import load, load_channel

RAMP = np.linspace(0, 65535, 12).round().astype(np.uint16).reshape(3, 4)


def read(folder: Path, image: Image.Image, name: str) -> Tensor:
    image.save(folder / name)
    return load(folder / name)[0]


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_grey_of_16_bits_is_cut_off_at_255(tmp_path: Path, name: str):
    """As the standard does it, so that its workflows give the same pictures: all but the darkest is white."""
    want = torch.from_numpy(RAMP.clip(0, 255).astype(np.float32) / 255)
    got = read(tmp_path, Image.fromarray(RAMP), name)
    assert got.shape == (1, 3, 4, 3)
    assert torch.equal(got[0, ..., 0], want)
    assert torch.equal(load_channel(tmp_path / name, "red")[0], want)


def test_grey_of_32_bits_is_scaled_by_256(tmp_path: Path):
    values = np.array([[0, 255, 65535 // 2, 65025]], np.int32)
    got = read(tmp_path, Image.fromarray(values), "a.tif")
    assert torch.equal((got[0, 0, :, 0] * 255).round().int(), torch.tensor([0, 1, 128, 255], dtype=torch.int32))


def test_colours_of_16_bits_keep_their_upper_8(tmp_path: Path):
    """Written by hand, since Pillow writes none."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + np.repeat(row[:, None], 4, 1).astype(">u2").tobytes() for row in RAMP)
    head = struct.pack(">IIBBBBB", 4, 3, 16, 6, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(data)
    image, mask = load(tmp_path / "a.png")
    want = torch.from_numpy((RAMP >> 8).astype(np.float32) / 255)
    assert torch.equal(image[0, ..., 1], want)
    assert torch.equal(mask[0], 1 - want)


def test_floating_point_is_cut_to_whole_bytes(tmp_path: Path):
    got = read(tmp_path, Image.fromarray(np.array([[-1.0, 0.5, 100.0, 300.0]], np.float32)), "a.tif")
    assert (got[0, 0, :, 0] * 255).round().tolist() == [0, 0, 100, 255]


def test_one_bit(tmp_path: Path):
    got = read(tmp_path, Image.fromarray(np.array([[True, False]])), "a.png")
    assert got[0, 0].tolist() == [[1, 1, 1], [0, 0, 0]]


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_is_what_the_inks_leave(tmp_path: Path, name: str):
    inks = {(0, 0, 0, 0): (255, 255, 255), (255, 0, 0, 0): (0, 255, 255), (0, 0, 0, 255): (0, 0, 0)}
    for ink, light in inks.items():
        got = read(tmp_path, Image.new("CMYK", (8, 8), ink), name)
        assert got.shape == (1, 8, 8, 3)
        assert (got[0, 4, 4] * 255 - torch.tensor(light)).abs().max() <= 2
        assert torch.equal(load_channel(tmp_path / name, "alpha"), torch.zeros(1, 8, 8))


def test_other_colour_spaces(tmp_path: Path):
    for mode in ("YCbCr", "LAB"):
        picture = Image.new("RGB", (8, 8), (200, 100, 50))
        if mode == "LAB":
            profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
            picture = ImageCms.applyTransform(picture, ImageCms.buildTransform(*profiles, "RGB", "LAB"))
            assert picture is not None
        else:
            picture = picture.convert(mode)
        picture.save(tmp_path / "a.tif")
        image, _ = load(tmp_path / "a.tif")
        assert (image[0, 4, 4] * 255 - torch.tensor([200, 100, 50])).abs().max() <= 3


def test_a_palette_gives_its_colours(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels).quantize(16)
    for name in ("a.png", "a.gif", "a.bmp"):
        got = read(tmp_path, picture, name)
        assert np.array_equal((got[0] * 255).round().byte().numpy(), np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_a_single_pixel(tmp_path: Path, mode: str):
    Image.new(mode, (1, 1)).save(tmp_path / "a.png")
    image, mask = load(tmp_path / "a.png")
    assert image.shape == (1, 1, 1, 3)
    assert mask.shape == ((1, 1, 1) if mode == "RGBA" else (1, 64, 64))
    assert load_channel(tmp_path / "a.png", "red").shape == (1, 1, 1)


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1)])
def test_a_line_of_pixels(tmp_path: Path, size: tuple[int, int]):
    assert read(tmp_path, Image.new("RGB", size), "a.png").shape == (1, size[1], size[0], 3)


def test_an_animation_with_transparency_has_a_mask_for_each_frame(tmp_path: Path):
    frames = [Image.new("RGBA", (4, 3), (255, 0, 0, alpha)) for alpha in (0, 255)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    image, mask = load(tmp_path / "a.webp")
    assert image.shape == (2, 3, 4, 3)
    assert mask.shape == (2, 3, 4)
    assert mask[:, 0, 0].tolist() == [1, 0]
    assert load_channel(tmp_path / "a.webp", "alpha").shape == (1, 3, 4)  # of the first


def test_a_turned_picture_of_a_camera_with_alpha_and_palette(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("P", (4, 2))
    picture.putpalette([0, 0, 0, 255, 0, 0])
    picture.putpixel((0, 0), 1)
    picture.save(tmp_path / "a.png", exif=exif)
    image, _ = load(tmp_path / "a.png")
    assert image.shape == (1, 4, 2, 3)
    assert image[0, 0, 1].tolist() == [1, 0, 0]


FORMATS = {"a.jpg": "jpg", "a.webp": "webp", "a.avif": "avif", "a.gif": None, "a.tif": None, "a.bmp": None}


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damaged tags
@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_is_cut_off_is_named(tmp_path: Path, name: str):
    needs = FORMATS[name]
    if needs and not features.check(needs):
        pytest.skip(f"this Pillow has no {needs}")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    for length in (len(whole) // 2, 20, 3):
        (tmp_path / name).write_bytes(whole[:length])
        for function in (lambda: load(tmp_path / name), lambda: load_channel(tmp_path / name, "red")):
            with pytest.raises(ValueError, match=rf"^{name} cannot be read as a picture"):
                function()
