"""The metrics: what is counted is what is shown, in a format that a strict reader takes."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.prometheus import Family, read
from web.metrics import BUCKETS, MOST_TYPES, Metrics


def state(live: Any = None, remaining: int = 0) -> Any:
    return SimpleNamespace(
        dispatcher=SimpleNamespace(live=live),
        jobs=SimpleNamespace(remaining=lambda: remaining),
        hub=SimpleNamespace(sids=lambda: {"a", "b"}),
        worker=SimpleNamespace(ready=True, restarts=3, memory=lambda: 12_345),
    )


def value(families: dict[str, Family], name: str, family: str = "", **labels: str) -> float:
    full = f"mezzotint_{name}"
    return families[f"mezzotint_{family}" if family else full].samples[full, frozenset(labels.items())]


def test_a_fresh_server_shows_every_metric():
    families = read(Metrics().render(state()))
    assert {name for name, family in families.items() if family.samples} == set(families) - {
        "mezzotint_node_seconds",
        "mezzotint_http_requests_total",
    }
    assert value(families, "jobs_total", state="success") == 0


def test_what_was_counted_is_shown():
    metrics = Metrics()
    for _ in range(3):
        metrics.job("success", 0.07)
    metrics.job("error", 10_000)
    metrics.node("KSampler", 2.5)
    metrics.node("KSampler", 1.5)
    metrics.cached(4)
    metrics.crash()
    metrics.answer(404)
    families = read(metrics.render(state(live=object(), remaining=6)))
    assert value(families, "jobs_total", state="success") == 3
    assert value(families, "job_seconds_bucket", "job_seconds", state="success", le="0.05") == 0
    assert value(families, "job_seconds_bucket", "job_seconds", state="success", le="0.1") == 3
    assert value(families, "job_seconds_bucket", "job_seconds", state="error", le="3600") == 0
    assert value(families, "job_seconds_bucket", "job_seconds", state="error", le="+Inf") == 1
    assert value(families, "node_seconds_sum", "node_seconds", type="KSampler") == 4.0
    assert value(families, "node_seconds_count", "node_seconds", type="KSampler") == 2
    assert value(families, "cached_nodes_total") == 4
    assert value(families, "worker_crashes_total") == 1
    assert value(families, "http_requests_total", status="4xx") == 1
    assert value(families, "queue_jobs") == 5
    assert value(families, "running_jobs") == 1
    assert value(families, "clients") == 2
    assert value(families, "worker_ready") == 1
    assert value(families, "worker_restarts_total") == 3
    assert value(families, "worker_memory_bytes") == 12_345
    assert value(families, "server_memory_bytes") > 1_000_000


@given(st.lists(st.tuples(st.text(max_size=5), st.floats(0, 1e6))))
def test_any_node_type_and_time_can_be_read(nodes: list[tuple[str, float]]):
    metrics = Metrics()
    for type, seconds in nodes:
        metrics.node(type, seconds)
        metrics.job("success", seconds)
    families = read(metrics.render(state()))
    assert value(families, "jobs_total", state="success") == len(nodes)
    samples = families["mezzotint_node_seconds"].samples
    assert len(samples) == 2 * len({type for type, _ in nodes})
    assert sum(n for (name, _), n in samples.items() if name.endswith("_count")) == len(nodes)


@pytest.mark.parametrize("bound", BUCKETS)
def test_a_bucket_holds_its_bound(bound: float):
    metrics = Metrics()
    metrics.job("success", bound)
    families = read(metrics.render(state()))
    assert value(families, "job_seconds_bucket", "job_seconds", state="success", le=str(bound)) == 1


def test_types_do_not_grow_without_end():
    metrics = Metrics()
    for i in range(MOST_TYPES + 50):
        metrics.node(f"type {i}", 1)
    families = read(metrics.render(state()))
    assert value(families, "node_seconds_count", "node_seconds", type="other") == 50
    assert len(metrics.nodes) == MOST_TYPES + 1
