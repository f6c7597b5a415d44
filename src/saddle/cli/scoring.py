"""How odd pictures look to a run that was trained on normal ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import escape_unprintable, require
from ..options import split_names
from ..runs.naming import outputs_folder
from .argv import parse_command
from .facts import check_place, tell
from .output import print_message
from .reconstructing import FileOptions
from .run_options import load_run, open_files

if TYPE_CHECKING:
    from ..inference.scoring import AnomalyScores


@dataclass(frozen=True)
class ScoreOptions(FileOptions):
    """How to score."""

    odd: str | None = None  # classes of the data that are odd, with commas between; those the run left out if not given
    normal: str | None = None  # or those that are normal: all others are odd
    normals: str | None = None  # normal images to compare with; the run's held-out ones (--held-out) if not given
    by: Literal["auto", "both", "reconstruction", "features", "latent", "critic", "cross-entropy", "search"] = (
        "auto"  # what tells: errors of the reconstruction in pixels, in the critic's features; auto: both if it can
    )
    norm: Literal["l1", "l2", "mean-square"] | None = None  # of a difference; mean-square of f-anogan, else l1
    weight: float | None = None  # of the features, beside one minus it of the pixels, 0.1; of f-anogan beside 1, 1.0
    form: Literal["standardised", "egbad", "f-anogan"] = "standardised"  # how two terms add up
    steps: int = 500  # of gradients that search for a code of each image, by search: of a game without an encoder
    quantile: float = 0.95  # the threshold lies above so many of the normals
    json: Path | None = None  # print it as JSON, for programs, or write it into FILE.json
    to: Path | None = None  # the .csv; scores.csv in the run's folder if not given. A ROC is drawn beside it

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.quantile < 1, f"quantile is {self.quantile}, but should be between 0 and 1")


def score(words: list[str]) -> None:
    """saddle score RUN DATA ..."""
    (run, *files), wish = parse_command("score", words, ScoreOptions())
    loaded = load_run(run, wish)
    from ..inference.anomaly import AnomalyScore
    from ..inference.made_files import check_replaceable, check_target
    from ..inference.scoring import score_images

    check_place(wish.json)
    how = AnomalyScore(wish.by, wish.norm, wish.weight, wish.form, wish.steps)
    where = wish.to or outputs_folder(run) / f"scores{wish.suffix}.csv"
    given = open_files(run, files, loaded.shape, **wish.changes)
    check_target(where, given, ".csv")
    if given.labels is not None:
        check_replaceable(where.with_suffix(".png"), given)
    found = score_images(loaded, run, given, how=how, odd=named_classes(wish.odd), normal=named_classes(wish.normal),
                         normals=wish.normals, quantile_of=wish.quantile, label=wish.label, seed=wish.seed,
                         say=print_message, **wish.changes)  # fmt: skip
    found.write_csv(where)
    files_made = [where]
    if found.has_both_kinds:
        files_made.append(where.with_suffix(".png"))
        found.draw_roc(files_made[-1])
    tell(lambda: "\n".join([*describe_scores(found), *(escape_unprintable(file) for file in files_made)]),
         lambda: score_facts(found) | {"files": files_made}, wish.json)  # fmt: skip


def named_classes(text: str | None) -> list[str] | None:
    """Those that an option names, if it is given."""
    return None if text is None else split_names(text)


def describe_scores(found: AnomalyScores) -> list[str]:
    """Figures in sentences."""
    above = float((found.scores > found.threshold).double().mean())
    threshold = (f"threshold {found.threshold:.4g}, below which are {found.quantile:.0%} of {found.normal_name}: "
                 f"{above:.1%} of the images are above it")  # fmt: skip
    if found.odd is None:
        hint = "--odd or --normal names classes, and then it is told how well scores tell these apart"
        return [threshold, hint] if found.labels else [threshold]
    if not found.has_both_kinds:
        return [threshold, f"{'all' if found.odd.any() else 'none'} of the images are odd, so that there is no AUROC"]
    told = found.separation
    assert told is not None, "it is known which are odd"
    return [f"AUROC {told.auroc:.4f}, AUPRC {told.auprc:.4f} ({told.base:.4f} by chance), of {told.odds:,} odd images "
            f"and {told.normals:,} normal ones", threshold,
            f"above it are {told.found:.1%} of the odd and {told.false_alarms:.1%} of the normal ones"]  # fmt: skip


def score_facts(found: AnomalyScores) -> dict[str, Any]:
    """Every image with its score and its terms, and the figures of all."""
    rows: list[dict[str, Any]] = [
        {"name": name, "score": float(score), "above_threshold": bool(score > found.threshold)}
        | {term: float(values[i]) for term, values in found.terms.items()}
        | ({} if found.labels is None else {"label": found.labels[i]})
        | ({} if found.odd is None else {"odd": bool(found.odd[i])})
        for i, (name, score) in enumerate(zip(found.names, found.scores, strict=True))
    ]
    separation = found.separation if found.has_both_kinds else None
    return {"threshold": found.threshold, "quantile": found.quantile, "normals": found.normal_name,
            "separation": separation, "images": rows}  # fmt: skip
