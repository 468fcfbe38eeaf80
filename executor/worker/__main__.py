"""The process that owns nodes, models and caches: `python -m executor.worker --nodes nodes --base DIR`.

It hears requests on its standard input and answers on its standard output (executor.worker.frames). Three threads:
this one runs jobs, one hears, one writes; a few more answer what is asked meanwhile. When its input ends, the process
that asked is gone, and it ends at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from executor import lock
from executor.files import Files
from executor.fingerprint import CODE, fingerprint
from executor.output_files import version
from executor.worker import frames
from executor.worker.outgoing import Outgoing
from executor.worker.place import Place

if TYPE_CHECKING:
    from executor.worker.running import Runner

OOM_SCORE = 500  # so that the system takes this process and not the one that holds the queue


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Serve the process that started this one, until it says stop or goes away."""
    options = _parser().parse_args(arguments)
    try:
        _serve(options)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    sys.stderr.flush()
    os._exit(0)  # not through the exits of libraries, which may hang or crash


def _serve(options: argparse.Namespace) -> None:
    hear, say = _own_pipes()
    _be_expendable()
    _restore_environment()
    outgoing = Outgoing(say, lambda: os._exit(1))
    worker = Worker(outgoing)
    threading.Thread(target=worker.listen, args=(hear,), name="incoming", daemon=True).start()
    base: Path = options.base
    lock.hold(base / "cache" / "worker.lock", lambda pid: _say(f"waiting for the worker process {pid} to end"))
    code = fingerprint([*CODE, *options.nodes])
    for module in options.nodes:
        importlib.import_module(module)
    place = base / "cache" / "worker.node"
    hello = {"pid": os.getpid(), "version": version(), "fingerprint": code, "place": str(place)}
    at = Place(place)
    outgoing.send({"hello": hello})
    worker.serve(_files(options), at)
    outgoing.close()


class Worker:
    """Hands each request to the thread that answers it."""

    def __init__(self, outgoing: Outgoing):
        self._outgoing = outgoing
        self._ready = threading.Event()
        self._answering = ThreadPoolExecutor(4, "answers")
        self._runner: Runner

    def serve(self, files: Files, place: Place) -> None:
        """Run jobs until `stop` is asked for."""
        from executor.worker.running import Runner

        self._runner = Runner(files, place, self._outgoing)
        asyncio.run(self._runner.serve(self._ready.set))

    def listen(self, stream: BinaryIO) -> None:
        """Hear requests, in a thread of its own, until there are none any more."""
        try:
            while frame := frames.read(stream):
                self._ready.wait()
                self._hear(*frame)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    def _hear(self, request: dict[str, Any], payload: bytes) -> None:
        at_once: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "run": self._runner.add,
            "cancel": lambda request: self._runner.cancel(str(request.get("job"))),
            "stop": lambda request: self._runner.stop(),
        }
        handler = at_once.get(str(request.get("do")))
        if handler is None:
            self._answering.submit(self._answer, request, payload)
            return
        handler(request)
        if request["do"] != "run":
            self._outgoing.send({"id": request.get("id"), "reply": {}})

    def _answer(self, request: dict[str, Any], payload: bytes) -> None:
        from executor.worker.requests import Refused, answer

        id = request.get("id")
        try:
            self._outgoing.send({"id": id, "reply": answer(self._runner.site, request, payload)})
            self._runner.freed |= request["do"] == "free"
        except Refused as refused:
            self._outgoing.send({"id": id, "refused": {"kind": refused.kind, "message": str(refused)}})
        except BaseException as error:
            traceback.print_exc()
            message = f"{type(error).__name__}: {error}"
            self._outgoing.send({"id": id, "refused": {"kind": "internal", "message": message}})


# --- being a process ------------------------------------------------------------------------------


def _own_pipes() -> tuple[BinaryIO, int]:
    """The pipes to the web process, which no node can reach: what it prints goes to the log, and it reads nothing."""
    hear, say = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(line_buffering=True, errors="backslashreplace")
    return os.fdopen(hear, "rb"), say


def _be_expendable() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the process that started this one
    faulthandler.enable(all_threads=False)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))


def _restore_environment() -> None:
    """Without what the supervisor set so that this module is found: programs that nodes start have their own."""
    os.environ.pop("PYTHONSAFEPATH", None)
    home, _, others = os.environ.get("PYTHONPATH", "").partition(os.pathsep)
    if home == str(Path(__file__).resolve().parent.parent.parent):
        os.environ.pop("PYTHONPATH")
        os.environ.update({"PYTHONPATH": others} if others else {})


def _say(message: str) -> None:
    print(f"mezzotint: {message}", file=sys.stderr)


def _files(options: argparse.Namespace) -> Files:
    extra: dict[str, tuple[Path, ...]] = {}
    for text in options.extra:
        folder, _, path = text.partition("=")
        extra[folder] = (*extra.get(folder, ()), Path(path))
    return Files(options.base, output=options.output, extra=extra)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("executor.worker", description="Runs graphs for a server.")
    parser.add_argument("--nodes", action="append", required=True, metavar="MODULE", help="registers nodes; repeatable")
    parser.add_argument("--base", type=Path, required=True, metavar="DIR", help="where models/, input/ and output/ are")
    parser.add_argument("--output", type=Path, metavar="DIR", help="save here instead of output/")
    parser.add_argument("--extra", action="append", default=[], metavar="FOLDER=PATH", help="more models; repeatable")
    return parser


if __name__ == "__main__":
    main()
