"""What failing disks and hostile hands may bring: damaged files, senseless command lines, strangers' run folders.

`python benchmarks/fuzz.py --files 2000 --lines 2000 --folders 500` tries so many of each, drawn from a seed. None may
end in a traceback, take more than 10 s of processor time, change or read anything outside, or be answered by other
results in silence. Prints each fault with what repeats it (`--seed S --only KIND:NUMBER`); exit code 1 if there is any.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import random
import shutil
import struct
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from damage import damage, hostile
from PIL import Image
from trials import Outcome, Trial, preload

STRANGE = [
    "sample run --out sheet.png", "report run", "measure run --metrics fid -n 12", "compare run run --html page.html",
    "diff run dcgan", "resume run", "reproduce run", "doctor run", "train dcgan --data . --out new",
]  # fmt: skip
LATE = 10.0  # seconds of processor time
SECRET = b"nobody may read this: 7f3a9c"
SMALL = ["--size", "16", "--networks.width", "8", "--batch", "4", "--images", "12", "--pictures", "2", "--threads", "1"]
ODD = ["", " ", "-", "--", "---", "-1", "0", "1e30", "1e999", "nan", "inf", "-inf", "2**70", "9" * 5000, "True", "none",
       "[]", "((((", "'", '"', "\n", "\x1b[31m", "\u202e", "\x00", "a.a.a.a", "R1(", "R1(R1(R1()))", "Linear(1,2,3,4)",
       "+".join(["1"] * 900), ".".join(["a"] * 1000), "(" * 300 + ")" * 300, "..", "/", "~", "*.png", "\udce9", "%s%n",
       "{0}", "DCGAN()", "Adam(lr=nan)", "lambda: 0", "__import__('os')", "0x10", "1_000", "1k", "1M", "-1k", "\u0661",
       "1+1"]  # fmt: skip
OPTIONS = """
    data size crop channels limit labels images minutes epochs seed device out precision threads accumulate ema
    measure every samples features patience n held-out on-collapse pictures checkpoints batch objective penalties
    views prior networks networks.width turns turns.critic constraint optimizer optimizer.lr label critic-optimizer
    metrics against vary seeds search jobs html json to best help quiet flip no-flip generator-penalties download
    references picture
    """.split()  # noqa: SIM905


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for kind, count in (("files", 2000), ("lines", 2000), ("folders", 500)):
        parser.add_argument(f"--{kind}", type=int, default=count)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="one trial, such as files:17")
    given = parser.parse_args()
    preload()
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        bed = Bed(Path(folder))
        for kind, attack in (("files", bed.file), ("lines", bed.line), ("folders", bed.strange)):
            numbers = range(getattr(given, kind))
            if given.only:
                numbers = [int(given.only.partition(":")[2])] if given.only.startswith(f"{kind}:") else []
            for number in numbers:
                for fault in attack(random.Random(f"{given.seed} {kind} {number}")):
                    faults += 1
                    print(f"{kind}:{number}: {fault}", flush=True)
            print(f"{kind}: {len(numbers)} tried, {faults} faults so far, slowest {bed.slowest:.1f} s", flush=True)
    return 1 if faults else 0


class Bed:
    """A folder with all kinds of data and a run, copies of which are damaged; and one outside that must not change."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.outside, self.work = folder, folder / "outside", folder / "work"
        self.slowest = 0.0
        for path in (self.outside, folder / "home", whole := folder / "whole"):
            path.mkdir(exist_ok=True)
        (self.outside / "secret").write_bytes(SECRET)
        Image.new("RGB", (16, 16), (200, 30, 90)).save(self.outside / "picture.png")
        (self.outside / "evil.py").write_text(f"open({str(self.outside / 'ran')!r}, 'w')\nclass DCGAN: pass\n")
        self.whole = whole
        self.data = dict(sources(whole))
        words = ["train", "dcgan", "--data", "pictures", "--out", "run", *SMALL, "--measure", "fid", "--samples", "12",
                 "--features", "random"]  # fmt: skip
        if (made := self.run(words, whole)).code:
            raise SystemExit(f"the run to be damaged does not train: {made.said}")
        self.stands = snapshot(self.outside)
        self.want = self.sampled(whole, whole / "run")

    def run(self, words: list[str], folder: Path) -> Outcome:
        home = {"SADDLE_CACHE": str(self.folder / "cache"), "HOME": str(self.folder / "home"), "COLUMNS": "80"}
        outcome = Trial(folder, home | {"XDG_CONFIG_HOME": str(self.folder / "home")}, limit=90).run(words)
        self.slowest = max(self.slowest, outcome.seconds)
        return outcome

    def sampled(self, folder: Path, run: Path) -> tuple[int, bytes, str]:
        """The exit code of `sample`, the bytes of its sheet, and what was said beside the usual."""
        sheet = folder / "sheet.png"
        sheet.unlink(missing_ok=True)
        outcome = self.run(["sample", str(run), "--out", str(sheet), "--seed", "1"], folder)
        return outcome.code, sheet.read_bytes() if sheet.exists() else b"", outcome.said

    def fresh(self) -> Path:
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.whole, self.work, symlinks=True)
        return self.work

    def judged(self, words: list[str], outcome: Outcome) -> Iterator[str]:
        """What is wrong with how a command ended."""
        told = f"saddle {' '.join(word[:60] for word in words)!r}"
        if outcome.traceback:
            yield f"{told}: {outcome.said[-600:]}"
        elif outcome.code not in (0, 1, 2, 130):
            yield f"{told} ended with {outcome.code}: {outcome.said[-300:]}"
        elif outcome.code and not outcome.said.strip():
            yield f"{told} ended with {outcome.code} and no word"
        if outcome.late or outcome.seconds > LATE:
            yield f"{told} took {outcome.seconds:.1f} s of processor time, {outcome.wall:.0f} s in all"
        if snapshot(self.outside) != self.stands:
            yield f"{told} changed what lies outside: {snapshot(self.outside).keys() ^ self.stands.keys()}"
            self.stands = snapshot(self.outside)

    def file(self, dice: random.Random) -> Iterator[str]:
        """One file of data or of a run is damaged, and used."""
        work = self.fresh()
        if dice.random() < 0.5:
            name = dice.choice([*self.data])
            target = dice.choice(sorted(p for p in [work / name, *(work / name).rglob("*")] if p.is_file()))
            how = damage(target, dice)
            words = (
                ["doctor", name] if dice.random() < 0.5 else ["train", "dcgan", "--data", name, "--out", "new", *SMALL]
            )
            outcome = self.run(words, work)
            yield from (f"{target.relative_to(work)} {how}: {fault}" for fault in self.judged(words, outcome))
            return
        target = dice.choice(sorted(p for p in (work / "run").rglob("*") if p.is_file()))
        how = damage(target, dice)
        lines = "measure run --metrics fid -n 12 --features random", "report run", "resume run", "diff run run"
        words = dice.choice([*lines, "compare run run"]).split()
        yield from (f"{target.name} {how}: {fault}" for fault in self.judged(words, self.run(words, work)))
        code, sheet, said = self.sampled(work, work / "run")
        if code == 0 and sheet != self.want[1] and "warning" not in said:
            yield f"{target.name} {how}: sample shows other pictures, without a word"

    def line(self, dice: random.Random) -> Iterator[str]:
        """A command line drawn from words that have a meaning and words that have none."""
        work = self.fresh()
        words = line(dice, [*self.data, "run", "nothing"])
        yield from self.judged(words, self.run(words, work))

    def strange(self, dice: random.Random) -> Iterator[str]:
        """A run folder in which things are what they should not be."""
        work = self.fresh()
        how = [hostile(work / "run", self.outside, dice) for _ in range(dice.randint(1, 3))]
        for text in dice.sample(STRANGE, 4):
            words = text.split() + (SMALL if text.startswith("train") else [])
            yield from (f"{how}: {fault}" for fault in self.judged(words, self.run(words, work)))
            pages = [
                page
                for page in (work / "run" / "report.html", work / "page.html")
                if page.is_file() and not page.is_symlink()
            ]  # a link's own content is no page of saddle's
            secret = base64.b64encode((self.outside / "picture.png").read_bytes())[:80]
            theirs = not any("hard link" in kind for kind in how)  # which is the file itself, by all that can be told
            if theirs and any(SECRET in page.read_bytes() or secret in page.read_bytes() for page in pages):
                yield f"{how}: saddle {words} put a file from outside into a page"


