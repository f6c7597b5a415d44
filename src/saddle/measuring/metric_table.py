"""Every metric there is, by name: a table that is read without importing anything heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import Mistake, did_you_mean, require
from ..hub_models import CONFIG_FILE, HUB_MODEL_PREFIX, TRANSFORMERS, VISION, missing_transformers
from ..plugged import plugged
from ..regular import open_to_read
from .options import MeasureOptions

if TYPE_CHECKING:
    from ..runs.settings import Settings
    from ..shape import Shape
    from .metric_input import MetricInput, MetricResult

BetterDirection = Literal["lower", "higher", "neither"]
MetricReads = Literal["features", "spatial", "dinov2", "classes", "pixels", "images", "lines"]


@dataclass(frozen=True)
class Metric:
    """What a metric is, what it reads, and the function of this package that works it out."""

    summary: str
    better: BetterDirection
    function: str | Callable[[MetricInput], MetricResult]  # of saddle's own: module.name
    # an extractor's values; Inception's maps; a DINOv2's; what names classes; the sample's own; none; lines of text
    reads: MetricReads = "features"
    least: int = 1  # samples on both sides, below which it would be no figure
    generator: bool = False  # does it read the generator itself, which images alone do not bring?
    styles: bool = False  # does it read styles, by way of which few generators make their samples?
    paired: bool = False  # does it compare each translation with what this should be?


METRICS = {
    "fid": Metric("Fréchet distance of the features", "lower", "distances.fid", least=10),
    "kid": Metric("kernel distance x 1000, unbiased: for few samples", "lower", "distances.kid", least=2),
    "mind": Metric("squared distance along random directions; ranks well from 2,000 samples on", "lower",
                   "distances.mind_result", least=10),
    "fd-inf": Metric("Fréchet distance of infinitely many samples, by its course over their number", "lower",
                     "distances.fd_inf", least=30),
    "fd-dinov2": Metric("Fréchet distance through DINOv2 ViT-L/14, or another that --features names", "lower",
                        "distances.fid", "dinov2", least=10),
    "sfid": Metric("Fréchet distance of Inception's maps before they are averaged", "lower", "distances.fid",
                   "spatial", least=10),
    "swd": Metric("sliced Wasserstein distance: of patches x 1000, or of points", "lower", "distances.swd", "images"),
    "parzen": Metric("likelihood under Gaussians around the samples, nats (papers of 2014)", "higher",
                     "distances.parzen_result", "pixels", least=2),
    "precision": Metric("share of the samples that lie among the data", "higher", "neighbours.precision", least=6),
    "recall": Metric("share of the data that lie among the samples", "higher", "neighbours.recall", least=6),
    "density": Metric("how densely data lie around the samples; about 1 for a perfect sampler", "higher",
                      "neighbours.density", least=6),
    "coverage": Metric("share of the data with a sample nearby", "higher", "neighbours.coverage", least=6),
    "1nn": Metric("accuracy of telling samples from data by the nearest; 0.5 is best, below it is copying", "neither",
                  "neighbours.one_nn", least=2),
    "c2st": Metric("accuracy of a classifier of samples against data; 0.5 is best", "lower", "neighbours.c2st",
                   least=4),
    "ndb": Metric("share of the data's bins that the samples fill otherwise; 0.05 by chance", "lower",
                  "neighbours.ndb", least=20),
    "birthday": Metric("share of batches with twins; 0.05 for the data", "lower", "neighbours.birthday_twins",
                       least=200),
    "copies": Metric("share of samples as near to the training data as its nearest percent; 0.01 for new ones", "lower",
                     "neighbours.copies"),
    "authenticity": Metric("share of samples farther from the data than these are from one another", "higher",
                           "neighbours.authenticity"),
    "diversity": Metric("mean distance of two samples, over that of two data", "higher",
                        "neighbours.feature_diversity", least=2),
    "msssim": Metric("likeness of two samples, multi-scale; the lower, the more diverse", "lower", "classes.msssim",
                     "images", least=2),
    "is": Metric("Inception score, of whatever names the classes", "higher", "classes.inception_result", "classes"),
    "classes": Metric("chi-square of how often each class comes, over its degrees of freedom; 1 by chance", "lower",
                      "classes.class_chi2", "classes"),
    "readable": Metric("share of samples whose class the classifier names surely", "higher", "classes.readable_share",
                       "classes"),
    "modes": Metric("modes caught, of a toy's mixture or of the classes", "higher", "classes.modes_caught", "classes"),
    "quality": Metric("share of points near a mode; 0.989 for a perfect sampler, more where modes shrank", "neither",
                      "classes.mode_quality", "classes"),
    "reverse-kl": Metric("how unevenly the modes come, nats", "lower", "classes.mode_reverse_kl", "classes"),
    "ppl": Metric("perceptual path length, of the samples' own values", "lower", "latents.ppl", "pixels",
                  generator=True),
    "ppl-w": Metric("perceptual path length in features, on the straight ways between styles", "lower", "latents.ppl_w",
                    generator=True, styles=True),
    "ppl-w-end": Metric("the same, where such ways begin", "lower", "latents.ppl_w_end", generator=True, styles=True),
    "ivom": Metric("how near the generator can come to given data: mean squared error", "lower", "latents.ivom",
                   "pixels", generator=True),
    "l1": Metric("mean distance of a translation's pixels from its target's, in [-1, 1]", "lower", "paired.l1",
                 "images", paired=True),
    "psnr": Metric("peak signal-to-noise ratio of translations to their targets, dB", "higher", "paired.psnr",
                   "images", paired=True),
    "ssim": Metric("structural similarity of translations to their targets; 1 if equal", "higher", "paired.ssim",
                   "images", paired=True),
    "nll-oracle": Metric("minus the log-likelihood of lines under the oracle that the data are from, nats per token",
                         "lower", "lines.nll_oracle", "lines", least=2),
    "distinct": Metric("different pairs of neighbouring tokens, over those of as many data; 1 is the data's", "neither",
                       "lines.distinct_pairs", "lines"),
}  # fmt: skip
DINOV2 = "facebook/dinov2-large"  # on the hub: ViT-L/14 of 1024 values, which Stein et al. 2023 (2306.04675) use
METRIC_GROUPS = {"memorisation": ("copies", "authenticity")}  # names for several
IMAGE_METRICS = ("fid", "kid", "precision", "recall", "density", "coverage", "diversity", "copies", "authenticity")
LABELLED_METRICS = (*IMAGE_METRICS, "is", "modes", "classes", "readable")
POINT_METRICS = ("swd", "1nn")
LINE_METRICS = ("distinct", "diversity", "copies")
PAIRED_METRICS = ("l1", "psnr", "ssim")  # where it is known what translations should be
MODE_METRICS = ("modes", "quality", "reverse-kl", *POINT_METRICS)


LAYERS = (64, 192, 768, 1280, 2023, 2048)  # of Inception, by the number of their values
FEATURE_NAMES = (
    "auto",
    "inception",
    "random",
    "classifier",
    "identity",
)  # by name; also files, folders and hf:OWNER/NAME


def all_metrics() -> dict[str, Metric]:
    """Every metric at hand, by name: saddle's, and those of plugins."""
    return METRICS | plugged(Metric, {**METRICS, **METRIC_GROUPS})


