"""Images completed by what a generator can make that agrees with the rest of them (Yeh et al. 2016, 1607.07539)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, softplus

from ..capabilities import Contests, Scores
from ..errors import require
from ..inference.labels import Label
from ..inference.loaded import LoadedGame
from ..out_of_memory import catch_out_of_memory
from .blending import blend_poisson
from .images import check_images
from .masks import check_hidden, parse_mask
from .search import Found, Loss, Search, Starts, search
from .space import LatentSpace

Blend = Literal["poisson", "overlay"]
ALIKE = 0.05  # root of the mean squared difference in the hole, below which two answers are one


@dataclass(frozen=True)
class Completing(Search):
    """How images are completed."""

    answers: int = 1  # different ones for each image, the one of least loss first; no more than restarts
    window: int = 7  # pixels of a side: known pixels with more hidden ones in the window around them weigh more
    far: float = 0.1  # weight of known pixels with no hidden one in their window; 0: the paper's, 1: all count alike
    realness: float = 0.1  # weight of the loss that the generator had before its critic; Amos 2016
    blend: Blend = "poisson"  # how what is made is put into the hole: without an edge, or as it is

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.window >= 1 and self.window % 2 == 1, f"window is {self.window}, but should be odd, as 7 is")
        require(0 <= self.far <= 1, f"far is {self.far}, but should be in [0, 1]")
        require(0 <= self.realness < math.inf, f"realness is {self.realness}, but should be 0 or more")
        require(self.blend in ("poisson", "overlay"), f"blend {self.blend!r} is unknown; it is poisson or overlay")
        more = f"answers is {self.answers}, but there are {self.restarts} restarts, of which each gives one"
        require(self.answers >= 1, f"answers is {self.answers}, but should be 1 or more")
        require(self.answers <= self.restarts, f"{more}; --restarts {self.answers} has as many")


class Completions(NamedTuple):
    """The answers for n images, the one of least loss first: in it pixels around the hole weigh more than far ones."""

    images: Tensor  # (n, answers, channels, height, width): known pixels as they were given
    made: Tensor  # of the same shape: all that the generator made of it
    distances: Tensor  # (n, answers): mean absolute difference of what was made and the known pixels, in [0, 2]
    latents: Tensor  # (n, answers, ...)
    labels: Tensor | None  # (n, answers): what they were made for


@catch_out_of_memory()
def complete(loaded: LoadedGame, images: Tensor, mask: str | Tensor = "centre", how: Completing = Completing(),
             label: Label | None = None, seed: int = 0) -> Completions:  # fmt: skip
    """Images (n, channels, height, width) in [-1, 1] whose hidden pixels are filled by what the generator makes.

    `mask` is one in words (`parse_mask`), or what is hidden, (height, width) or (n, 1, height, width) bool. Hidden
    pixels are never read. An image is completed alone as among others: its search has beginnings, and moments, of its
    own. Where the generator makes samples of classes and no `label` is given, random labels compete. Mistake for a mask
    that hides nothing, or all, or is of another size, and for a game that makes no samples out of chance.
    """
    space = LatentSpace(loaded, label)
    height, width = loaded.shape[1:3]
    hidden = parse_mask(mask, height, width, seed) if isinstance(mask, str) else mask
    hidden = check_hidden(hidden, len(images), height, width)
    known = check_images(loaded, images, hidden)
    starts = Starts.draw(space, how.candidates, seed)
    found = [complete_one(space, one[None], hole[None], starts, how)
             for one, hole in zip(known, hidden.expand(len(known), 1, height, width), strict=True)]  # fmt: skip
    labels = [one.labels for one in found if one.labels is not None]
    images_, made, distances, latents = (torch.stack([one[i] for one in found]) for i in range(4))  # type: ignore[misc]
    return Completions(images_, made, distances, latents, torch.stack(labels) if labels else None)


def complete_one(space: LatentSpace, known: Tensor, hidden: Tensor, starts: Starts, how: Completing) -> Completions:
    """The answers for one image (1, channels, height, width), whose own pixels are 0 where they are hidden."""
    y, hole = known.to(space.device), hidden.to(space.device)
    found = choose_answers(search(space, completion_loss(space, y, hole, how), starts, how), hole, how.answers)
    made = found.images.clamp(-1, 1)
    blended = blend_poisson if how.blend == "poisson" else overlay
    images = blended(y.expand_as(made), made, hole.expand(len(made), *hole.shape[1:])).clamp(-1, 1)
    apart = torch.where(hole, 0, made - y).abs().flatten(1).sum(1)
    distances = apart / (y.shape[1] * (~hole).sum())
    told = None if found.told is None else found.told.cpu()
    return Completions(images.cpu(), made.cpu(), distances.cpu(), found.latents.cpu(), told)


def overlay(images: Tensor, made: Tensor, hidden: Tensor) -> Tensor:
    return torch.where(hidden, made, images)


def completion_loss(space: LatentSpace, y: Tensor, hidden: Tensor, how: Completing) -> Loss:
    """The weighted distance to the known pixels, summed over an image, and what the critic thinks of all of it."""
    weights = context_weights(hidden, how.window, how.far)

    def loss(made: Tensor, told: Tensor | None) -> Tensor:
        context = (weights * (made - y)).abs().flatten(1).sum(1)
        return context + how.realness * unreality(space, made, told) if how.realness else context

    return loss


def context_weights(hidden: Tensor, window: int = 7, far: float = 0.0) -> Tensor:
    """What each known pixel weighs, (n, 1, height, width): far + (1 - far) times the hidden share of its window.

    Of a window those pixels count that lie within the image. Hidden pixels weigh nothing.
    """
    share = avg_pool2d(hidden.float(), window, 1, window // 2, count_include_pad=False)
    return torch.where(hidden, 0, far + (1 - far) * share)


def unreality(space: LatentSpace, made: Tensor, told: Tensor | None) -> Tensor:
    """The generator's loss before the critic, (n,): its game's own, or the non-saturating one if that compares scores.

    0 for games without a critic that scores images one by one.
    """
    game = space.game
    if not isinstance(game, Scores) or not space.scored_alone:
        return made.new_zeros(len(made))
    score = game.score(made, told)
    if isinstance(game, Contests) and not game.objective.paired:
        return torch.stack([game.objective.generator(one, one) for one in score.split(1)])
    return softplus(-score)


def choose_answers(found: Found, hidden: Tensor, n: int) -> Found:
    """The n best that differ within the hole; where fewer do, those that repeat one come last."""
    inside = hidden.expand_as(found.images)
    parts = torch.stack([image[hole] for image, hole in zip(found.images, inside, strict=True)])
    chosen: list[int] = []
    for i, part in enumerate(parts):
        if all(float((part - parts[j]).square().mean().sqrt()) >= ALIKE for j in chosen):
            chosen.append(i)
    order = (chosen + [i for i in range(len(parts)) if i not in chosen])[:n]
    return Found(*(None if t is None else t[order] for t in found))  # type: ignore[arg-type]
