"""Pictures of unfinished work: when a node is asked for one, and what becomes of those that fail."""

from pathlib import Path

import pytest

from executor import events
from executor.cancel import Cancel, Reporter
from executor.files import Files
from executor.node import Cancelled, Progress, node, silent
from executor.previews import Preview, Previews, Wanted
from executor.run import execute
from tests.executor.toys import TOYS, api, plan

NOWHERE = Files(Path("/nowhere"))
AUTO = Preview()


class Clock:
    """Stands still unless told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Artist:
    """A sketch that takes `cost` seconds of a clock, and first waits for `wait`."""

    def __init__(self, clock: Clock, cost: float = 0.001, wait: float = 0.0):
        self.clock, self.cost, self.wait = clock, cost, wait
        self.wanted: list[Wanted] = []

    def __call__(self, wanted: Wanted) -> bytes:
        self.wanted.append(wanted)
        self.clock.now += self.wait
        wanted.begin()
        self.clock.now += self.cost
        return b"picture %d" % len(self.wanted)


def previews(clock: Clock, preview: Preview | None = AUTO) -> Previews:
    return Previews(preview, NOWHERE, lambda message: None, clock)


def drawn(clock: Clock, artist: Artist, step: float, steps: int) -> float:
    """The share of the time that the pictures of a run take."""
    made, start = previews(clock), clock.now
    for _ in range(steps):
        clock.now += step
        made.picture(artist)
    return len(artist.wanted) * artist.cost / (clock.now - start)


def test_the_first_report_has_a_picture():
    clock = Clock()
    artist = Artist(clock)
    assert previews(clock, Preview("taesd", 99)).picture(artist) == b"picture 1"
    assert (artist.wanted[0].method, artist.wanted[0].size) == ("taesd", 99)


def test_cheap_pictures_come_four_times_a_second():
    clock = Clock()
    artist = Artist(clock, cost=0.0)
    drawn(clock, artist, step=1 / 64, steps=640)
    assert len(artist.wanted) == 40


@pytest.mark.parametrize("cost", [0.01, 0.1, 1.0])
def test_dear_pictures_take_two_percent_of_the_time(cost: float):
    clock = Clock()
    artist = Artist(clock, cost)
    assert 0.015 < drawn(clock, artist, step=0.01, steps=30_000) < 0.0205
    assert len(artist.wanted) > 5


def test_waiting_for_the_work_costs_nothing():
    clock = Clock()
    artist = Artist(clock, cost=0.001, wait=0.2)
    drawn(clock, artist, step=0.06, steps=100)
    assert len(artist.wanted) > 15


@pytest.mark.parametrize("preview", [None, Preview("none")])
def test_none_are_made_where_none_are_wanted(preview: Preview | None):
    clock = Clock()
    artist = Artist(clock)
    assert previews(clock, preview).picture(artist) is None
    assert not artist.wanted


def test_a_report_without_a_sketch_has_no_picture():
    assert previews(Clock()).picture(None) is None


def test_a_choice_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="'best' is no method of previews; there are none, auto"):
        Preview("best")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="at least 1"):
        Preview(size=0)


def test_a_warning_is_given_once_a_run():
    heard: list[str] = []
    made = Previews(Preview(), NOWHERE, heard.append, clock := Clock())

    def sketch(wanted: Wanted) -> None:
        wanted.warn("no decoder")

    for _ in range(3):
        made.picture(sketch)
        clock.now += 10
    assert heard == ["no decoder"]


def test_a_model_file_is_found_by_its_name_without_ending(tmp_path: Path):
    folder = tmp_path / "models/vae_approx/tiny"
    folder.mkdir(parents=True)
    (folder / "taesd_decoder.pth").touch()
    wanted = Wanted("auto", 512, Files(tmp_path), lambda: None, lambda message: None)
    assert wanted.model("vae_approx", "taesd_decoder") == folder / "taesd_decoder.pth"
    assert wanted.model("vae_approx", "taesd") is None


# --- in a run ---


@node("Paint", category="toys", into=TOYS)
def paint(*, n: int = 3, fail: bool = False, progress: Progress = silent) -> int:
    def sketch(wanted: Wanted) -> bytes:
        if fail:
            raise OSError("no paint")
        return f"{wanted.method} {wanted.size}".encode()

    for i in range(n):
        progress(i + 1, n, sketch)
    return n


def watch(preview: Preview | None, **inputs: int) -> list[events.Event]:
    log: list[events.Event] = []
    graph = api(p=("Paint", inputs), o=("Show", {"a": ["p", 0]}))
    outcome = execute(plan(graph), files=NOWHERE, emit=log.append, preview=preview)
    assert outcome.ok
    return log


def reports(log: list[events.Event]) -> list[events.Progressed]:
    return [e for e in log if isinstance(e, events.Progressed)]


def test_progress_carries_the_picture():
    log = watch(Preview("auto", 64))
    assert [(e.value, e.preview) for e in reports(log)] == [(1, b"auto 64"), (2, None), (3, None)]
    assert "preview" not in events.to_json(reports(log)[0])


def test_by_default_a_run_makes_none():
    assert [e.preview for e in reports(watch(None))] == [None] * 3


def test_a_preview_that_fails_is_a_warning_and_the_last():
    log = watch(Preview(), fail=1)
    assert [e.preview for e in reports(log)] == [None] * 3
    warnings = [e.message for e in log if isinstance(e, events.Warned)]
    assert warnings == ["node p goes on without previews, since one failed: OSError: no paint"]


def test_after_a_failure_the_node_is_asked_no_more():
    clock, log = Clock(), list[events.Event]()
    calls = 0

    def sketch(wanted: Wanted) -> bytes:
        nonlocal calls
        calls += 1
        raise MemoryError

    report = Reporter("3", log.append, Cancel(), previews(clock))
    for i in range(5):
        report(i, 5, sketch)
        clock.now += 100
    assert calls == 1
    assert sum(isinstance(e, events.Warned) for e in log) == 1


def test_reports_that_are_left_out_draw_nothing():
    clock, log = Clock(), list[events.Event]()
    artist = Artist(clock, cost=0.0)
    report = Reporter("3", log.append, Cancel(), previews(clock))
    for i in range(1000):
        report(i + 1, 1000, artist)
        clock.now += 1
    assert len(artist.wanted) == len(log) == 101
    assert reports(log)[-1].value == 1000


def test_a_cancelled_run_draws_nothing():
    clock, cancel = Clock(), Cancel()
    artist = Artist(clock)
    cancel.set()
    with pytest.raises(Cancelled):
        Reporter("3", lambda event: None, cancel, previews(clock))(1, 2, artist)
    assert not artist.wanted
