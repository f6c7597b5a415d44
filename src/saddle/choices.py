"""Which recipe suits some data, and how it is set: a pure function of what is known of the data and the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from .data.doctor.advice import FEW_SAMPLES, MAX_ASPECT, square_size
from .image_size import ImageSize, read_size
from .layers import ADA
from .recipe import Recipe
from .recipes import find_recipe
from .recipes.changes import format_option_value
from .recipes.quick import QUICK
from .recipes.r3gan import plan_r3gan
from .recipes.stylegan2_ada import AUTO_GAMMA
from .shape import Classes, Shape

ON_PROCESSOR, ON_PROCESSOR_IN_COLOUR = "dcgan", "stylegan2-ada-small"  # what was best after ten minutes, as measured
STYLES_FROM = 50_000  # images shown, before which StyleGAN2 has learned less of colour pictures than DCGAN
ON_GPU, ON_GPU_OF_FEW = "r3gan", "stylegan2-ada"
FEW_FOR_GPU = 20_000  # pictures, up to which a critic learns them by heart on a GPU, and ADA holds that off
QUICK_MINUTES = 15.0  # up to which small batches and quick steps learn more
IMAGES_A_SECOND = {"processor": 100, "gpu": 2_000}  # assumed, where a length is given in minutes
LARGEST = {"processor": 64, "gpu": 256}  # pixels of a side, unless more is asked for
LARGEST_QUICK = 32  # and in a short run without a GPU
MOSTLY = 0.5  # share of the pictures that makes a thing usual
ADA_SHARE = 4  # in a run, how often augmentation could rise from nothing to always
DEFAULT_MINUTES = 2.0
SMALL_STYLE = ("networks", "gamma", "mixing", "path_length")  # of stylegan2-ada where there is no GPU
WITHOUT_GPU = f"{ON_PROCESSOR_IN_COLOUR}, the form for a machine without a GPU"


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
    chosen = [Choice("recipe", recipe, "as you said") if recipe else choose_recipe(data, machine, budget)]
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
    names = (*names, "ema") if choice.what == "average" else names
    given = next((said[name] for name in names if name in said), None)
    return choice if given is None else choice._replace(value=given, reason="as you said", option="")


def choose_recipe(data: DataSummary, machine: Hardware, budget: Budget) -> Choice:
    if data.kind == "points":
        return Choice("recipe", "wgan-gp-toy", "points in the plane")
    if data.kind == "lines":
        return Choice("recipe", "seqgan", "lines of text")
    if machine.device == "processor":
        return choose_on_processor(data, budget.estimate_images(data, machine))
    if data.samples < FEW_FOR_GPU:
        return Choice("recipe", ON_GPU_OF_FEW, f"{data.samples:,} are few for a GPU, and ADA keeps a critic from "
                      "learning them by heart")  # fmt: skip
    return Choice("recipe", ON_GPU, "many pictures and a GPU")


def choose_on_processor(data: DataSummary, images: int) -> Choice:
    if data.grey:
        return Choice("recipe", ON_PROCESSOR, "learns most of grey pictures without a GPU")
    if images < STYLES_FROM:
        return Choice(
            "recipe", ON_PROCESSOR, "learns most in minutes without a GPU; --minutes 10 has time for StyleGAN2"
        )
    return Choice("recipe", ON_PROCESSOR_IN_COLOUR, "learned most of faces in ten minutes without a GPU")


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
    if name in (ON_GPU_OF_FEW, ON_PROCESSOR_IN_COLOUR):
        return style_fields(name, data, machine, budget, size)
    if name == ON_GPU:
        return r3gan_fields(data, machine, budget, size, channels)
    if name == ON_PROCESSOR:
        return dcgan_fields(data, machine, budget)
    return []


def dcgan_fields(data: DataSummary, machine: Hardware, budget: Budget) -> list[Choice]:
    short = is_quick(data, machine, budget)
    why = "a short run: small batches, quick steps and two of the generator's learn more"
    fields = [Choice("batch", "64", "the paper's, for a run of this length", "batch")]
    if short:
        fields = [Choice(option, value, why, option) for option, value in QUICK[ON_PROCESSOR].items()]
    fields[0] = limit_batch(fields[0], data)
    if data.samples < 2 * FEW_SAMPLES:
        fields.append(Choice("views", "DiffAugment()", f"so few samples ({data.samples:,}) the critic would learn by "
                             "heart", "views"))  # fmt: skip
    return [*fields, Choice("average", "HalfLife()", "the house's: half counts after 10,000 images")]


def style_fields(name: str, data: DataSummary, machine: Hardware, budget: Budget, size: ImageSize) -> list[Choice]:
    images, small = budget.estimate_images(data, machine), machine.device == "processor"
    recipe = find_recipe(ON_PROCESSOR_IN_COLOUR if small else name)[0]
    fields = [limit_batch(Choice("batch", str(recipe.batch), "the recipe's", "batch"), data)]
    if small:
        fields += planned_fields(recipe, find_recipe(name)[0], dict.fromkeys(SMALL_STYLE, WITHOUT_GPU))
    else:
        gamma = f"{AUTO_GAMMA * size.height * size.width / int(fields[0].value):.3g}"
        fields.append(Choice("gamma", gamma, f"{AUTO_GAMMA:g} * height * width / batch, the released code's rule"))
    rises = max(10_000, images // ADA_SHARE // 1000 * 1000)
    ada = f"ADA(images={rises})" if rises < ADA().images else "ADA()"
    fields.append(Choice("views", ada, "as much as it takes; in a short run it may rise sooner", "views"))
    if max(size) >= 512 and not small:
        fields.append(Choice("networks.full", "64", "the released code's from 512 pixels on", "networks.full"))
    fields.append(Choice("average", format_option_value(recipe.average), "the recipe's: how the average follows"))
    if data.classes > 1:
        told = "networks.conditional"
        fields.append(Choice(told, "True", f"both players are told the {data.classes} classes", told))
    return fields


def r3gan_fields(data: DataSummary, machine: Hardware, budget: Budget, size: ImageSize, channels: int) -> list[Choice]:
    """What the recipe's own rule says, field by field."""
    images, usual = budget.estimate_images(data, machine), find_recipe(ON_GPU)[0]
    classes = Classes(data.classes) if data.classes > 1 else None
    shape = Shape(channels, *size) if classes is None else Shape(channels, *size, classes)
    plan = plan_r3gan(shape, data.samples, images, machine.device)
    plan = replace(plan, batch=min(plan.batch, largest_batch(data)))
    why = {"networks": "as wide as such a run can teach", "penalties": "gamma follows the pixels and the batch",
           "views": f"pictures are shown {images / data.samples:.3g} times", "optimizer": "the rate of such networks",
           "average": "a half-life of 2 % of the run", "batch": "theirs, at most half of the data"}  # fmt: skip
    return planned_fields(plan, usual, why)


