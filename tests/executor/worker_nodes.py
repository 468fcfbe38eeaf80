"""Nodes for the tests of the worker process, which imports this module by its name. No torch."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

from executor import output_files
from executor.files import Files
from executor.node import Choice, Folder, Progress, Shown, node, silent


@node("Add", category="tests")
def add(*, a: int = 0, b: int = 1) -> int:
    return a + b


@node("Slow", category="tests")
def slow(*, a: int = 0) -> int:
    """Takes long enough to be kept on disk."""
    time.sleep(0.55)
    return a


@node("Show", category="tests", output_node=True)
def show(*, a: int) -> Shown[None]:
    return Shown({"values": [a]}, None)


@node("ShowOdd", category="tests", output_node=True)
def show_odd(*, a: int) -> Shown[None]:
    """Shows what JSON cannot say."""
    return Shown({"values": {(1, 2): a}}, None)


@node("Fail", category="tests", output_node=True)
def fail(*, message: str = "no luck") -> Shown[None]:
    raise ValueError(message)


@node("Wait", category="tests", cache=False, output_node=True)
def wait(*, begun: str = "", progress: Progress) -> Shown[None]:
    """Until it is cancelled. begun: a file to make when it has begun."""
    if begun:
        Path(begun).touch()
    while True:
        progress.check()
        time.sleep(0.002)


@node("Hang", category="tests", cache=False, output_node=True)
def hang(*, begun: str, obeys: bool = True) -> Shown[None]:
    """For ever, whether it is cancelled or not. obeys: SIGTERM."""
    if not obeys:
        ctypes.CDLL(None).signal(int(signal.SIGTERM), 1)  # SIG_IGN; Python's own way works in the main thread only
    Path(begun).touch()
    while True:
        time.sleep(60)


@node("Die", category="tests", cache=False, output_node=True)
def die(*, how: str = "SIGKILL", if_missing: str = "", a: int = 0) -> Shown[None]:
    """End the process with a signal, or with an exit code, unless there is a file `if_missing`."""
    if if_missing and Path(if_missing).exists():
        return Shown({"values": ["alive"]}, None)
    if if_missing:
        Path(if_missing).touch()
    if how.isdigit():
        os._exit(int(how))
    os.kill(os.getpid(), getattr(signal, how))
    time.sleep(60)
    return Shown({}, None)


@node("Print", category="tests", cache=False, output_node=True)
def print_(*, text: str) -> Shown[None]:
    """To standard output, from Python and below it, which must not reach the pipe; and read standard input."""
    print(text)
    os.write(1, f"{text} again\n".encode())
    return Shown({"values": [sys.stdin.read(), os.read(0, 10).decode()]}, None)


@node("Steps", category="tests", cache=False, output_node=True)
def steps(*, n: int, progress: Progress = silent) -> Shown[None]:
    for i in range(n):
        progress(i + 1, n)
    return Shown({"values": [n]}, None)


@node("SaveText", category="tests", output_node=True)
def save_text(*, text: str, prefix: str = "text", copies: int = 1, files: Files) -> Shown[None]:
    """Save a text, several times."""
    contents = (f"{text} {i}".encode() for i in range(copies))
    return Shown({"images": output_files.save(files, "output", prefix, "txt", contents)}, None)


def _models(files: Files) -> list[str]:
    return [*files.names("loras"), "none"]


@node("LoadModel", category="tests")
def load_model(*, name: Annotated[str, Folder("checkpoints")], other: Annotated[str, Choice(_models)] = "none") -> int:
    return len(name)


@node("Orphan", category="tests", cache=False, output_node=True)
def orphan(*, seconds: float) -> Shown[None]:
    """End the process, whose child lives on with all its pipes."""
    if os.fork():
        os._exit(3)
    time.sleep(seconds)
    os._exit(0)


@node("Environment", category="tests", cache=False, output_node=True)
def environment() -> Shown[None]:
    """What programs that a node starts find of Python."""
    return Shown({"values": [os.environ.get("PYTHONPATH"), os.environ.get("PYTHONSAFEPATH")]}, None)
