"""A generator against a critic that autoencodes, which can be asked for what it makes again. Zhao et al. 2016."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

from torch import Tensor

from ..batches import Images
from ..capabilities import Reconstructs
from ..core import rebuild
from ..errors import Mistake
from ..layers.conditional import check_classes
from .adversarial import Adversarial

G = TypeVar("G")


class Rebuilding(Adversarial):
    """The score of an image is minus the error that the critic's decoder leaves of it; the image is had, too."""

    def reconstruct(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """As many images, each as the critic rebuilds it; Mistake for a critic that does not autoencode."""
        check_classes(self, condition)
        again = rebuild(self.critic, images, condition)
        if again is None:
            raise Mistake("the critic of this run does not autoencode, so it makes no image again; networks that do "
                          'are --networks "MirroredAutoencoding()" and "DenseAutoencoding()"')  # fmt: skip
        return again

    def show(self, batch: Images) -> Mapping[str, Tensor]:
        again = rebuild(self.critic, batch.image, batch.condition)
        made = super().show(batch)
        return made if again is None else {"real": batch.image, "again": again, **made}


def rebuilding(kind: type[G]) -> type[G]:
    """The class of games that are this one, whose critic autoencodes: they reconstruct, too, if they did not before."""
    if not issubclass(kind, Adversarial) or issubclass(kind, Reconstructs):
        return kind
    return cast(type[G], Rebuilding if kind is Adversarial else with_rebuilding(cast(Any, kind)))


@cache
def with_rebuilding(kind: type) -> type:
    """Equal games are of one class."""
    about = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    return type(kind.__name__, (Rebuilding, kind), about)