def planned_fields(plan: Recipe[Any], usual: Recipe[Any], why: Mapping[str, str]) -> list[Choice]:
    """The fields of a plan, each with its reason; those that are as the recipe stands need no option."""
    values = {field: (getattr(plan, field), getattr(usual, field)) for field in why}
    return [Choice(field, format_option_value(now), why[field], field if now != own else "")
            for field, (now, own) in values.items()]  # fmt: skip


def limit_batch(choice: Choice, data: DataSummary) -> Choice:
    """The batch that is meant, or what half of the data leaves of it."""
    if (most := largest_batch(data)) >= int(choice.value):
        return choice
    return choice._replace(value=str(most), reason=f"no more than half of {data.samples:,} pictures")


def largest_batch(data: DataSummary) -> int:
    """The largest power of two that is no more than half of the data."""
    return int(1 << max((data.samples // 2).bit_length() - 1, 0))


def choose_flip() -> Choice:
    return Choice("flip", "no", "only you know whether they may be mirrored; --flip doubles them")


def choose_labels(name: str, data: DataSummary) -> Choice:
    if data.classes < 2:
        return Choice("classes", "none", "there are no labels")
    told = name in (ON_GPU, ON_GPU_OF_FEW, ON_PROCESSOR_IN_COLOUR)
    return Choice("classes", str(data.classes), "both players are told them" if told else
                  f"{name} learns all of them as one; cgan and ac-gan are told the class")  # fmt: skip


def choose_precision(machine: Hardware) -> Choice:
    if machine.device == "processor":
        return Choice("precision", "auto", "what this recipe's convolutions are fastest in here, which is measured")
    value = "bfloat16" if machine.bfloat16 else "float32"
    return Choice(
        "precision", value, f"the {machine.device} has {'' if machine.bfloat16 else 'no '}bfloat16 arithmetic"
    )


def choose_length(budget: Budget) -> Choice:
    said = [f"{value:,} {name}" for name, value in budget._asdict().items() if value is not None]
    return Choice("length", said[0], "as you said") if said else Choice(
        "length", f"{DEFAULT_MINUTES:g} minutes", "nothing was said; --minutes 60 learns more")  # fmt: skip
