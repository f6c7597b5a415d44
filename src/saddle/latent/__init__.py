"""The latents of a trained generator: searched, walked through, added up. Images completed, inverted, edited."""

from .blending import blend_poisson
from .completion import Completing, Completions, complete
from .directions import Direction, labelled_codes, mean_difference
from .factors import closed_form_directions, principal_directions
from .inversion import Inversions, invert
from .masks import parse_mask
from .paths import between, labels_between, walk
from .plane import quantile_grid
from .projection import Projecting, project
from .search import Search
from .space import LatentSpace
from .styles import StyleSpace, mix_styles, mixing_sheet

__all__ = ["Completing", "Completions", "Direction", "Inversions", "LatentSpace", "Projecting", "Search", "StyleSpace",
           "between", "blend_poisson", "closed_form_directions", "complete", "invert", "labelled_codes",
           "labels_between", "mean_difference", "mix_styles", "mixing_sheet", "parse_mask", "principal_directions",
           "project", "quantile_grid", "walk"]  # fmt: skip
