"""Asking the worker on behalf of a client: what goes wrong becomes an answer."""

from __future__ import annotations

import asyncio
from typing import Any

from executor.worker.supervisor import Refused, WorkerLost
from web.errors import problem
from web.standard import brief
from web.state import State

PATIENCE = 60.0  # seconds; the worker needs a few to start, and looks at large graphs for as long
START = 15.0  # seconds in which a worker whose start fails is hoped for


async def ask(state: State, do: str, *, payload: bytes = b"", patience: float | None = None, **arguments: Any) -> Any:
    """What the worker answers; it is asked again if it ends meanwhile. Raises problem 400, 500 or 503."""
    clock = asyncio.get_running_loop().time
    end = clock() + (PATIENCE if patience is None else patience)
    failing = clock() + START
    lost = ""
    while (left := end - clock()) > 0:
        try:
            return await state.worker.ask(do, payload=payload, timeout=left, **arguments)
        except Refused as no:
            raise _refused(no) from None
        except WorkerLost as error:  # it may have been the job that runs; a new worker is on its way
            lost = brief(str(error))
            if clock() > failing:
                break
            await asyncio.sleep(0.1)
        except (TimeoutError, asyncio.TimeoutError):
            break
    what = "is busy" if state.worker.ready else "is not ready"
    error = problem(503, "worker_not_ready", f"the process that runs the graphs {what}; try again soon", lost)
    error.headers["Retry-After"] = "5"
    raise error


def _refused(no: Refused) -> Exception:
    if no.kind == "internal":
        return problem(500, "internal_error", "the server failed at this document; its log says why")
    return problem(400, "invalid_prompt", brief(str(no)))
