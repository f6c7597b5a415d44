"""Hair colour among the latents of anime faces: does what is added for a colour give that colour?

`python benchmarks/hair_colour.py RUN --tags TAGS.csv:hair` takes a run on tagged faces, with an encoder or without one,
and a table of the faces' hair colours. For pairs of colours it adds the difference of their mean latents to samples of
the first, and prints which share of them a classifier of the tags then names the second colour, beside a random
direction of the same length and beside a strength of 0. The classifier is trained with another seed than the one that
finds the directions of runs without an encoder. A sheet of the edits lies beside the run.
"""

from __future__ import annotations

import argparse
import json
from itertools import permutations
from pathlib import Path

import torch
from torch import Tensor

from saddle import load
from saddle.data import Prepare, open_data
from saddle.data.cache.location import cache_home
from saddle.data.dataset import class_names
from saddle.errors import Mistake
from saddle.latent import Direction, LatentSpace, labelled_codes, mean_difference
from saddle.metrics.classifier import classifier_accuracy, train_classifier
from saddle.runs.labelled_sheets import make_labelled_sheet
from saddle.runs.pictures import save_png

JUDGE_SEED = 1  # of the classifier that judges; 0 finds directions
SHOWN = 6  # faces of a pair on the sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", default="anime-faces")
    parser.add_argument("--tags", required=True, help="what the colours are read from: FILE.csv:COLUMN, or folders")
    parser.add_argument("--colours", nargs="+", help="those that are exchanged; all, if none are named")
    parser.add_argument("--codes", type=int, default=4000, help="samples, or encoded images, for directions")
    parser.add_argument("-n", type=int, default=64, help="samples of a colour that are edited")
    parser.add_argument("--strengths", nargs="+", type=float, default=[0.0, 1.0, 1.5, 2.0])
    parser.add_argument("--json", type=Path, help="a file that takes a line for each pair")
    asked = parser.parse_args()
    loaded = load(asked.run)
    space, shape = LatentSpace(loaded), loaded.shape
    data = open_data(asked.data, Prepare(size=f"{shape.height}x{shape.width}", labels=asked.tags), print)
    names, cache = class_names(data), cache_home() / "classifiers"
    judge = train_classifier(data, seed=JUDGE_SEED, cache=cache)  # type: ignore[arg-type]
    print(f"the judge names {classifier_accuracy(judge, data):.3f} of its own data rightly")  # type: ignore[arg-type]
    codes, labels, of = labelled_codes(loaded, data, asked.codes, cache=cache)
    print(f"{asked.run}: {of}")
    pool = space.draw(40 * asked.n, seed=5)
    read = judge.class_probabilities(space.make_all(pool).cpu()).argmax(1)
    heads = [f"{strength:g}" for strength in asked.strengths]
    print(f"{'from':>10}{'to':>10}{'faces':>7}" + "".join(f"{head:>8}" for head in heads) + f"{'random':>8}")
    sheet: dict[str, list[Tensor]] = {head: [] for head in heads}
    rows: list[str] = []
    for before, after in permutations(asked.colours or names, 2):
        starts = pool[(read == names.index(before)).to(pool.device)][: asked.n]
        try:
            direction = mean_difference(codes, labels, names, [after], [before], of)
        except Mistake as few:
            print(f"{before:>10}{after:>10}  {few}")
            continue
        if not len(starts):
            print(f"{before:>10}{after:>10}  no sample is {before}")
            continue
        noise = torch.randn(direction.vector.shape, generator=torch.Generator().manual_seed(0))
        chance = Direction(noise * direction.vector.norm() / noise.norm(), "random")
        line: dict[str, float | str | int] = {"from": before, "to": after, "faces": len(starts)}
        goal = names.index(after)
        for head, strength in zip(heads, asked.strengths, strict=True):
            made = space.make_all(direction.add(starts, strength)).cpu()
            line[head] = float((judge.class_probabilities(made).argmax(1) == goal).float().mean())
            sheet[head] += list(made[:SHOWN])
        by_chance = space.make_all(chance.add(starts, max(asked.strengths))).cpu()
        line["random"] = float((judge.class_probabilities(by_chance).argmax(1) == goal).float().mean())
        rows += [f"{before} to {after}"] * len(starts[:SHOWN])
        print(f"{before:>10}{after:>10}{len(starts):7}" + "".join(f"{line[head]:8.2f}" for head in [*heads, "random"]),
              flush=True)  # fmt: skip
        if asked.json:
            with asked.json.open("a") as file:
                file.write(json.dumps({"run": str(asked.run)} | line) + "\n")
    if rows:
        save_png(make_labelled_sheet(sheet, rows), asked.run / "hair-colour.png")
        print(asked.run / "hair-colour.png")


if __name__ == "__main__":
    main()
