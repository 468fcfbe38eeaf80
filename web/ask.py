"""Asking the worker on behalf of a client: what goes wrong becomes an answer."""

from __future__ import annotations

import asyncio
from typing import Any

from executor.supervisor import Refused, WorkerLost
from web.errors import problem
from web.standard import brief
from web.state import State

PATIENCE = 60.0  # seconds; the worker needs a few to start, and looks at large graphs for as long


async def ask(state: State, do: str, *, payload: bytes = b"", patience: float = PATIENCE, **arguments: Any) -> Any:
    """What the worker answers; it is asked again if it ends meanwhile. Raises problem 400 or 503."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    lost = ""
    while (left := end - loop.time()) > 0:
        try:
            return await state.worker.ask(do, payload=payload, timeout=left, **arguments)
        except Refused as no:
            raise problem(400, "invalid_prompt", brief(str(no))) from None
        except WorkerLost as error:  # it may have been the job that runs; a new worker is on its way
            lost = brief(str(error))
            await asyncio.sleep(0.1)
        except asyncio.TimeoutError:
            break
    raise unavailable(state, lost)


def unavailable(state: State, details: str) -> Exception:
    what = "is busy" if state.worker.ready else "is not ready"
    error = problem(503, "worker_not_ready", f"the process that runs the graphs {what}; try again soon", details)
    error.headers["Retry-After"] = "5"
    return error
