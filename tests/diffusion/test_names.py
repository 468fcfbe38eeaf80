"""The menus say what the tables hold."""

from diffusion.names import SAMPLERS, SCHEDULES
from diffusion.samplers import SAMPLERS as SAMPLER_TABLE
from diffusion.schedules import SCHEDULES as SCHEDULE_TABLE


def test_menus_are_the_tables():
    assert tuple(SAMPLER_TABLE) == SAMPLERS
    assert tuple(SCHEDULE_TABLE) == SCHEDULES
