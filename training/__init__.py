"""The headless trainer: `python main.py train CONFIG.toml`, from a folder of pictures to a model that is saved.

The mathematics is in `diffusion.training`; here are the configuration, the data, the run, its saves and its report.
"""
