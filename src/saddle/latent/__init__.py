"""The latents of a trained generator: searched, walked through, added up. Images completed, inverted, edited."""

from .blending import blend_poisson
from .completion import Completing, Completions, complete
from .masks import parse_mask
from .search import Search
from .space import LatentSpace

__all__ = ["Completing", "Completions", "LatentSpace", "Search", "blend_poisson", "complete", "parse_mask"]
