"""User data: workflows and settings that are written whole, below one folder and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.web.served import Served
from tests.web.tables import everything, make_state, put, query, refused, serving
from web import writing
from web.config import Limits
from web.routes import userdata

FLOW = b'{"nodes": []}'


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    put(tmp_path / "secret", "secret")
    put(tmp_path / "base/mezzotint.db", "secret")
    return tmp_path / "base"


@pytest.fixture
def server(base: Path) -> Iterator[Served]:
    with serving(make_state(base, Limits(text=10_000, body=50_000)), userdata) as server:
        yield server


@pytest.fixture
def user(base: Path) -> Path:
    return base / "user/default"


def at(name: str, **options: object) -> str:
    path = f"/userdata/{quote(name, safe='')}"
    return query(path, **options) if options else path


def test_there_is_one_user(server: Served):
    assert server.ask("/users").json == {"storage": "server", "migrated": True}
    assert refused(server.ask("/users", b'{"username": "x"}')) == (400, "single_user")


# --- files ---------------------------------------------------------------------------------------


def test_a_file_is_kept_read_and_deleted(server: Served, base: Path, user: Path):
    assert server.ask(at("workflows/my flow.json"), FLOW).json == "workflows/my flow.json"
    answer = server.ask(at("workflows/my flow.json"))
    assert (answer.status, answer.body) == (200, FLOW)
    assert answer.headers["content-type"] == "application/json"
    assert everything(user) == {"workflows/my flow.json"}
    answer = server.ask(at("workflows/my flow.json"), method="DELETE")
    assert (answer.status, answer.body) == (204, b"")
    assert server.ask(at("workflows/my flow.json")).status == 404
    assert server.ask(at("workflows/my flow.json"), method="DELETE").status == 404


def test_full_info_tells_size_and_times(server: Served, user: Path):
    info = server.ask(at("workflows/a.json", full_info="true"), FLOW).json
    stat = (user / "workflows/a.json").stat()
    times = {"modified": stat.st_mtime, "created": stat.st_ctime}
    assert info == {"path": "workflows/a.json", "size": len(FLOW), **times}


def test_overwriting_is_the_default_and_can_be_refused(server: Served, user: Path):
    server.ask(at("a"), b"1")
    assert refused(server.ask(at("a", overwrite="false"), b"2")) == (409, "file_exists")
    assert (user / "a").read_bytes() == b"1"
    assert server.ask(at("a", overwrite="true"), b"3").status == 200
    assert server.ask(at("a"), b"4").status == 200
    assert (user / "a").read_bytes() == b"4"
    assert server.ask(at("b", overwrite="false"), b"").status == 200
    assert everything(user) == {"a", "b"}


def test_of_many_at_once_one_is_first(server: Served, user: Path):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: server.ask(at("x", overwrite="false"), str(i).encode()), range(8)))
    winners = [i for i, answer in enumerate(answers) if answer.status == 200]
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    assert (user / "x").read_text() == str(winners[0])
    assert everything(user) == {"x"}


@pytest.mark.parametrize(
    "name", ["Grüße 猫.json", "100%.json", "a+b&c=d.json", "a?b#c.json", "workflows/.index.json", "%2F"]
)
def test_names_of_all_kinds_come_back(server: Served, user: Path, name: str):
    assert server.ask(at(name), FLOW).json == name
    assert server.ask(at(name)).body == FLOW
    assert everything(user) == {name}


@pytest.mark.parametrize("name", ["page.html", "a.svg", "a.js", "user.css", "a.xml", "none"])
def test_nothing_is_sent_with_a_type_that_a_browser_would_run(server: Served, name: str):
    server.ask(at(name), b"<script>alert(1)</script>")
    answer = server.ask(at(name))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_is_moved(server: Served, user: Path):
    server.ask(at("workflows/a.json"), b"a")
    server.ask(at("b.json"), b"b")
    assert server.ask("/userdata/workflows%2Fa.json/move/x%2Fy%2Fc.json", b"").json == "x/y/c.json"
    assert refused(server.ask("/userdata/x%2Fy%2Fc.json/move/b.json?overwrite=false", b"")) == (409, "file_exists")
    assert everything(user) == {"x/y/c.json", "b.json"}
    info = server.ask("/userdata/x%2Fy%2Fc.json/move/b.json?full_info=true", b"").json
    assert (info["path"], info["size"]) == ("b.json", 1)
    assert everything(user) == {"b.json"}
    assert (user / "b.json").read_bytes() == b"a"
    assert server.ask("/userdata/b.json/move/b.json?overwrite=false", b"").status == 200
    assert server.ask("/userdata/none/move/z", b"").status == 404
    assert server.ask("/userdata/b.json/move/b.json%2Fc", b"").status == 409


BAD = [
    "..", "../x", "../../mezzotint.db", "a/../../x", "/etc/passwd", "\\etc\\passwd", "..\\x", "C:\\x", "a\0b", "a\nb",
    "CON", "a/nul.json", "x" * 300, ".", "a/", "away/x",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_names_that_lead_elsewhere_are_refused(server: Served, base: Path, user: Path, tmp_path: Path, name: str):
    user.mkdir(parents=True)
    (user / "away").symlink_to(tmp_path)
    put(user / "here", "x")
    before = everything(tmp_path)
    asked = [
        server.ask(at(name)),
        server.ask(at(name), b"evil"),
        server.ask(at(name), method="DELETE"),
        server.ask(f"{at(name)}/move/x", b""),
        server.ask(f"/userdata/here/move/{quote(name, safe='')}", b""),
    ]
    assert all(answer.status in (400, 403) for answer in asked), [answer.status for answer in asked]
    assert all(answer.error and str(tmp_path).encode() not in answer.body for answer in asked)
    assert everything(tmp_path) == before


def test_a_folder_is_no_file(server: Served, user: Path):
    put(user / "workflows/a.json")
    assert server.ask(at("workflows")).status == 404
    assert server.ask(at("workflows"), method="DELETE").status == 404
    assert refused(server.ask(at("workflows"), b"x")) == (409, "name_taken")
    assert refused(server.ask(at("workflows/a.json/b"), b"x")) == (409, "name_taken")
    assert everything(user) == {"workflows/a.json"}


def test_what_is_too_large_is_refused(server: Served, base: Path):
    assert refused(server.ask(at("a"), bytes(10_001))) == (413, "too_large")
    assert server.ask(at("a"), bytes(10_000)).status == 200


def test_a_failed_write_keeps_the_old_file(server: Served, user: Path, monkeypatch: pytest.MonkeyPatch):
    server.ask(at("a"), b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device", "/secret")

    monkeypatch.setattr(writing, "settle", full)
    answer = server.ask(at("a"), b"new")
    assert refused(answer) == (507, "disk_full")
    assert b"/secret" not in answer.body
    assert (user / "a").read_bytes() == b"old"
    assert everything(user) == {"a"}


# --- listings ------------------------------------------------------------------------------------


@pytest.fixture
def filled(user: Path, tmp_path: Path) -> Path:
    for name in ("workflows/b.json", "workflows/a.json", "workflows/x/y/c.json", "workflows/.index.json", "other.txt"):
        put(user / name, "12345")
    (user / "workflows/away").symlink_to(tmp_path)
    (user / "workflows/link.json").symlink_to(tmp_path / "secret")
    return user


def test_a_folder_lists_its_files(server: Served, filled: Path):
    assert server.ask("/userdata?dir=workflows").json == ["a.json", "b.json"]
    assert server.ask("/userdata?dir=workflows/").json == ["a.json", "b.json"]
    assert server.ask("/userdata?dir=workflows&recurse=true").json == ["a.json", "b.json", "x/y/c.json"]
    assert server.ask("/userdata?dir=workflows%2Fx&recurse=true").json == ["y/c.json"]
    assert server.ask("/userdata?dir=workflows&recurse=true&split=true").json == [
        ["a.json", "a.json"],
        ["b.json", "b.json"],
        ["x/y/c.json", "x", "y", "c.json"],
    ]
    assert server.ask("/userdata?dir=").json == ["other.txt"]


def test_a_folder_lists_sizes_and_times(server: Served, filled: Path):
    found = server.ask("/userdata?dir=workflows&recurse=true&split=false&full_info=true").json
    assert [(f["path"], f["size"]) for f in found] == [("a.json", 5), ("b.json", 5), ("x/y/c.json", 5)]
    assert all(set(f) == {"path", "size", "modified", "created"} for f in found)
    assert found[0]["modified"] == (filled / "workflows/a.json").stat().st_mtime


def test_the_second_listing_has_files_and_folders(server: Served, filled: Path):
    found = server.ask("/v2/userdata?path=workflows").json
    assert [(f["name"], f["type"], f["path"]) for f in found] == [
        ("a.json", "file", "workflows/a.json"),
        ("b.json", "file", "workflows/b.json"),
        ("x", "directory", "workflows/x"),
    ]
    assert found[0]["size"] == 5
    assert [f["name"] for f in server.ask("/v2/userdata").json] == ["other.txt", "workflows"]


def test_before_anything_is_kept_there_is_nothing(server: Served):
    assert server.ask("/v2/userdata").json == []
    assert refused(server.ask("/userdata?dir=workflows")) == (404, "folder_not_found")
    assert refused(server.ask("/userdata")) == (400, "no_folder")


@pytest.mark.parametrize(
    "name", ["..", "../..", "/etc", "workflows/../..", "workflows/away", "a\0", "nothing", "other.txt"]
)
def test_other_folders_are_not_listed(server: Served, filled: Path, name: str):
    assert server.ask(query("/userdata", dir=name, recurse="true")).status in (400, 403, 404)
    assert server.ask(query("/v2/userdata", path=name)).status in (400, 403, 404)


# --- settings ------------------------------------------------------------------------------------


def test_settings_are_kept_one_by_one_and_together(server: Served, user: Path):
    assert server.ask("/settings").json == {}
    assert server.ask("/settings/Comfy.Theme").json is None
    assert server.ask("/settings/Comfy.Theme", b'"dark"').status == 200
    assert server.ask("/settings", b'{"a": [1, {"b": null}], "Comfy.X": 0.5}').status == 200
    assert server.ask("/settings/a", b"false").status == 200
    expected = {"Comfy.Theme": "dark", "a": False, "Comfy.X": 0.5}
    assert server.ask("/settings").json == expected
    assert server.ask("/settings/Comfy.Theme").json == "dark"
    assert json.loads((user / "comfy.settings.json").read_text()) == expected
    assert everything(user) == {"comfy.settings.json"}


def test_no_two_changes_undo_each_other(server: Served):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: server.ask(f"/settings/s{i}", str(i).encode()), range(40)))
    assert server.ask("/settings").json == {f"s{i}": i for i in range(40)}


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"x"', b"null"])
def test_what_are_no_settings_is_refused(server: Served, user: Path, body: bytes):
    assert server.ask("/settings", body).status == 400
    assert everything(user) == set()


def test_settings_have_a_limit(server: Served):
    assert server.ask("/settings/a", b'"%b"' % (b"x" * 9_000)).status == 200
    assert refused(server.ask("/settings/b", b'"%b"' % (b"x" * 9_000))) == (413, "too_large")
    assert server.ask("/settings/b").json is None


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000])
def test_broken_settings_are_named_and_kept(server: Served, user: Path, text: str):
    put(user / "comfy.settings.json", text)
    answer = server.ask("/settings")
    assert refused(answer) == (500, "broken_settings")
    assert b"user/default/comfy.settings.json" in answer.body
    assert refused(server.ask("/settings/a", b"1")) == (500, "broken_settings")
    assert (user / "comfy.settings.json").read_text() == text
