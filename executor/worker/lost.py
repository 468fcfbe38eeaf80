"""How a worker process ended, in words."""

from __future__ import annotations

import signal
from dataclasses import dataclass

FAULTS = {"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP"}


class WorkerLost(Exception):
    """The worker process has ended, or cannot be started; the message is for people."""

    def __init__(self, death: Death, *, sent: bool = True):
        super().__init__(str(death))
        self.death, self.sent = death, sent  # sent: the worker had heard the request
        self.signal, self.exit_code = death.signal, death.exit_code
        self.node, self.node_type = death.node, death.node_type
        self.memory, self.log = death.memory, death.log


@dataclass(frozen=True)
class Death:
    """signal: its name. memory: bytes when it was last looked at. log: the last lines of its standard error."""

    signal: str | None = None
    exit_code: int | None = None
    node: str | None = None
    node_type: str | None = None
    memory: int | None = None
    log: str = ""
    was_ready: bool = True
    reason: str = ""  # in place of signal and exit code

    def __str__(self) -> str:
        text = f"the worker process {self.reason or self._how()}"
        if not self.was_ready:
            last = self.log.rstrip().rpartition("\n")[2]
            return f"{text} before it was ready{f': {last}' if last else ''}"
        if self.node is not None:
            text += f" while it ran {self.node_type} {self.node}"
        return f"{text}; it used {_size(self.memory)}" if self.memory else text

    def _how(self) -> str:
        if self.signal is None:
            return f"ended with exit code {_code(self.exit_code)}"
        if self.signal in FAULTS:
            return f"crashed with {self.signal}"
        return f"was killed by {self.signal}{' (perhaps out of memory)' if self.signal == 'SIGKILL' else ''}"


def named(number: int) -> str:
    """The name of a signal."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _code(code: int | None) -> str:
    """Windows tells of faults by huge numbers, known in hexadecimal."""
    return hex(code) if code is not None and code > 0xFFFF else str(code)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
