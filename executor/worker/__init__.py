"""The process that owns nodes, models and caches, and how the web process keeps it and speaks with it.

`__main__` is the worker (`python -m executor.worker`) with `running`, `requests`, `outgoing` and `place` inside;
`supervisor`, `child` and `lost` are the other end of the pipe; `frames` is what crosses it.
"""
