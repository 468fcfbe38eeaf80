"""Curves and maps: the numbers behind them, where they are drawn, and what is refused."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from diffusion.labels import THEMES
from diffusion.plots import (
    BLUE,
    GREEN,
    HEAT,
    MARGIN,
    RED,
    SERIES,
    counts,
    heat,
    histograms,
    linear,
    logarithmic,
    schedules,
    with_legend,
)


def where(picture: Tensor, color: tuple[int, int, int]) -> Tensor:
    """The places (n, 2) of a colour: y, x."""
    return ((picture[0] * 255 - torch.tensor(color)).abs().amax(-1) < 12).nonzero()


def test_counts_are_those_of_numpy():
    values = np.random.default_rng(0).integers(0, 256, (40, 50), dtype=np.uint8)
    assert (counts(values) == np.histogram(values, 256, (0, 256))[0]).all()


def test_each_channel_has_its_peak_at_its_level():
    image = torch.tensor([40, 130, 220]).div(255).expand(1, 64, 64, 3) + 0.01 * torch.randn(1, 64, 64, 3)
    made = histograms(image, "linear", "light")
    assert made.shape == (1, 320, 512, 3)
    width = 512 - MARGIN["left"] - MARGIN["right"]
    for color, level in ((RED, 40), (GREEN, 130), (BLUE, 220)):
        places = where(made[:, MARGIN["top"] :], color)
        peak = float(places[places[:, 0] == places[:, 0].min(), 1].float().mean())
        assert abs(peak - (MARGIN["left"] + level / 255 * width)) < 12


@pytest.mark.parametrize("scale", ["linear", "logarithmic"])
@pytest.mark.parametrize("theme", THEMES)
def test_every_picture_has_a_histogram(scale: str, theme: str):
    every = torch.cat((torch.rand(1, 9, 8, 3), torch.zeros(1, 9, 8, 3), torch.ones(1, 9, 8, 3)))
    made = histograms(every, scale, theme)
    assert made.shape == (3, 320, 512, 3)
    ground = torch.tensor(THEMES[theme].ground) / 255
    torch.testing.assert_close(made[:, 0, 0], ground.expand(3, 3))
    assert all(one.std() > 0.01 for one in made)
    assert histograms(torch.rand(1, 1, 1, 1), scale, theme).shape[0] == 1


def test_a_grey_picture_has_one_curve():
    grey = torch.rand(1, 64, 64, 1)
    made = histograms(grey, "linear", "light")
    assert not len(where(made, RED))
    assert len(where(made, THEMES["light"].ink)) > 100


def test_a_schedule_falls_from_its_first_level_to_its_last():
    levels = torch.tensor([10.0, 5.0, 1.0, 0.0])
    for scale in ("linear", "logarithmic"):
        places = where(schedules([("sigmas", levels)], scale, "light")[:, MARGIN["top"] :], SERIES[0])
        left, right = places[places[:, 1] == places[:, 1].min()], places[places[:, 1] == places[:, 1].max()]
        assert left[:, 0].float().mean() < 40
        assert right[:, 0].float().mean() > 250
    both = schedules([("a", levels), ("b", levels / 2)], "linear", "dark")
    assert len(where(both, SERIES[1])) > 100


@pytest.mark.parametrize("levels", [[0.0], [1.0], [0.0, 0.0], [3.0, 3.0], [1e-9, 1e9], list(range(500, 0, -1))])
@pytest.mark.parametrize("scale", ["linear", "logarithmic"])
def test_any_schedule_can_be_drawn(levels: list[float], scale: str):
    assert schedules([("sigmas", torch.tensor(levels))], scale, "light").shape == (1, 400, 640, 3)


@pytest.mark.parametrize(
    ("levels", "told"),
    [([], "sigmas is an empty schedule"), ([1.0, -1.0], "no number from 0 on"), ([math.nan], "no number from 0 on")],
)
def test_what_is_no_schedule_is_told(levels: list[float], told: str):
    with pytest.raises(ValueError, match=told):
        schedules([("sigmas", torch.tensor(levels))], "linear", "light")


def test_ticks_are_round():
    assert [label for _, label in linear(0, 20, "step", whole=True).ticks] == ["0", "5", "10", "15", "20"]
    assert [label for _, label in linear(0, 3, "step", whole=True).ticks] == ["0", "1", "2", "3"]
    assert [label for _, label in linear(0, 0.03, "x").ticks] == ["0", "0.01", "0.02", "0.03"]
    assert [label for _, label in logarithmic(0.09, 12, "sigma").ticks] == ["0.1", "0.2", "0.5", "1", "2", "5", "10"]
    assert [label for _, label in logarithmic(1e-4, 1, "share").ticks] == ["0.0001", "0.001", "0.01", "0.1", "1"]
    assert linear(2, 2, "x").share(2) == 0


def test_heat_has_its_colours_at_its_steps_and_grows_brighter():
    at = heat(torch.linspace(0, 1, len(HEAT))[None, None])
    torch.testing.assert_close(at[0, 0] * 255, torch.tensor(HEAT, dtype=torch.float32))
    light = heat(torch.linspace(0, 1, 200)[None, None]) @ torch.tensor([0.2126, 0.7152, 0.0722])
    assert (light.diff() > 0).all()
    outside = heat(torch.tensor([[[-1.0, 2.0, math.nan]]]))
    assert outside.min() >= 0
    assert outside.max() <= 1


def test_a_legend_stands_below():
    maps = heat(torch.rand(2, 20, 80))
    made = with_legend(maps, 0.5, "dark")
    assert made.shape == (2, 54, 80, 3)
    assert made[:, :20].equal(maps)
    assert with_legend(heat(torch.rand(1, 3, 3)), 1, "light").shape == (1, 37, 3, 3)
