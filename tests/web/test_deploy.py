"""docs/deploy.md, its unit and its Dockerfile: every option, path and number in them is one that there is."""

from __future__ import annotations

import configparser
import io
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import main
from executor.jobs import Jobs
from web import dispatch, tokens
from web.config import Config

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TEXT = (DOCS / "deploy.md").read_text(encoding="utf-8")
UNIT = (DOCS / "mezzotint.service").read_text(encoding="utf-8")
DOCKER = (DOCS / "Dockerfile").read_text(encoding="utf-8")
OTHERS = {  # options of other programs
    *("--build-arg", "--gpus", "--index-url", "--no-cache-dir", "--create-home", "--uid", "--start-period", "--now"),
    *("--system", "--home-dir", "--name", "--stop-timeout"),
}


@pytest.fixture(scope="module")
def help() -> str:
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit):
        main.main(["serve", "--help"])
    return out.getvalue()


@pytest.mark.parametrize("text", [TEXT, UNIT, DOCKER], ids=["deploy.md", "mezzotint.service", "Dockerfile"])
def test_every_option_is_one_of_serve(text: str, help: str):
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
    known = set(re.findall(r"--[a-z][a-z-]*", help)) | {"--help"}
    assert named - OTHERS <= known


def parsed(line: Sequence[str]) -> None:
    """A command line that the program takes."""
    name, *arguments = line
    assert Path(name).name == "mezzotint"
    assert main._parser().parse_args(arguments)


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # pyright: ignore[reportAttributeAccessIssue]
    parser.read_string(UNIT)
    return parser


def test_the_unit_starts_the_server_where_it_may_write():
    service = unit()["Service"]
    line = shlex.split(service["ExecStart"])
    parsed(line)
    base = line[line.index("--base-directory") + 1]
    assert service["ReadWritePaths"] == base == service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "yes"
    assert service["OOMPolicy"] == "continue"
    assert unit()["Unit"]["Documentation"].endswith("docs/deploy.md")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_takes_the_unit(tmp_path: Path):
    there = re.sub(r"ExecStart=\S+", f"ExecStart={shutil.which('true')}", UNIT)
    (path := tmp_path / "mezzotint.service").write_text(there.replace(str(DOCS), ""), encoding="utf-8")
    run = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True)
    assert not [line for line in run.stderr.splitlines() if "mezzotint.service:" in line]


def test_what_the_image_copies_is_there():
    for line in re.findall(r"^COPY (.+)$", DOCKER, re.MULTILINE):
        *sources, _ = line.split()
        assert [source for source in sources if not (ROOT / source).exists()] == []
    copied = {source for line in re.findall(r"^COPY (.+)$", DOCKER, re.MULTILINE) for source in line.split()[:-1]}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert packages | {"main.py", "pyproject.toml"} <= copied


def test_the_image_starts_the_server():
    found = re.search(r"^ENTRYPOINT (.+)$", DOCKER, re.MULTILINE)
    assert found
    parsed(json.loads(found[1]))
    check = re.search(r"^HEALTHCHECK .* CMD (.+)$", DOCKER, re.MULTILINE)
    assert check
    compile(json.loads(check[1])[2], "HEALTHCHECK", "exec")


def test_the_commands_of_the_page_are_taken():
    lines = re.findall(r"^    (mezzotint .+)$", TEXT, re.MULTILINE)
    assert lines
    for line in lines:
        parsed(shlex.split(line))


def test_the_numbers_are_the_real_ones():
    limits, config = Config(ROOT).limits, Config(ROOT)
    for number in (
        f"{limits.body >> 20} MB",
        f"{limits.depth} levels",
        f"{limits.nodes:,}",
        f"{limits.pixels:,} (",
        f"{limits.text >> 20} MB",
        f"{config.keep:,}",
        f"for {tokens.COOKIE_DAYS} days",
        f"After {tokens.GUESSES} different wrong tokens",
        f"client_max_body_size {limits.body >> 20}m",
        f"may finish within {dispatch.GRACE:g} seconds",
    ):
        assert number in TEXT, number


def test_files_that_are_linked_are_there():
    for name in re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT):
        assert (DOCS / name).exists(), name


def test_a_copy_of_the_database_of_a_stopped_server_has_every_job(tmp_path: Path):
    jobs = Jobs.open(tmp_path / "mezzotint.db")
    job, _ = jobs.add({"1": {"class_type": "PreviewAny", "inputs": {}}}, ["1"])
    jobs.close()
    assert [path.name for path in tmp_path.iterdir()] == ["mezzotint.db"]
    shutil.copy(tmp_path / "mezzotint.db", tmp_path / "copy.db")
    copy = Jobs.open(tmp_path / "copy.db")
    assert [waiting.id for waiting in copy.pending()] == [job.id]
    copy.close()
