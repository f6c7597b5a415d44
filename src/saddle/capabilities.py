"""What a game can do once it is trained: protocols. Whatever uses a game asks them, and nothing else about it.

A game says what it can do by having the methods: `isinstance(game, Generates)`. Images are float32 in [-1, 1],
(n, channels, height, width); a condition is what else it is told of each of them, labels (n,) int64 or whatever it was
trained on. Noise is drawn by a prior or `parts.draw_rows`, or by torch. Keywords that a method has beyond these, each
with a default, are its style: `make(latents, condition, *, truncation: float = 1.0)`. The caller sees to the mode, to
gradients and to chance, so that the same method trains, is probed and is served.
"""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, TypeGuard, cast, runtime_checkable

from torch import Tensor, nn

from .batches import Batch, condition_of, real_samples
from .clock import Clock
from .core import Game, Judge, Judged, Objective, Verdict
from .errors import did_you_mean, require
from .hints import describe_type, fits_type


@runtime_checkable
class Generates(Protocol):
    """Makes samples out of chance."""

    def latents(self, like: Tensor) -> Tensor:
        """What samples are made of, (n, ...): one for each row of `like`, on its device."""
        ...

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """The samples of these latents, (n, channels, height, width)."""
        ...


@runtime_checkable
class MakesStyles(Generates, Protocol):
    """Makes samples by way of styles, one for each layer: latents z become styles w, and styles images."""

    def styles(self, latents: Tensor, condition: Tensor | None = None, *, truncation: float = 1.0,
               cutoff: int | None = None) -> Tensor:  # fmt: skip
        """The styles of latents, (n, layers, w_dim), truncated in the first `cutoff` layers."""
        ...

    def synthesize(self, ws: Tensor, noise: bool = True) -> Tensor:
        """The images of styles (n, layers, w_dim); `noise` is what the layers draw by themselves."""
        ...


