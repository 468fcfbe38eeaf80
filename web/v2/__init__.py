"""The public Comfy API v2, as far as jobs and their files go."""
