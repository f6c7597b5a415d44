"""Which recipe suits some data, and how it is set: a pure function of what is known of the data and the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from .data.doctor.advice import FEW_SAMPLES, MAX_ASPECT, square_size
from .image_size import ImageSize, read_size
from .recipes import QUICK_FIELDS, RECIPES

ON_PROCESSOR = "dcgan"  # what learns small pictures best in minutes without a GPU
ON_GPU, ON_GPU_OF_FEW = "r3gan", "stylegan2-ada"
FEW_FOR_GPU = 20_000  # pictures, up to which a critic learns them by heart on a GPU, and ADA holds that off
QUICK_MINUTES = 15.0  # up to which small batches and quick steps learn more
IMAGES_A_SECOND = {"processor": 100, "gpu": 2_000}  # assumed, where a length is given in minutes
LARGEST = {"processor": 64, "gpu": 256}  # pixels of a side, unless more is asked for
LARGEST_QUICK = 32  # and in a short run without a GPU
MOSTLY = 0.5  # share of the pictures that makes a thing usual
DEFAULT_MINUTES = 2.0


class DataSummary(NamedTuple):
    """What is known of data."""

    samples: int
    side: float = 32  # the shorter one, in the middle of all pictures
    aspect: float = 1.0  # the longer side in terms of the shorter, in the middle
    grey: bool = False  # no picture has colours
    clear: float = 0.0  # share of the pictures that are transparent in part
    classes: int = 0
    kind: Literal["pictures", "points", "lines"] = "pictures"


class Hardware(NamedTuple):
    """What is known of the machine."""

    device: Literal["processor", "gpu"] = "processor"
    bfloat16: bool = False


class Budget(NamedTuple):
    """How long a run is to be; one of them, or none."""

    images: int | None = None
    minutes: float | None = None
    epochs: float | None = None

    def estimate_images(self, data: DataSummary, machine: Hardware) -> int:
        """About how many images the run will show."""
        if self.images is not None:
            return self.images
        if self.epochs is not None:
            return round(self.epochs * data.samples)
        return round((self.minutes or DEFAULT_MINUTES) * 60 * IMAGES_A_SECOND[machine.device])


class Choice(NamedTuple):
    """What was chosen, and why; `option` is what sets it, and is empty where nothing needs to be set."""

    what: str
    value: str
    reason: str
    option: str = ""


def choose(data: DataSummary, machine: Hardware, budget: Budget, recipe: str | None = None,
           said: Mapping[str, str] | None = None) -> list[Choice]:  # fmt: skip
    """The choices for such data, the recipe first. What was said, options with their texts, stays as it was said."""
    said = said or {}
    chosen = [Choice("recipe", recipe, "as you said") if recipe else choose_recipe(data, machine)]
    name = chosen[0].value
    if data.kind == "pictures":
        shape = choose_shape(data, machine, is_quick(data, machine, budget))
        chosen += shape
        size = read_size(said.get("size") or shape[0].value)
        channels = int(said.get("channels") or shape[1].value)
        chosen += [*fields_of(name, data, machine, budget, size, channels), choose_flip(), choose_labels(name, data)]
    chosen += [choose_precision(machine), choose_length(budget)]
    return [keep_said(choice, said) for choice in chosen]


def keep_said(choice: Choice, said: Mapping[str, str]) -> Choice:
    """A choice, unless the same option was given."""
    names = (choice.option, choice.option.partition(".")[0]) if choice.option else (choice.what,)
    given = next((said[name] for name in names if name in said), None)
    return choice if given is None else choice._replace(value=given, reason="as you said", option="")


def choose_recipe(data: DataSummary, machine: Hardware) -> Choice:
    if data.kind == "points":
        return Choice("recipe", "wgan-gp-toy", "points in the plane")
    if data.kind == "lines":
        return Choice("recipe", "seqgan", "lines of text")
    if machine.device == "processor":
        return Choice("recipe", ON_PROCESSOR, "learns most in minutes without a GPU")
    if data.samples < FEW_FOR_GPU and ON_GPU_OF_FEW in RECIPES:
        return Choice("recipe", ON_GPU_OF_FEW, f"{data.samples:,} are few for a GPU, and ADA keeps a critic from "
                      "learning them by heart")  # fmt: skip
    return Choice("recipe", ON_GPU, "many pictures and a GPU")


def is_quick(data: DataSummary, machine: Hardware, budget: Budget) -> bool:
    """Is it a run of minutes without a GPU?"""
    most = QUICK_MINUTES * 60 * IMAGES_A_SECOND["processor"]
    return machine.device == "processor" and budget.estimate_images(data, machine) <= most


def choose_shape(data: DataSummary, machine: Hardware, quick: bool) -> list[Choice]:
    """Size, channels, and how pictures are cut."""
    size = min(square_size(data.side), LARGEST_QUICK if quick else LARGEST[machine.device])
    larger = f"larger ones need more time{'; --minutes 60 takes 64' if quick else ''}"
    why = larger if data.side >= 2 * size else f"most of the shorter sides have {data.side:.0f} pixels"
    clear = data.clear > MOSTLY
    channels, colours = ((4, f"{data.clear:.0%} are transparent in part") if clear else
                         (1, "all are grey") if data.grey else (3, "there are colours"))  # fmt: skip
    if data.clear and not clear:
        colours += f"; the {data.clear:.0%} that are transparent in part are shown on white"
    crop = ("pad", "most are long, and all of them is shown") if data.aspect > MAX_ASPECT else (
        "centre", "most are nearly square")  # fmt: skip
    return [Choice("size", str(size), why, "size"), Choice("channels", str(channels), colours, "channels"),
            Choice("crop", *crop, "crop")]  # fmt: skip


def fields_of(name: str, data: DataSummary, machine: Hardware, budget: Budget, size: ImageSize,
              channels: int) -> list[Choice]:  # fmt: skip
    """The recipe's own fields."""
    if name == ON_GPU_OF_FEW:
        return style_fields(data, size)
    if name == ON_PROCESSOR:
        return dcgan_fields(data, machine, budget)
    return []


