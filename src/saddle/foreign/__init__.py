"""Weights that others published, in the formats of their programs, as bundles of ours."""
