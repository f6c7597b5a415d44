"""Weights of other programs as a bundle of ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import escape_unprintable, require
from .argv import parse_command
from .output import print_message, print_output


@dataclass(frozen=True)
class ImportOptions:
    """Of which program the weights are, and what comes beside them."""

    kind: Literal["dcgan-pytorch", "pix2pix", "cyclegan", "stylegan2-ada"] | None = (
        None  # of which program; also written --as
    )
    critic: Path | None = None  # the file of the critic
    back: Path | None = None  # of cyclegan, the generator of the other way
    back_critic: Path | None = None  # and its critic
    size: int | None = None  # pixels of a side, of translators; 256, or as often as a U-Net halves, if not given
    out: Path | None = None  # the bundle's folder; the file's name without its ending if not given


def import_(words: list[str]) -> None:
    """saddle import FILE --as KIND"""
    named = ["--kind" + word[4:] if word == "--as" or word.startswith("--as=") else word for word in words]
    (file,), wish = parse_command("import", named, ImportOptions())
    require(wish.kind is not None, "of which program are these weights? add --as dcgan-pytorch, pix2pix, cyclegan or "
            "stylegan2-ada")  # fmt: skip
    assert wish.kind is not None
    from ..foreign.convert import import_weights

    out = wish.out or Path(file).with_suffix("")
    made, said = import_weights(file, wish.kind, out, critic=wish.critic, back=wish.back, back_critic=wish.back_critic,
                                size=wish.size)  # fmt: skip
    for sentence in said:
        print_message(sentence)
    print_output(escape_unprintable(made))
