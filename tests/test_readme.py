"""What README.md tells people to type works."""

import re
import shlex
from pathlib import Path

import pytest

import main

ROOT = Path(__file__).parents[1]
LINES = [line.strip() for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("    ")]
TYPED = [line.partition("&& ")[2] or line for line in LINES]
SERVE = "python main.py serve"  # goes on until it is stopped: tests/web starts it
COMMANDS = [line for line in TYPED if line.startswith("python main.py") and line != SERVE]


def test_the_two_commands_are_there():
    assert "pip install -e . && python main.py run workflows/text_to_image.json" in LINES
    assert 'pip install -e ".[test]" && pytest' in LINES
    project = (ROOT / "pyproject.toml").read_text()
    assert re.search(r'^test = \[[^]]*"pytest>=', project, re.MULTILINE)
    assert 'testpaths = ["tests"]' in project


def test_every_command_works_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("models", "input", "workflows"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) >= 6
    for line in COMMANDS:
        assert main.main(shlex.split(line)[2:]) == main.OK, line
    assert (tmp_path / "output" / "mezzotint_00001_.png").is_file()
    assert (tmp_path / "pictures" / "mezzotint_00001_.png").is_file()


def test_the_server_is_named():
    assert SERVE in TYPED


def test_every_file_named_is_there():
    text = (ROOT / "README.md").read_text()
    for name in re.findall(r"\]\(([\w./-]+)\)", text) + re.findall(r"`((?:workflows|models)/[\w./-]+\.\w+)`", text):
        assert (ROOT / name).is_file(), name
    listed = re.findall(r"^\| `(\w+\.json)` \|", (ROOT / "workflows/README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(file.name for file in (ROOT / "workflows").glob("*.json"))


def test_every_option_named_is_in_the_help(capsys: pytest.CaptureFixture[str]):
    for command in ("run", "serve", "train"):
        with pytest.raises(SystemExit):
            main.main([command, "--help"])
    told = capsys.readouterr().out
    for option in re.findall(r"`(--[\w-]+)", (ROOT / "README.md").read_text()):
        assert option in told
