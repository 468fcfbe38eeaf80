"""What is said to the web process: all of it, in order; of progress only the newest when nobody reads."""

import contextlib
import os
import threading
from collections.abc import Iterator

import pytest

from executor.worker.frames import Frame, read
from executor.worker.outgoing import Outgoing

FULL = b"x" * (1 << 20)  # more than a pipe holds


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


def fail() -> None:
    raise AssertionError("the reader has gone")


def read_all(pipe: tuple[int, int], outgoing: Outgoing) -> list[Frame]:
    """Everything that was said up to now."""
    outgoing.close()
    os.close(pipe[1])
    with open(pipe[0], "rb", closefd=False) as stream:
        return list(iter(lambda: read(stream) or Frame({}), Frame({})))


def test_all_arrives_in_order(pipe: tuple[int, int]):
    outgoing = Outgoing(pipe[1], fail)
    for i in range(1000):
        outgoing.send({"n": i})
    assert [frame.header["n"] for frame in read_all(pipe, outgoing)] == list(range(1000))


def test_of_progress_only_the_newest_waits(pipe: tuple[int, int]):
    outgoing = Outgoing(pipe[1], fail)
    outgoing.send({"first": 1}, FULL)
    with open(pipe[0], "rb", closefd=False) as stream:
        assert stream.read(1)  # the writer is at the frame that fills the pipe
        for i in range(100):
            outgoing.send({"a": i}, b"picture" if i == 50 else b"", latest="a")
            outgoing.send({"b": i}, latest="b")
            if i % 50 == 0:
                outgoing.send({"event": i})
        stream.read(7 + len(b'{"first":1}') + len(FULL))
        heard = [read(stream) for _ in range(4)]
    assert heard == [Frame({"a": 99}, b"picture"), Frame({"b": 99}), Frame({"event": 0}), Frame({"event": 50})]
    outgoing.close()


def test_nobody_reads_any_more(pipe: tuple[int, int]):
    lost = threading.Event()
    outgoing = Outgoing(pipe[1], lost.set)
    os.close(pipe[0])
    outgoing.send({"n": 1})
    assert lost.wait(10)


def test_what_cannot_be_said(pipe: tuple[int, int]):
    outgoing = Outgoing(pipe[1], fail)
    outgoing.send({"id": 1, "event": {"event": "node_finished", "node": "3", "ui": {(1, 2): 3}}})
    outgoing.send({"id": 2, "reply": {(1, 2): 3}})
    finished, warned, refused = (frame.header for frame in read_all(pipe, outgoing))
    assert finished == {"id": 1, "event": {"event": "node_finished", "node": "3", "ui": None}}
    assert warned["event"]["event"] == "warned"
    assert "node 3" in warned["event"]["message"]
    assert refused["refused"]["kind"] == "internal"