def check_measure_settings(measure: str, features: str, patience: int | None, samples: int) -> None:
    """Refuse, before anything is read, what measurements while training could not do."""
    first, *_ = names = parse_metric_names(measure)
    numerous(names, samples, "samples")
    better = patience is None or all_metrics()[first].better != "neither"
    require(better, f"patience waits for a better {first}, which has no better; name another first")
    check_features(features)


def judged_of_data(settings: Settings, shape: Shape, most: int | None) -> None:
    """The same, of data of this shape and `most` samples, if that is known."""
    if settings.measure is not None:
        from .evaluation import foretell_run  # which drags in the metrics

        foretell_run(settings, shape, most)


def judged_of_game(settings: Settings, kind: type) -> None:
    """The same, of a class of games that makes what is measured."""
    if settings.measure is not None:
        from .evaluation import check_game

        check_game(parse_metric_names(settings.measure), kind)


def sensible(wish: MeasureOptions) -> None:
    """Refuse, before anything is read, what no measurement could do."""
    check_features(wish.features)
    names = parse_metric_names(wish.metrics) if wish.metrics is not None else ()
    numerous(names, wish.n, "n")
    numerous(names, wish.references, "references")


def numerous(names: Iterable[str], count: int | None, option: str) -> None:
    """Refuse fewer samples than a metric needs, where so many are asked for."""
    for name in names if count is not None else ():
        least = all_metrics()[name].least
        require((count or 0) >= least, f"{option} is {count:,}, but {name} needs {least:,} or more")


