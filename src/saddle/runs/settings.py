"""What you choose today: data, length, seed, folder, device. What a paper says is in its recipe, never here."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal, TypedDict

from ..errors import require
from ..image_size import SizeText, written_size
from ..seconds import Seconds, written_seconds

SETTING_MAXIMA = {"limit": 10**12, "images": 10**15, "minutes": 10**7, "epochs": 10**9,
                  "threads": 4_096,
        "accumulate": 10**6, "checkpoints": 10**9, "grace": 10**6, "every": 10**15, "samples": 10**7, "patience": 10**6,
        "ema": 10**9, "pictures": 10**6, "snapshots": 10**4, "held_out": 10**12,
        "freeze_critic": 100, "seed": 10**100}  # beyond, it is a slip  # fmt: skip
MAY_BE_ZERO = ("ema", "pictures", "snapshots", "seed", "held_out", "freeze_critic")  # may be 0
NON_EMPTY = ("data", "labels", "captions", "leave_out", "source", "target", "range", "device", "measure", "features",
             "plugin", "from_run", "wandb")  # are not empty  # fmt: skip
STARTING = ("from_weights", "freeze_critic")  # say nothing without `from_run`
MEASURING = ("every", "samples", "features", "patience")  # say nothing without `measure`

Fast = Literal["auto", "off", "compile"]
PrecisionName = Literal["auto", "float32", "bfloat16", "bfloat16-slopes"]


@dataclass(frozen=True)
class Settings:
    """Run settings; the manifest keeps them, and a resumed run has the same."""

    data: str | None = None  # a folder, zip, array or idx file, or a name (mnist, glyphs); the recipe's if not given
    size: SizeText | None = None  # pixels of a side, or HEIGHTxWIDTH as in 64x96
    crop: Literal["centre", "pad", "stretch", "random"] = "centre"  # how an image becomes this size
    channels: Literal[1, 3, 4] | None = None  # 1 grey, 3 colour, 4 with transparency; if not given, 1 or 3
    limit: int | None = None  # use only so many images
    flip: bool = False  # mirror images at random
    labels: Literal["folders", "none"] | str | None = None  # classes: folders, none, FILE.csv or FILE.csv:COLUMN
    leave_out: str | None = None  # use no images of these classes, by name, with commas between: 3 or 3,7
    captions: str | None = None  # texts: FILE.csv:COLUMN, txt (NAME.txt beside NAME.png), auto (what is found), none
    uncaptioned: Literal["refuse", "drop"] = "refuse"  # pictures without a caption, where captions are wanted
    tokens: Literal["characters", "words"] = "characters"  # what the lines of a text file are made of
    range: str | None = None  # the numbers of black and white, as in 0..255 or -1..1; from the values if not given
    alpha: Literal["auto", "yes", "no"] = "auto"  # is a fourth band transparency; auto: decided from its values
    frames: Literal["first", "all"] = "first"  # which frames of a GIF or TIFF are pictures
    follow_links: bool = False  # follow symbolic links that lead out of the data's folder
    source: str | None = None  # translation: left, right, edges, grey, outline, mask, other data, or a class of --data
    target: str | None = None  # translation between classes of --data: the one that images should become
    decode: Literal["auto", "once", "on-the-fly"] = "auto"  # once, into a cache, or each time; auto: by the size

    images: int | None = None  # length: real images shown to the critic, 200k or 1.5M
    minutes: float | None = None  # length: as this machine shows images in so many minutes; 2 if nothing is said
    epochs: float | None = None  # length: times through the data

    seed: int = 0  # of everything left to chance: equal seeds give equal runs
    device: str = "auto"  # cpu, cuda, cuda:1 or mps; auto takes a GPU if there is one
    precision: PrecisionName = "auto"  # auto takes what is faster here; -slopes: of penalties too
    threads: int | None = None  # of the processor; torch's own choice if not given
    accumulate: int = 1  # play each batch in so many parts, one after another, for less memory
    fit: bool = False  # find how many parts (accumulate) each batch takes to fit into memory; recompute where need be
    recompute: bool = False  # work activations out again, not keep them: half the memory, 1.4 times the time
    shard: bool = False  # divide large weights, gradients, optimizers and averages among torchrun's processes
    exact: bool = True  # on a CUDA GPU, the same bits each time, and float32 to its last digit; else TF32
    fast: Fast = "auto"  # on a CUDA GPU, replay rounds as graphs, where that can be; compile: and compile players
    ema: int | None = None  # half-life, in images, of the averaged generator that is sampled; 0: none; or the recipe's
    snapshots: int = 0  # moments kept, from which averages of any length are made afterwards (saddle average): 16 to 64

    from_run: str | None = None  # begin with the networks of this run, of such pictures or smaller ones; also --from
    from_weights: Literal["average", "live"] = "average"  # of that run: its averaged generator, or the one that played
    freeze_critic: int = 0  # with --from, keep the critic's layers at its so many largest maps as they are (FreezeD)

    measure: str | None = None  # figures while it trains, such as fid,kid (saddle measure --help lists them)
    every: int | None = None  # images between two measurements; a tenth of the run if not given
    samples: int = 2_000  # made for each measurement
    features: str = "auto"  # what measurements look through: random, classifier, identity, inception, its file, hf:NAME
    patience: int | None = None  # stop when so many measurements of the first figure brought nothing better

    held_out: int = 0  # samples kept out of training, by which a critic that overfits is found out
    on_collapse: Literal["go-on", "stop", "rollback"] = "go-on"  # at a grave finding: save and end, or go back

    pictures: int = 8  # contact sheets up to the end, beside the first; 0 for none
    checkpoints: float = 60.0  # seconds between checkpoints; more where one takes long: 2 % of the time at most
    grace: Seconds = 20.0  # asked to stop, by Ctrl-C or a scheduler, it has saved and left in so long: 20s, 2m
    plugin: str | None = None  # a file of yours with values for any recipe, metrics, health checks, data
    board: bool = False  # write TensorBoard files too (extra: board)
    wandb: str | None = None  # write to Weights & Biases too, under this project's name (extra: wandb)
    quiet: bool = False  # say only what needs attention

    def __post_init__(self) -> None:
        lengths = [name for name in ("images", "minutes", "epochs") if getattr(self, name) is not None]
        require(len(lengths) < 2, f"{' and '.join(lengths)} both say how long to train; give one of them")
        require(not (self.fit and self.accumulate > 1), "fit finds how many parts a batch is played in, and accumulate "
                "says how many; give one of them")  # fmt: skip
        require(not (self.fit and self.shard), "fit counts the memory of whole networks, and shard divides them; give "
                "accumulate, as in --accumulate 2, in the place of fit")  # fmt: skip
        object.__setattr__(self, "size", None if self.size is None else written_size(self.size))
        object.__setattr__(self, "grace", written_seconds(self.grace, "grace"))
        for name, most in SETTING_MAXIMA.items():
            check_setting(name, getattr(self, name), name in MAY_BE_ZERO, most)
        for name in NON_EMPTY:
            require(getattr(self, name) != "", f"{name} is empty; name what is meant, or leave --{name} out")
        for field in fields(self):
            idle = field.name in MEASURING and self.measure is None and getattr(self, field.name) != field.default
            require(not idle, f"{field.name} is about measuring, which is not asked for; name what to measure, "
                              "--measure fid")  # fmt: skip
            idle = field.name in STARTING and self.from_run is None and getattr(self, field.name) != field.default
            require(not idle, f"{field.name} is about a run to begin with, and none is named; name it, --from RUN")


class TrainKeywords(TypedDict, total=False):
    """The fields of Settings as keywords of `train`, for type checkers: counts may be text, such as "200k"."""

    size: SizeText | None
    crop: Literal["centre", "pad", "stretch", "random"]
    channels: Literal[1, 3, 4] | None
    limit: int | None
    flip: bool
    labels: Literal["folders", "none"] | str | None
    leave_out: str | None
    captions: str | None
    uncaptioned: Literal["refuse", "drop"]
    tokens: Literal["characters", "words"]
    range: str | None
    alpha: Literal["auto", "yes", "no"]
    frames: Literal["first", "all"]
    follow_links: bool
    source: str | None
    target: str | None
    decode: Literal["auto", "once", "on-the-fly"]
    images: int | str | None
    minutes: float | None
    epochs: float | None
    seed: int
    device: str
    precision: PrecisionName
    threads: int | None
    accumulate: int
    fit: bool
    recompute: bool
    shard: bool
    exact: bool
    fast: Fast
    ema: int | None
    from_run: str | None
    from_weights: Literal["average", "live"]
    freeze_critic: int
    snapshots: int
    measure: str | None
    every: int | str | None
    samples: int | str
    features: str
    patience: int | None
    held_out: int
    on_collapse: Literal["go-on", "stop", "rollback"]
    pictures: int
    checkpoints: float
    grace: Seconds
    plugin: str | None
    board: bool
    wandb: str | None
    quiet: bool


def check_setting(name: str, value: object, zero: bool, most: float) -> None:
    """Refuse what is no number, and no number that anybody means."""
    if value is None:
        return
    least = "0 or more" if zero else "a number above 0"
    fits = isinstance(value, int | float) and math.isfinite(value) and (value > 0 or (zero and value == 0))
    require(fits, f"{name} is {value!r}, but should be {least}")
    require(not isinstance(value, int | float) or value <= most, f"{name} is {value:,}, but should be at most {most:,}")
