"""Runs that are killed at random, and at every file event, and resumed: nothing may differ, nothing be left over.

`python benchmarks/kills.py --kills 500` trains each recipe once in peace; then again and again, killed (-9) up to three
times each, half of them just before a file event drawn from all that the run has, half at a random moment, and resumed
to its end. Every file must then be that of the run in peace: checkpoints and pictures to the last byte, logs but for
times. Prints each difference, and one line a recipe; exit code 1 if there is any.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trials import Outcome, Trial, preload

COMMON = ["--checkpoints", "0.001", "--pictures", "4", "--ema", "40", "--seed", "3", "--threads", "1", "--quiet"]
PIXELS = ["--size", "16", "--limit", "64", "--batch", "8"]
RUNS: dict[str, list[str]] = {
    "gan": [*PIXELS, "--networks.width", "16", "--images", "96"],
    "dcgan": [*PIXELS, "--networks.width", "4", "--turns.generator", "1", "--images", "96"],
    "wgan-gp": [*PIXELS, "--networks.width", "4", "--images", "240"],
    "r3gan": [*PIXELS, "--networks", "GroupedResidual(latent=8, width=8, blocks=1, group=4)", "--images", "48"],
    "sn-gan": [*PIXELS, "--size", "32", "--networks.width", "4", "--images", "240"],
    "cgan": [*PIXELS, "--networks.base.width", "4", "--images", "96", "--accumulate", "2"],
    "ac-gan": [*PIXELS, "--networks.base.width", "4", "--images", "96"],
    "pacgan": [*PIXELS, "--networks.base.width", "4", "--images", "96"],
    "lsgan": [*PIXELS, "--networks.width", "4", "--images", "96", "--views", "ADA(images=100, boundary=0.5)",
              "--penalties", "LeCam(start=2)"],
    "r1": [*PIXELS, "--networks.width", "4", "--images", "96", "--measure", "fid,precision", "--samples", "16",
           "--every", "24", "--features", "random"],
    "r1-toy": ["--networks.width", "16", "--batch", "16", "--images", "160", "--held-out", "64"],
    "unrolled-gan-toy": ["--networks.width", "16", "--batch", "16", "--images", "96", "--on-collapse", "rollback"],
}  # fmt: skip
TIMES = ("timing.jsonl", ".lock", "quality.png")
TIMED = ("seconds", "created")  # facts that say when, not what


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipes", default=",".join(RUNS))
    given = parser.parse_args()
    preload()
    names, faults = given.recipes.split(","), 0
    with tempfile.TemporaryDirectory() as folder:
        for i, name in enumerate(names):
            share = given.kills * (i + 1) // len(names) - given.kills * i // len(names)
            bed = Bed(Path(folder), name, random.Random(f"{given.seed} {name}"))
            found = bed.kill(share)
            faults += len(found)
            print(f"{name}: {share} kills, {bed.events} file events in a run, {len(found)} faults", flush=True)
            for fault in found:
                print(f"  {fault}", flush=True)
    return 1 if faults else 0


class Bed:
    """One recipe, its run in peace, and runs that are killed."""

    def __init__(self, folder: Path, name: str, dice: random.Random) -> None:
        self.folder, self.name, self.dice = folder, name, dice
        self.words = ["train", name, *COMMON, *RUNS[name]]
        self.cache = folder / "cache"
        peace = self.place("peace")
        first = self.trial().run([*self.words, "--out", str(folder / "warm-up")])  # fills the cache
        shutil.rmtree(folder / "warm-up", ignore_errors=True)
        self.outcome = self.trial(peace).run([*self.words, "--out", str(peace)])
        if first.code or self.outcome.code:
            raise SystemExit(f"{name} does not train: {first.said}{self.outcome.said}")
        self.events = self.outcome.said.count("[event ")
        self.want, self.cached = content(peace), listing(self.cache)

    def place(self, name: str) -> Path:
        shutil.rmtree(path := self.folder / f"{self.name}-{name}", ignore_errors=True)
        return path

    def trial(self, watched: Path | None = None, **ends: Any) -> Trial:
        return Trial(self.folder, {"SADDLE_CACHE": str(self.cache)}, watched=watched, **ends)

    def kill(self, count: int) -> list[str]:
        """What went wrong in so many kills."""
        faults, left = [], count
        while left:
            run, killed = self.place("killed"), []
            for _ in range(min(left, self.dice.randint(1, 3))):
                outcome = self.play(run, self.death(run))
                left -= 1
                killed.append(outcome)
                if outcome.code != -9:
                    break
            end = self.play(run, self.trial())
            what = f"after {[len(k.said) and k.said.strip().splitlines()[-1] for k in killed]}: "
            if end.code:
                faults.append(f"{what}ended with {end.code}: {end.said.strip()[-300:]}")
                continue
            faults += [what + fault for fault in differences(self.want, content(run))]
            if (now := listing(self.cache)) != self.cached:
                faults.append(f"{what}the cache has {sorted(now ^ self.cached)}")
                self.cached = now
        return faults

    def death(self, run: Path) -> Trial:
        if self.dice.random() < 0.5:
            return self.trial(run, dies_at=self.dice.randint(1, self.events))
        return self.trial(dies_after=self.dice.uniform(0, self.outcome.wall))

    def play(self, run: Path, trial: Trial) -> Outcome:
        """Go on with the run, or begin it where it is none yet."""
        if (run / "manifest.json").exists():
            return trial.run(["resume", str(run), "--threads", "1"])
        return trial.run([*self.words, "--out", str(run)])


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def content(run: Path) -> dict[str, object]:
    """Every file of a run, without the times in it."""
    return {str(path.relative_to(run)): plain(path) for path in run.rglob("*")
            if path.is_file() and path.name not in TIMES}  # fmt: skip


def plain(path: Path) -> object:
    if path.suffix == ".jsonl":
        return [timeless(json.loads(line)) for line in path.read_text().splitlines()]
    if path.suffix == ".json":
        return timeless(json.loads(path.read_text()))
    if path.name.startswith("best"):  # its facts hold seconds
        from saddle.training.checkpoint import read_checkpoint

        tensors, facts = read_checkpoint(path)
        return {key: t.numpy().tobytes() for key, t in tensors.items()}, timeless(facts)
    return oct(path.stat().st_mode), path.read_bytes()


def timeless(facts: Any) -> Any:
    if isinstance(facts, dict):
        return {key: timeless(value) for key, value in facts.items() if key not in TIMED}
    return facts


def differences(want: dict[str, object], have: dict[str, object]) -> Sequence[str]:
    extra = [f"{name} is left over" for name in sorted(have.keys() - want.keys()) if not pruned(name)]
    lost = [f"{name} is missing" for name in sorted(want.keys() - have.keys()) if not pruned(name)]
    return [*extra, *lost, *(f"{name} differs" for name in want.keys() & have.keys() if want[name] != have[name])]


def pruned(name: str) -> bool:
    """The checkpoint before the last one hangs on the clock on the wall."""
    return name.startswith("checkpoints/0")


if __name__ == "__main__":
    sys.exit(main())
