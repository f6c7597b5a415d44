"""Anomaly scores of a user's pictures against normal ones: a table, a threshold, a ROC where odd ones are known."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from ..capabilities import Judges
from ..data.prepare import Prepare
from ..errors import Mistake, did_you_mean, require
from ..metrics.roc import auroc, average_precision, roc_curve
from ..notices import Notify, notify_nobody
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..runs.pictures import save_png
from ..runs.writing import make_parent, write_text
from .anomaly import AnomalyScore, Spread
from .image_files import File, GivenImages, open_images
from .labels import Label
from .loaded import LoadedGame
from .normals import most_normals, normals_given, normals_of_run, quantile, terms_of_files

QUANTILE = 0.95  # of normal pictures' scores: the threshold that so many of them stay below


class Separation(NamedTuple):
    """How well the scores tell odd pictures from normal ones."""

    auroc: float  # the chance that an odd one has a higher score than a normal one; .5: none are told apart
    auprc: float  # average precision
    base: float  # the share of odd ones, which is the average precision of scores by chance
    normals: int
    odds: int
    false_alarms: float  # the share of normals above the threshold
    found: float  # the share of odd ones above it


@dataclass(frozen=True, eq=False)
class AnomalyScores:
    """Scores of pictures, higher is stranger."""

    names: Sequence[str]
    scores: Tensor  # (n,) float64
    terms: dict[str, Tensor]  # what they are made of, by name, (n,) each, as they are
    threshold: float
    normal_name: str  # what the threshold is a quantile of
    quantile: float
    labels: Sequence[str] | None = None  # the class of each, where the pictures have some
    odd: Tensor | None = None  # (n,) bool, where it is known which classes are odd

    @property
    def has_both_kinds(self) -> bool:
        """Is it known which are odd, and are some, and some not?"""
        return self.odd is not None and bool(self.odd.any()) and not self.odd.all()

    @property
    def separation(self) -> Separation | None:
        """Figures, where it is known what is odd; Mistake where there are no odd pictures, or none but odd ones."""
        if self.odd is None:
            return None
        above, odd = self.scores > self.threshold, self.odd
        figures = auroc(self.scores, odd), average_precision(self.scores, odd)
        return Separation(*figures, float(odd.double().mean()), int((~odd).sum()), int(odd.sum()),
                          float(above[~odd].double().mean()), float(above[odd].double().mean()))  # fmt: skip

    def write_csv(self, path: Path) -> None:
        """A row for each picture: its name, its class and whether that is odd if these are known, its score, whether
        that is above the threshold, and its terms.
        """
        text = StringIO()
        table = csv.writer(text, lineterminator="\n")
        labelled, marked = self.labels is not None, self.odd is not None
        table.writerow(["name", *["label"] * labelled, *["odd"] * marked, "score", "above_threshold", *self.terms])
        for i, name in enumerate(self.names):
            row: list[object] = [name]
            row += [self.labels[i]] if self.labels is not None else []
            row += [int(self.odd[i])] if self.odd is not None else []
            score = float(self.scores[i])
            row += [f"{score:.9g}", int(score > self.threshold)]
            table.writerow(row + [f"{float(term[i]):.9g}" for term in self.terms.values()])
        make_parent(path)
        write_text(path, text.getvalue())

    def draw_roc(self, path: Path) -> None:
        """The ROC as a PNG, with the threshold's place on it."""
        from matplotlib.figure import Figure

        found = self.separation
        if found is None or self.odd is None:
            raise Mistake("a ROC needs labels, and to know which class is odd")
        x, y = roc_curve(self.scores, self.odd)
        figure = Figure(figsize=(5, 5), dpi=110, layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
        axes.plot(x.numpy(), y.numpy(), color="#2e6f95")
        axes.plot([found.false_alarms], [found.found], "o", color="#d1495b", label=f"threshold: {self.quantile:.0%} of "
                  "normals below")  # fmt: skip
        axes.set(xlabel="share of normal pictures above", ylabel="share of odd pictures above", aspect="equal",
                 title=f"AUROC {found.auroc:.3f}, AUPRC {found.auprc:.3f} ({found.base:.3f} by chance)")  # fmt: skip
        axes.legend(loc="lower right", frameon=False)
        drawn = BytesIO()
        figure.savefig(drawn, format="png")
        make_parent(path)
        save_png(Image.open(drawn), path)


def score_images(loaded: LoadedGame, run: str | Path, files: File | Sequence[File] | GivenImages, *,
                 how: AnomalyScore = AnomalyScore(), odd: Sequence[str] | None = None,
                 normal: Sequence[str] | None = None, normals: str | None = None, quantile_of: float = QUANTILE,
                 label: Label | None = None, seed: int = 0, say: Notify = notify_nobody,
                 **changes: Any) -> AnomalyScores:  # fmt: skip
    """The anomaly scores of pictures, by a run that has learned normal ones; `loaded` is `load(run)`.

    `odd` or `normal` names classes of the pictures; of neither, those that the run has left out are odd.
    `normals` are normal pictures to compare with, in place of the run's held-out ones; `label` is the class of all, for
    networks that are told of one. `changes` are those of `open_images`, and hold for both. Raises Mistake for a game
    that cannot, and for classes that there are not.
    """
    require(0 < quantile_of < 1, f"quantile is {quantile_of}, but should be between 0 and 1")
    terms = how.terms(loaded.game)
    if how.by == "auto" and terms == ("critic",) and isinstance(loaded.game, Judges):
        search = "" if loaded.shape.points else "; --by search looks for a code of each image, which takes long"
        say("this run cannot reconstruct: its critic alone tells what is odd, and is no density"
            f"{search}")  # fmt: skip
    manifest = Manifest.read(RunFolder.find(run))
    given = files if isinstance(files, GivenImages) else open_images(files, manifest, loaded.shape, say, **changes)
    unseen = frozenset(Prepare.of(manifest.settings).left_out) & frozenset(given.classes)
    marked = odd_classes(given, odd, normal, unseen)
    if marked and (more := unseen - marked):
        say(f"{', '.join(sorted(more))}: left out of the run as well, but normal here; --odd names all that are odd")
    if normals is None:
        usual = normals_of_run(loaded, str(run), manifest, how, seed, say)
    else:
        own = {"labels": None if loaded.shape.classes else "none", "limit": most_normals(how)}
        named = open_images(normals, manifest, loaded.shape, say, **changes | own)
        usual = normals_given(loaded, named, normals, how, seed, label)
    found, places = terms_of_files(loaded, given, how, seed, label)
    spread = Spread.of(usual.terms)
    classes = None if given.labels is None else [given.classes[i] for i in given.labels[places]]
    return AnomalyScores(
        [given.names[i] for i in places], how.combine(found, spread), dict(zip(terms, found.T, strict=True)),
        quantile(how.combine(usual.terms, spread), quantile_of), usual.name, quantile_of, classes,
        torch.tensor([name in marked for name in classes]) if classes and marked is not None else None)  # fmt: skip


def odd_classes(given: GivenImages, odd: Sequence[str] | None, normal: Sequence[str] | None,
                unseen: frozenset[str]) -> frozenset[str] | None:  # fmt: skip
    """The classes that are odd: those named, or all but those that are normal, or those the run has left out; None
    where nobody knows.
    """
    require(odd is None or normal is None, "odd and normal classes are both named; name one kind")
    named = odd if normal is None else normal
    if named is None:
        return unseen or None
    require(given.labels is not None, "the pictures have no classes, so none can be odd or normal; put the images of "
            "each class into a folder of its own, or name a table with --labels")  # fmt: skip
    for name in named:
        require(name in given.classes, f"the pictures have no class {name}{did_you_mean(name, given.classes)}")
    return frozenset(named) if normal is None else frozenset(given.classes) - frozenset(named)