@runtime_checkable
class Encodes(Protocol):
    """Finds what samples could be made of."""

    def encode(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """A code for each image, (n, ...); where the game generates too, latents that `make` takes."""
        ...


@runtime_checkable
class Infers(Encodes, Protocol):
    """Knows a code as a normal distribution, of which `encode` gives the mean."""

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of each number of the code, of one shape (n, ...)."""
        ...


@runtime_checkable
class Decodes(Encodes, Protocol):
    """Makes images of codes, whether or not it is known how such could be drawn."""

    def decode(self, codes: Tensor, condition: Tensor | None = None) -> Tensor:
        """The image of each code, (n, channels, height, width)."""
        ...


@runtime_checkable
class Reconstructs(Protocol):
    """Makes images again from what it keeps of them."""

    def reconstruct(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """As many images of the same shape, each like its own."""
        ...


@runtime_checkable
class Translates(Protocol):
    """Makes images of another kind out of images; a second way back is a keyword: `translate(images, *, back=True)`."""

    def translate(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """An image for each of these, (n, channels, height, width) of the other kind."""
        ...


@runtime_checkable
class Judges(Protocol):
    """Has a critic that can be asked about single samples, or packs of them, as it is while it trains."""

    def judge(self, condition: Tensor | None, clock: Clock) -> Judge:
        """The critic at work on samples of this condition, with all views."""
        ...


@runtime_checkable
class Scores(Protocol):
    """Has one number for a sample: how real it is."""

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """(n,), higher is more real; (n / m,) from a critic that sees packs of m. Without views."""
        ...


@runtime_checkable
class Compares(Reconstructs, Protocol):
    """Has a critic that judges an image beside its code, so that only the game can ask it about both kinds."""

    def judge_again(self, images: Tensor, again: Tensor) -> tuple[Verdict, Verdict]:
        """Of images, and of what was made of their codes, each beside the code of the image; without views."""
        ...


@runtime_checkable
class Contests(Generates, Judges, Protocol):
    """Makes samples against a critic that judges them, and gains by it what an objective says."""

    objective: Objective


@runtime_checkable
class ReadsTexts(Protocol):
    """Makes samples for texts as they are written."""

    def read(self, texts: Sequence[str]) -> Tensor:
        """What `make` takes as the condition for each text, (n, ...)."""
        ...

    def unread_words(self, text: str) -> list[str]:
        """The words of a text that say nothing to it."""
        ...


@runtime_checkable
class ReadsTokens(ReadsTexts, Protocol):
    """Makes codes of texts that are given as tokens, too."""

    def told(self, condition: Tensor | None) -> Tensor:
        """The code (n, size) of each text, of tokens (n, length) int64."""
        ...


class Capability(NamedTuple):
    """How a protocol is spoken of."""

    protocol: type
    method: str  # whose further keywords are its style
    verb: str  # it generates
    object: str  # it cannot generate samples


CAPABILITIES = (
    Capability(Generates, "make", "generate", "samples"),
    Capability(Encodes, "encode", "encode", "images"),
    Capability(Reconstructs, "reconstruct", "reconstruct", "images"),
    Capability(Translates, "translate", "translate", "images"),
    Capability(Judges, "judge", "judge", "samples"),
    Capability(Scores, "score", "score", "samples"),
)


def capabilities_of(kind: type) -> tuple[Capability, ...]:
    """All that a class of games can do."""
    return tuple(one for one in CAPABILITIES if issubclass(kind, one.protocol))


def find_capability(protocol: type) -> Capability:
    return next(one for one in CAPABILITIES if one.protocol is protocol)


def describe_capabilities(kind: type) -> str:
    """What a class of games can do, in words: generate, judge and score."""
    *others, last = [one.verb for one in capabilities_of(kind)] or ["do nothing of this kind"]
    return f"{', '.join(others)} and {last}" if others else last


class StyleOption(NamedTuple):
    """A keyword that a method has beyond those of its protocol."""

    default: object
    hint: object


def style_options(kind: type, protocol: type) -> dict[str, StyleOption]:
    """The style of what a class of games can do, by name: {"truncation": (1.0, float)}."""
    method = inspect.unwrap(getattr(kind, find_capability(protocol).method))
    hints = typing.get_type_hints(method)
    found = inspect.signature(method).parameters.values()
    return {p.name: StyleOption(p.default, hints.get(p.name, Any)) for p in found if p.kind is p.KEYWORD_ONLY}


def check_style(game: object, protocol: type, style: Mapping[str, object]) -> None:
    """Refuse a style that the game has not, naming those that it has."""
    known = style_options(type(game), protocol) if style else {}
    for option, value in style.items():
        has = did_you_mean(option, known) if known else "; it has none"
        require(option in known, f"this run has no style {option} to {find_capability(protocol).verb} in{has}")
        hint = known[option].hint
        right = fits_type(value, hint)
        require(right, f"{option} is {value!r}, but should be {describe_type(hint, {})}")


def generate(game: Generates, like: Tensor, condition: Tensor | None = None, **style: Any) -> Tensor:
    """As many new samples as `like` has rows, (n, channels, height, width), for conditions where it is told some."""
    return cast(Callable[..., Tensor], game.make)(game.latents(like), condition, **style)


Makes = Generates | Translates  # whatever makes samples that should look as the real ones do


def make_from(game: object, real: Tensor, condition: Tensor | None) -> Tensor | None:
    """What a game makes of a few data and what they are for; None for a game that makes nothing.

    It translates the pictures that samples are made for; else it generates, translates the data, or makes them again.
    """
    if isinstance(game, Translates) and is_picture(condition):
        return translate_data(game, real, condition)
    if isinstance(game, Generates):
        return generate(game, real, condition)
    if isinstance(game, Translates):
        return translate_data(game, real, condition)
    return game.reconstruct(real, condition) if isinstance(game, Reconstructs) else None


def is_picture(condition: Tensor | None) -> TypeGuard[Tensor]:
    return condition is not None and condition.ndim == 4


def side_multiple(game: nn.Module) -> int:
    """The pixels of which the sides of pictures must be multiples that a game translates: 1 for any, 32 for a U-Net.

    A network that halves its pictures says so as `multiple`; others take any size.
    """
    return math.lcm(*(int(getattr(part, "multiple", 1)) for part in game.modules()))


def translate_data(game: Translates, real: Tensor, condition: Tensor | None) -> Tensor:
    """Of the pictures that samples are made for; where these are none, of the data themselves, for their conditions."""
    if is_picture(condition):
        return game.translate(condition)
    return game.translate(real, condition)


def describe_made(game: object, for_pictures: bool) -> str | None:
    """What `make_from` makes, in a word."""
    if isinstance(game, Generates) and not (for_pictures and isinstance(game, Translates)):
        return "samples for the conditions"
    if isinstance(game, Translates):
        return "translations"
    return "reconstructions" if isinstance(game, Reconstructs) else None


def sheet_columns(game: Game[Any], batch: Batch) -> Mapping[str, Tensor]:
    """The columns of a contact sheet: those that the game names itself, else what it can do, which may be nothing."""
    if own := game.show(batch):
        return own
    real, condition = real_samples(batch), condition_of(batch)
    made: dict[str, Tensor] = {}
    if isinstance(game, Translates):
        made["translated"] = translate_data(game, real, condition)
    if isinstance(game, Reconstructs):
        made["again"] = game.reconstruct(real, condition)
    by_chance = {"made": generate(game, real, condition)} if isinstance(game, Generates) else {}
    given = {"given": condition} if is_picture(condition) else {}
    return {**given, "real": real, **made, **by_chance} if made else by_chance


def critic_verdicts(game: object, images: Tensor, again: Tensor, condition: Tensor | None,
                    clock: Clock) -> tuple[Verdict | Judged, Verdict | Judged]:  # fmt: skip
    """What a game's critic says, without views, of images and of what was made of them."""
    if isinstance(game, Compares):
        return game.judge_again(images, again)
    assert isinstance(game, Judges), "whoever asks has looked whether there is a critic"
    judge = replace(game.judge(condition, clock), views=())
    return judge(images), judge(again)


def per_sample_score(score: Tensor) -> Tensor:
    """One score for each sample, or pack, (n,): the mean of a map of patches."""
    return score.reshape(len(score), -1).float().mean(1)
