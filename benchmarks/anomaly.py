"""Which method tells a class that it has never seen: each class left out of training in turn, AUROC on a test set.

`python benchmarks/anomaly.py bigan ae --images 200k` trains each recipe once for each class of MNIST, scores the test
set by each kind of score that the recipe has, and prints a table. Runs lie in a folder and are gone on with; figures
are lines of a file, so that the command goes on where it stopped, and several may work at once on other classes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from saddle import load, train
from saddle.capabilities import Compares, Judges, Reconstructs, Scores
from saddle.data import Prepare, open_data
from saddle.data.dataset import class_names
from saddle.errors import Mistake
from saddle.inference.anomaly import AnomalyScore
from saddle.inference.image_files import open_images
from saddle.inference.scoring import score_images
from saddle.metrics.roc import auroc
from saddle.notices import notify_nobody
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest

HERE = Path(__file__).parent
HELD_OUT = 2_000  # images of the other classes, by which the terms are standardised
NEAREST = "nearest training image"  # the plain baseline: the distance of pixels to it, root of squares
AT_ONCE = 100  # images whose distances are worked out together
Line = dict[str, Any]


def kinds_of_score(game: object) -> Iterator[str]:
    """The kinds of score that a game has."""
    if isinstance(game, Reconstructs):
        yield "reconstruction"
        if isinstance(game, Compares | Judges):
            yield from ("features", "both")
    if isinstance(game, Scores):
        yield "critic"


def run_of(chosen: argparse.Namespace, recipe: str, left_out: str) -> Path:
    """The trained run, which is gone on with if it was stopped."""
    shared = dict(text.split("=", 1) for text in chosen.options if ":" not in text.partition("=")[0])
    mine = f"{recipe}:"
    own = dict(text.removeprefix(mine).split("=", 1) for text in chosen.options if text.startswith(mine))
    place = chosen.folder / f"{recipe.rpartition('/')[2].replace(':', '-')}-{left_out}-{chosen.images}"
    held_out = min(HELD_OUT, (chosen.limit or 10 * HELD_OUT) // 4)
    return train(recipe, chosen.data, out=place, resume="auto", options=shared | own, leave_out=left_out,
                 held_out=held_out, size=chosen.size, limit=chosen.limit, images=chosen.images, seed=chosen.seed,
                 device=chosen.device, pictures=1, quiet=True)  # fmt: skip


def figures_of(chosen: argparse.Namespace, recipe: str, left_out: str) -> Iterator[Line]:
    """A line for each kind of score."""
    began = time.monotonic()
    run = run_of(chosen, recipe, left_out)
    seconds, loaded = time.monotonic() - began, load(run, device=chosen.device)
    for kind in kinds_of_score(loaded.game):
        how = AnomalyScore(kind, norm=chosen.norm, weight=chosen.weight)  # type: ignore[arg-type]
        told = score_images(loaded, run, chosen.test, how=how, odd=[left_out]).separation
        assert told is not None
        yield {"recipe": recipe, "kind": kind, "odd": left_out, "auroc": told.auroc, "auprc": told.auprc,
               "base": told.base, "images": chosen.images, "size": chosen.size, "norm": how.chosen.norm,
               "weight": how.chosen.weight, "seed": chosen.seed, "seconds": round(seconds, 1)}  # fmt: skip
    if not any(line["recipe"] == NEAREST and line["odd"] == left_out for line in lines_in(chosen)):
        area = nearest_area(chosen, run, left_out)
        yield {"recipe": NEAREST, "kind": "pixels", "odd": left_out, "auroc": area, "size": chosen.size}


def nearest_area(chosen: argparse.Namespace, run: Path, left_out: str) -> float:
    """AUROC of the distance to the nearest of the training images."""
    manifest = Manifest.read(RunFolder.find(run))
    known = all_images(chosen.data, manifest, left_out, chosen.limit)[0]
    asked, names = all_images(chosen.test, manifest)
    near = torch.cat([torch.cdist(some, known, p=2).min(1).values for some in asked.split(AT_ONCE)])
    return auroc(near, torch.tensor([name == left_out for name in names]))


def all_images(source: str, manifest: Manifest, left_out: str | None = None,
               limit: int | None = None) -> tuple[Tensor, list[str]]:  # fmt: skip
    """A set's images as rows, and the class of each."""
    given = open_images(source, manifest, manifest.shape, leave_out=left_out, limit=limit)
    rows = torch.cat([chunk.images.flatten(1) for chunk in given.chunks(256)])
    return rows, [given.classes[i] for i in given.labels] if given.labels is not None else []


def lines_in(chosen: argparse.Namespace) -> list[Line]:
    text = chosen.lines.read_text() if chosen.lines.exists() else ""
    return [line for line in map(json.loads, text.splitlines()) if line["size"] == chosen.size]


def table(lines: list[Line], classes: list[str]) -> str:
    """Rows of AUROC by recipe and kind of score, a column for each class that was left out, and the mean."""
    rows = [f"| recipe | score | {' | '.join(classes)} | mean |", f"|---|---|{'---|' * (len(classes) + 1)}"]
    for recipe, kind in dict.fromkeys((line["recipe"], line["kind"]) for line in lines):
        found = {line["odd"]: line["auroc"] for line in lines if (line["recipe"], line["kind"]) == (recipe, kind)}
        cells = [f"{found[name]:.3f}" if name in found else "" for name in classes]
        rows.append(f"| {recipe} | {kind} | {' | '.join(cells)} | {statistics.mean(found.values()):.3f} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipes", nargs="*", default=["bigan", "ae"])
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--test", default="mnist:test")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--images", default="200k")
    parser.add_argument("--limit", type=int, help="use only so many training images")
    parser.add_argument("--classes", nargs="*", help="those that are left out in turn; all if not given")
    parser.add_argument("--options", nargs="*", default=[], help="FIELD=VALUE of all, RECIPE:FIELD=VALUE of one")
    parser.add_argument("--norm", choices=["l1", "l2", "mean-square"])
    parser.add_argument("--weight", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--folder", type=Path, default=Path("runs/anomaly"))
    parser.add_argument("--lines", type=Path, default=HERE / "results" / "anomaly.jsonl")
    chosen = parser.parse_args()
    classes = list(class_names(open_data(chosen.test, Prepare(size=chosen.size), notify_nobody)))
    for left_out in chosen.classes or classes:
        for recipe in chosen.recipes:
            there = {(line["recipe"], line["odd"], line.get("images")) for line in lines_in(chosen)}
            if (recipe, left_out, chosen.images) in there:
                continue
            try:
                for line in figures_of(chosen, recipe, left_out):
                    chosen.lines.parent.mkdir(parents=True, exist_ok=True)
                    with chosen.lines.open("a") as file:
                        file.write(json.dumps(line) + "\n")
                    print(f"{line['recipe']:24} without {left_out}: {line['kind']:14} AUROC {line['auroc']:.4f}",
                          flush=True)  # fmt: skip
            except Mistake as mistake:
                raise SystemExit(str(mistake)) from None
    print(table(lines_in(chosen), classes))


if __name__ == "__main__":
    main()
