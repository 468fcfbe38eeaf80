"""The log: one line an event whatever is in it, the same in both forms, and no token ever."""

import io
import json
import logging

import pytest

from web.logs import KEPT, Bridge, Logs, redact


def lines(logs: Logs) -> list[str]:
    stream = logs._stream
    assert isinstance(stream, io.StringIO)
    return stream.getvalue().splitlines()


def text() -> Logs:
    return Logs(stream=io.StringIO())


def as_json() -> Logs:
    return Logs(json=True, stream=io.StringIO())


def test_text_has_time_level_message_and_fields():
    logs = text()
    logs.event("warning", "the disk is nearly full", free=12, path="a b")
    time, rest = lines(logs)[0].split(" ", 1)
    assert time.endswith("+00:00")
    assert rest == 'WARNING the disk is nearly full free=12 path="a b"'


def test_json_has_the_same_as_fields():
    logs = as_json()
    logs.event("error", "it failed", id="ab", traceback="Traceback:\n  x")
    entry = json.loads(lines(logs)[0])
    assert entry.pop("time")
    assert entry == {"level": "error", "message": "it failed", "id": "ab", "traceback": "Traceback:\n  x"}


@pytest.mark.parametrize("make", [text, as_json])
@pytest.mark.parametrize("evil", ["a\nb", "a\r\nERROR forged", "\x1b]0;title\x07", "\u2028x", "\x85x", "\ud800"])
def test_nothing_forges_a_line_or_commands_a_terminal(make: type[Logs], evil: str):
    logs = make()
    logs.event("info", evil, field=evil)
    assert len(lines(logs)) == 1
    assert "\x1b" not in lines(logs)[0]


def test_traceback_is_in_the_log_but_not_in_what_clients_can_see():
    logs = text()
    logs.event("error", "it failed", traceback="Traceback:\n  File secret")
    assert [line.strip() for line in lines(logs)[1:]] == ["Traceback:", "File secret"]
    assert [entry["m"] for entry in logs.recent()] == ["it failed"]


def test_lines_of_the_worker_are_tagged_and_plain():
    logs = as_json()
    logs.worker("\x1b[32mloaded\x1b[0m\n")
    logs.worker("10%\r50%\r100%\n")
    logs.worker("\n")
    logs.worker("x" * 100_000)
    entries = [json.loads(line) for line in lines(logs)]
    assert [(e["message"][:10], e["source"]) for e in entries] == [
        ("loaded", "worker"),
        ("100%", "worker"),
        ("x" * 10, "worker"),
    ]
    assert len(entries[2]["message"]) == 4_000


def test_listeners_get_each_entry_and_the_newest_are_kept():
    logs, heard = text(), []
    logs.listeners.add(heard.append)
    for i in range(KEPT + 5):
        logs.event("info", str(i))
    assert [e["m"] for e in logs.recent()] == [str(i) for i in range(5, KEPT + 5)]
    assert heard[-1] == logs.recent()[-1]


def test_a_listener_may_leave_while_it_is_told():
    logs = text()
    logs.listeners.add(lambda entry: logs.listeners.clear())
    logs.event("info", "a")
    assert not logs.listeners


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_the_server_outlives_the_reader_of_its_log():
    Logs(stream=Broken()).event("info", "a")
    closed = io.StringIO()
    closed.close()
    Logs(stream=closed).event("info", "a")


def test_a_stream_without_the_characters_gets_their_numbers():
    stream = io.TextIOWrapper(raw := io.BytesIO(), "ascii")
    Logs(stream=stream).event("info", "größer")
    assert b"gr\\xf6\\xdfer" in raw.getvalue()


@pytest.mark.parametrize("path", ["/view?token=s3cret&a=1", "/ws?clientId=1&token=s3cret", "GET /?TOKEN=s3cret HTTP"])
def test_tokens_are_taken_out(path: str):
    assert "s3cret" not in redact(path)
    assert "oken=..." in redact(path).replace("OKEN", "oken")


def test_what_libraries_log_becomes_events():
    logs = as_json()
    logger = logging.Logger("aiohttp.server")
    logger.addHandler(Bridge(logs))
    try:
        raise ValueError("bad ?token=s3cret")
    except ValueError:
        logger.exception("Error handling /?token=s3cret")
    try:
        raise ConnectionResetError
    except ConnectionResetError:
        logger.exception("Error handling request")
    logger.info("quiet")
    (entry,) = [json.loads(line) for line in lines(logs)]
    assert entry["source"] == "aiohttp.server"
    assert entry["error"] == "ValueError: bad ?token=..."
    assert "Traceback" in entry["traceback"]
    assert "s3cret" not in "".join(lines(logs))
