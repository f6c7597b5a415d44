"""The latents of a trained generator: searched, walked through, added up. Images completed, inverted, edited."""

from .blending import blend_poisson
from .completion import Completing, Completions, complete
from .directions import Direction, labelled_codes, mean_difference
from .inversion import Inversions, invert
from .masks import parse_mask
from .paths import between, labels_between, walk
from .plane import quantile_grid
from .search import Search
from .space import LatentSpace

__all__ = ["Completing", "Completions", "Direction", "Inversions", "LatentSpace", "Search", "between", "blend_poisson",
           "complete", "invert", "labelled_codes", "labels_between", "mean_difference", "parse_mask", "quantile_grid",
           "walk"]  # fmt: skip