def check_features(features: str) -> None:
    """Refuse features of no name, layers that there are not, and files and folders that hold no weights."""
    if features.startswith(HUB_MODEL_PREFIX) or Path(features, CONFIG_FILE).is_file():
        require(features != HUB_MODEL_PREFIX, "hf: names no model of the Hugging Face hub; write hf:OWNER/NAME")
        require(find_spec(TRANSFORMERS) is not None, missing_transformers(VISION))
        return
    if Path(features).exists():
        of_weights(Path(features))
        return
    name, colon, layer = features.rpartition(":") if ":" in features else (features, "", "")
    if "/" in layer or "\\" in layer:  # the colon is a path's own, as in C:\\weights.pth
        name, colon, layer = features, "", ""
    known = name in FEATURE_NAMES or any(sign in name for sign in "./\\")
    require(known,
            f"there are no features {name or features}{did_you_mean(name or features, FEATURE_NAMES)}; or name a "
            "weights file, or a vision model (hf:OWNER/NAME or its folder)")  # fmt: skip
    if name not in FEATURE_NAMES:
        require(Path(name).exists(), f"there is no file {name} with Inception's weights")
        of_weights(Path(name))
    whole = not colon or name not in FEATURE_NAMES or name == "inception"
    require(whole, f"features {name} have no layers to choose from, as {features} does; leave out :{layer}, or "
                   "name one of Inception's, as in inception:768")  # fmt: skip
    require(not colon or (layer.isascii() and layer.isdecimal()), f"a layer of Inception is named by its dimension, "
                                                                  f"not {layer}")  # fmt: skip
    there = not colon or int(layer) in LAYERS
    require(there, f"Inception has no layer of {layer} values; there are {', '.join(map(str, LAYERS))}")


def of_weights(path: Path) -> None:
    """Refuse, by its first bytes, what cannot be a file of Inception's weights."""
    require(
        path.is_file(), f"{path} is no file with Inception's weights, nor a folder with a vision model's config.json"
    )
    with open_to_read(path) as file:
        packed = file.read(2) in (b"PK", b"\x80\x02")
    if not packed:
        from ..metrics.features.inception_weights import EXPECTED_FILE  # which drags in torch

        raise Mistake(f"{path} cannot be read as Inception's weights: {EXPECTED_FILE} was expected")


def names_classes(features: str) -> bool:
    """May features name classes? Only the last of Inception's layers and a classifier do."""
    model = features.startswith("hf:") or Path(features, "config.json").is_file()
    layer = "" if Path(features).exists() else features.rpartition(":")[2]
    return not (model or features in ("random", "identity") or (layer.isdecimal() and layer != "2048"))


def parse_metric_names(text: str | Iterable[str]) -> tuple[str, ...]:
    """Names with commas between them, or one by one; raises Mistake for an unknown one, with the nearest."""
    words = text.split(",") if isinstance(text, str) else text
    names = [part for word in words for part in METRIC_GROUPS.get(word.strip().lower(), (word.strip().lower(),))]
    known = all_metrics()
    for name in names:
        if name not in known:
            raise Mistake(
                f"there is no metric {name or 'without a name'}{did_you_mean(name, [*known, *METRIC_GROUPS])}"
            )
    if not names:
        raise Mistake(f"no metric was named; there are {', '.join(known)}")
    return tuple(dict.fromkeys(names))
