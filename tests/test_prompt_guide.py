"""What docs/prompts.md tells people to write does what it says."""

import re
import shlex
from pathlib import Path

import pytest

import main
import nodes
from diffusion.clip import ClipConfig
from diffusion.emphasis import LANGUAGES
from diffusion.prompt_schedule import stretches
from diffusion.text import Clip, stable_diffusion_1
from diffusion.wildcard_files import drawn
from executor.node import registry
from tests.diffusion.test_clip import network

assert nodes.__name__  # registers them

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs/prompts.md").read_text(encoding="utf-8")
CONFIG = ClipConfig(32, 3, 4, 48, 77, 49408, True, None)


def examples(kind: str) -> list[tuple[str, list[str]]]:
    """What is written, and what it gives, of all blocks of a kind."""
    blocks = re.findall(rf"^```{kind}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    lines = [line.partition(" -> ") for block in blocks for line in block.splitlines()]
    assert lines
    return [(text.strip(), gives.strip().split(" / ")) for text, _, gives in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wildcard files of the guide."""
    made = tmp_path_factory.mktemp("wildcards")
    for name, text in re.findall(r"^```file (\S+)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL):
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text(text)
    assert len(list(made.rglob("*.txt"))) == 2
    return made


@pytest.mark.parametrize(("text", "gives"), examples("draw"))
def test_choices_draw_what_is_said(text: str, gives: list[str], folder: Path):
    assert {drawn(text, seed, folder) for seed in range(400)} == set(gives)


@pytest.mark.parametrize(("text", "gives"), examples("schedule"))
def test_prompts_change_as_is_said(text: str, gives: list[str]):
    assert [f"{s.start + 1}-{s.end}: {s.text}" for s in stretches(text, 10)] == gives


@pytest.mark.parametrize(
    ("language", "text", "gives"),
    [(name, *e) for name, kind in (("standard", "standard"), ("A1111", "a1111")) for e in examples(kind)],
)
def test_weights_are_what_is_said(language: str, text: str, gives: list[str]):
    assert [f'"{s}" {weight:.3g}' for s, weight in LANGUAGES[language].parse(text)] == gives


@pytest.mark.parametrize(("text", "gives"), examples("chunks"))
def test_chunks_are_as_many_as_is_said(text: str, gives: list[str]):
    clip = Clip((stable_diffusion_1(network(CONFIG), CONFIG),))
    for language in LANGUAGES.values():
        assert [str(len(clip.tokenize(text, clip.encoders[0], language)))] == gives


def test_every_node_and_every_way_to_weigh_is_named():
    names = {spec.display_name for spec in registry.values() if spec.module == "nodes.prompts"}
    assert len(names) == 5
    assert all(name in GUIDE for name in names)
    assert all(f"**{name}**" in GUIDE for name in LANGUAGES)


def test_every_command_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("models", "workflows"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    commands = [line.strip() for line in GUIDE.splitlines() if line.startswith("    python main.py")]
    assert len(commands) == 2
    for command in commands:
        assert main.main(shlex.split(command)[2:]) == main.OK, command
    assert len(list((tmp_path / "pictures").iterdir())) == 2
