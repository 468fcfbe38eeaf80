"""Folders of models named by `extra_model_paths.yaml`."""

import os
from pathlib import Path

import pytest

from executor.extra_paths import ExtraPathsError, read
from executor.files import FIRST, FileProblem, Files


def write(folder: Path, text: str, name: str = "extra_model_paths.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def put(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_sections_name_folders_below_their_base_or_beside_the_file(tmp_path: Path):
    file = write(
        tmp_path,
        f"""
a111:
    base_path: {tmp_path}/webui
    checkpoints: models/Stable-diffusion
    loras: |
        models/Lora
        models/LyCORIS

beside:
    base_path: other/
    vae: vae
plain:
    vae: shared/vae
    embeddings: [one, two]
comments_only:
    # checkpoints: nowhere
""",
    )
    assert read([file]) == {
        "checkpoints": (tmp_path / "webui/models/Stable-diffusion",),
        "loras": (tmp_path / "webui/models/Lora", tmp_path / "webui/models/LyCORIS"),
        "vae": (tmp_path / "other/vae", tmp_path / "shared/vae"),
        "embeddings": (tmp_path / "one", tmp_path / "two"),
    }


def test_home_and_variables_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("MODELS", str(tmp_path / "disk"))
    file = write(tmp_path, "a:\n  base_path: ~/ai\n  vae: vae\nb:\n  base_path: ${MODELS}\n  loras: $MODELS/loras\n")
    assert read([file]) == {"vae": (tmp_path / "me/ai/vae",), "loras": (tmp_path / "disk/loras",)}


def test_old_names_of_folders_are_the_new_ones(tmp_path: Path):
    file = write(tmp_path, "a:\n  clip: c\n  unet: u\n  text_encoders: t\n")
    assert read([file]) == {"text_encoders": (tmp_path / "c", tmp_path / "t"), "diffusion_models": (tmp_path / "u",)}


def test_default_sections_are_searched_first_and_others_last(tmp_path: Path):
    file = write(tmp_path, "late:\n  vae: late\nearly:\n  is_default: true\n  vae: early\n")
    base = tmp_path / "base"
    files = Files(base, extra=read([file]))
    assert files.folders("vae") == [
        tmp_path / "early",
        base / "models/vae",
        base / "output/vae",
        tmp_path / "late",
    ]
    for place in files.folders("vae"):
        put(place / "same.safetensors")
    assert files.model("vae", "same.safetensors") == tmp_path / "early/same.safetensors"
    assert "vae" in files.kinds()
    assert not any(FIRST in kind for kind in files.kinds())


def test_an_unknown_folder_becomes_one_that_lists_all_its_files(tmp_path: Path):
    file = write(tmp_path, "a:\n  ultralytics: yolo\n  is_default: yes\n  vae: v\n")
    put(tmp_path / "yolo/bbox/face.onnx", tmp_path / "yolo/.hidden", tmp_path / "v/notes.txt", tmp_path / "v/a.pt")
    files = Files(tmp_path / "base", extra=read([file]))
    assert "ultralytics" in files.kinds()
    assert files.names("ultralytics") == ["bbox/face.onnx"]
    assert files.names("vae") == ["a.pt"]
    assert Files(tmp_path / "base").kinds() == files.kinds()[:-1]
    with pytest.raises(FileProblem, match=r"'yolo' is no models folder.*ultralytics"):
        files.names("yolo")


def test_files_are_read_in_order_and_a_place_counts_once(tmp_path: Path):
    one = write(tmp_path / "x", "a:\n  base_path: ..\n  vae: same\n", "one.yaml")
    two = write(tmp_path / "y", "a:\n  base_path: ..\n  vae: |\n    same\n    more\n", "two.yaml")
    assert read([one, two]) == {"vae": (tmp_path / "same", tmp_path / "more")}
    assert read([]) == {}
    assert read([write(tmp_path, "# nothing\n", "empty.yaml")]) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n  vae: 'x\n", r"bad\.yaml, line 3: .*end of stream"),
        ("a:\n\tvae: x\n", r"bad\.yaml, line 2: .*'\\t'"),
        ("a: {b: [}\n", r"bad\.yaml, line 1"),
        ("- a\n", r"bad\.yaml holds no sections"),
        ("vae: models/vae\n", r"bad\.yaml: vae is no section"),
        ("a:\n  vae: 5\n", r"bad\.yaml: a\.vae is 5; write a path"),
        ("a:\n  vae: [x, {}]\n", r"bad\.yaml: a\.vae is \{\}"),
        ("a:\n  base_path: [x]\n", r"bad\.yaml: a\.base_path is \['x'\]"),
        ("a:\n  is_default: maybe\n", r"bad\.yaml: a\.is_default is 'maybe'; write true or false"),
        ('a:\n  vae: "x\\0y"\n', r"bad\.yaml: a\.vae holds a NUL"),
        ("a: !!python/object/apply:os.system [ls]\n", r"bad\.yaml, line 1: could not determine a constructor"),
        ("[" * 5000, r"bad\.yaml"),
    ],
)
def test_a_broken_file_is_one_error_that_names_it(tmp_path: Path, text: str, message: str):
    with pytest.raises(ExtraPathsError, match=message) as error:
        read([write(tmp_path, text, "bad.yaml")])
    assert len(str(error.value).splitlines()) == 1 or "[[" in text


def test_a_missing_or_foreign_file_is_named(tmp_path: Path):
    with pytest.raises(ExtraPathsError, match=r"none\.yaml cannot be read: No such file"):
        read([tmp_path / "none.yaml"])
    (tmp_path / "latin.yaml").write_bytes(b"a:\n  vae: \xe9\n")
    with pytest.raises(ExtraPathsError, match=r"latin\.yaml is no UTF-8 text"):
        read([tmp_path / "latin.yaml"])


def test_paths_are_absolute_whatever_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, "a:\n  vae: v\n")
    monkeypatch.chdir(tmp_path)
    (place,) = read([Path("extra_model_paths.yaml")])["vae"]
    assert os.fspath(place) == os.fspath(tmp_path / "v")