def sources(folder: Path) -> Iterator[tuple[str, Path]]:
    """One of every kind of data, small, by name."""
    dice = np.random.default_rng(0)
    pixels, labels = dice.integers(0, 256, (12, 16, 16, 3), dtype=np.uint8), np.arange(12) % 2
    for name, ending in (("pictures", "png"), ("photos", "jpg")):
        for i, picture in enumerate(pixels):
            path = folder / name / "ab"[i % 2] / f"{i}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
        yield name, folder / name
    (folder / "pictures" / "labels.csv").write_text(
        "file,label\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(12))
    )
    with zipfile.ZipFile(folder / "packed.zip", "w") as file:
        for path in sorted((folder / "pictures").rglob("*.png")):
            file.write(path, path.relative_to(folder / "pictures"))
        file.writestr("dataset.json", json.dumps({"labels": [[f"a/{i}.png", i % 2] for i in range(12)]}))
    yield "packed.zip", folder / "packed.zip"
    np.save(folder / "array.npy", pixels)
    np.savez(folder / "arrays.npz", images=pixels, labels=labels)
    np.savez_compressed(folder / "squeezed.npz", x_train=pixels / 255, y_train=labels)
    yield from ((name, folder / name) for name in ("array.npy", "arrays.npz", "squeezed.npz"))
    (folder / "idx").mkdir()
    grey = struct.pack(">IIII", 2051, 12, 16, 16) + pixels[..., 0].tobytes()
    (folder / "idx" / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(grey))
    (folder / "idx" / "train-labels-idx1-ubyte").write_bytes(
        struct.pack(">II", 2049, 12) + labels.astype(np.uint8).tobytes()
    )
    yield "idx", folder / "idx"


def line(dice: random.Random, names: list[str]) -> list[str]:
    """Words of a command line: mostly known ones, in places where they may be meant or not."""
    from saddle.cli import COMMANDS
    from saddle.recipes import RECIPES

    words = [dice.choice([*COMMANDS] * 4 + ODD)]
    for _ in range(dice.randint(0, 6)):
        word = dice.choice([*RECIPES, *names, *ODD]) if dice.random() < 0.5 else f"--{dice.choice(OPTIONS)}"
        words.append(word)
        if word.startswith("--") and dice.random() < 0.9:
            words.append(dice.choice([*ODD, *names, "1", "4", "16", "0.5", "fid", "cpu", "pad", "R1(1)", "Hinge()"]))
    if words[0] in ("train", "sweep", "measure"):  # nothing may train for long
        words += ["--images", "8", "--quiet"] if words[0] == "train" and "--images" not in words else []
    return [word.replace("\x00", "0") if dice.random() < 0.5 else word for word in words]


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(p.relative_to(folder)): (p.read_bytes() if p.is_file() else b"", p.stat().st_mtime_ns)
            for p in folder.rglob("*")}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
