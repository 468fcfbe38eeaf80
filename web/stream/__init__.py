"""From the events of a run to those who follow it.

`relay` hears the worker's events; `live` folds them into the state of the job that runs, `messages` says them in the
words of the standard's WebSocket; `hub` sends to WebSocket clients and `feed` to readers of server-sent events.
"""