def dcgan_fields(data: DataSummary, machine: Hardware, budget: Budget) -> list[Choice]:
    short = is_quick(data, machine, budget)
    why = "a short run: small batches, quick steps and two of the generator's learn more"
    fields = [Choice("batch", "64", "the paper's, for a run of this length", "batch")]
    if short:
        fields = [Choice(option, value, why, option) for option, value in QUICK_FIELDS.items()]
    fields = [
        f._replace(value=str(min(int(f.value), largest_batch(data)))) if f.option == "batch" else f for f in fields
    ]
    if data.samples < 2 * FEW_SAMPLES:
        fields.append(Choice("views", "DiffAugment()", f"{data.samples:,} are few, and the critic would learn them by "
                             "heart", "views"))  # fmt: skip
    return [*fields, Choice("average", "HalfLife()", "the house's: half counts after 10,000 images")]


def style_fields(data: DataSummary, size: ImageSize) -> list[Choice]:
    batch = min(32, largest_batch(data))
    gamma = f"{2e-4 * size.height * size.width / batch:.3g}"
    fields = [Choice("batch", str(batch), "the released code's for one GPU", "batch"),
              Choice("gamma", gamma, "0.0002 * height * width / batch, the released code's rule"),
              Choice("views", "ADA()", "as much as it takes, by what the critic says of pictures")]  # fmt: skip
    if max(size) >= 512:
        fields.append(Choice("networks.full", "64", "the released code's from 512 pixels on", "networks.full"))
    if data.classes > 1:
        fields.append(Choice("classes", str(data.classes), "both players are told them", "networks.conditional"))
    return fields


def largest_batch(data: DataSummary) -> int:
    """The largest power of two that is no more than half of the data."""
    return int(1 << max((data.samples // 2).bit_length() - 1, 0))


def choose_flip() -> Choice:
    return Choice("flip", "no", "only you know whether they may be mirrored; --flip doubles them")


def choose_labels(name: str, data: DataSummary) -> Choice:
    if data.classes < 2:
        return Choice("classes", "none", "there are no labels")
    told = name in (ON_GPU, ON_GPU_OF_FEW)
    return Choice("classes", str(data.classes), "both players are told them" if told else
                  f"{name} learns all of them as one; cgan and ac-gan are told the class")  # fmt: skip


def choose_precision(machine: Hardware) -> Choice:
    value = "bfloat16" if machine.bfloat16 else "float32"
    return Choice(
        "precision", value, f"the {machine.device} has {'' if machine.bfloat16 else 'no '}bfloat16 arithmetic"
    )


def choose_length(budget: Budget) -> Choice:
    said = [f"{value:,} {name}" for name, value in budget._asdict().items() if value is not None]
    return Choice("length", said[0], "as you said") if said else Choice(
        "length", f"{DEFAULT_MINUTES:g} minutes", "nothing was said; --minutes 60 learns more")  # fmt: skip
