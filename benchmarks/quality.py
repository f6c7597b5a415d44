"""Which recipe makes the best pictures of some data in equal time on one machine: each trained, measured, one table.

`python benchmarks/quality.py mnist --size 32 --minutes 10` trains every contestant for ten minutes and prints Fréchet
distance, precision, recall and images a second, through the features that suit the data, or those of `--features`.
`--minutes` is the machine's own time, so nothing else should run beside it; `--jobs 2` plays two contestants at once on
a thread each, all under the same conditions. Where the machine cannot be had alone for so long, `--rates` measures for
half a minute each how fast they are on it alone, and each is trained later for as many images as it would have been
shown in its minutes, whatever runs beside it. Runs lie in a folder and are gone on with when the command is given
again, so a GPU that is lent for ten minutes at a time does: `timeout 10m python benchmarks/quality.py ...`. Figures are
lines of a file; `--table` prints those that are there. With `--curve` figures are also taken ten times as it trains, in
time that is not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any

import torch

from saddle import measure, train
from saddle.errors import Mistake
from saddle.recipes import RECIPES
from saddle.reports.reading import open_runs

HERE = Path(__file__).parent
METRICS = ("fid", "precision", "recall")
Options = Mapping[str, str]
Contestants = dict[str, tuple[str, Options]]  # by name, a recipe and what differs from it
CONTESTANTS: Contestants = {  # for a small machine: as saddle chooses dcgan there, and what others need in short runs
    "dcgan": ("dcgan", {"batch": "32", "turns.generator": "2", "optimizer.lr": "4e-4"}),
    "dcgan, noise": ("dcgan", {"turns.generator": "2", "views": "Noise(0.3)"}),
    "sn-gan": ("sn-gan", {"networks.width": "32", "batch": "32", "turns.critic": "1"}),  # five moves leave it 300
    "r3gan": ("r3gan-laptop", {}),
    "stylegan2-ada": ("stylegan2-ada-small", {}),
    "biggan": ("biggan", RECIPES["biggan"].quick),
    "gat": ("gat", RECIPES["gat"].quick),
}
GPU_CONTESTANTS: Contestants = {  # the authors' sizes, as far as ten minutes of one GPU can teach them
    "dcgan": ("dcgan", {}),
    "sn-gan": ("sn-gan-residual", {}),
    "biggan": ("biggan-cifar", {}),
    "stylegan2-ada": ("stylegan2-ada-cifar", {}),
    "r3gan": ("r3gan-cifar", {}),
}
Line = dict[str, Any]
RATE_MINUTES = 0.5


def contestants(asked: argparse.Namespace) -> Contestants:
    known = GPU_CONTESTANTS if asked.gpu else CONTESTANTS
    wrong = sorted(set(asked.recipes) - set(known))
    if wrong:
        raise SystemExit(f"there is no contestant {wrong[0]}; there are {', '.join(known)}")
    return {name: known[name] for name in asked.recipes or known}


def measure_rate(asked: argparse.Namespace, name: str) -> Line:
    """How many images a second one contestant is shown here."""
    recipe, options = contestants(asked)[name]
    with TemporaryDirectory() as place:
        run = train(recipe, asked.data, out=Path(place) / "run", options=options, size=asked.size, minutes=RATE_MINUTES,
                    seed=asked.seed, threads=asked.threads, device=asked.device, precision=asked.precision,
                    quiet=True, pictures=1, held_out=0)  # fmt: skip
        (read,) = open_runs([run])
        speed = read.pace.speed  # read while the folder is there
    return {"name": name, "rate": round(speed, 1), "device": device_name(asked.device)}


def length_of(asked: argparse.Namespace, name: str) -> dict[str, Any]:
    """A contestant's time, or the images of that time where its rate was measured."""
    rates = {line["name"]: line["rate"] for line in lines_in(asked.rates_file)}
    return {"images": round(rates[name] * asked.minutes * 60)} if name in rates else {"minutes": asked.minutes}


def play(asked: argparse.Namespace, name: str) -> Line:
    """Train, or go on with, one contestant to the end of its time; its line of figures."""
    recipe, options = contestants(asked)[name]
    curve = {"measure": ",".join(METRICS), "every": None, "samples": 2_000, "features": asked.features}
    place = asked.folder / f"{label(asked)}-{name.replace(', ', '-')}"
    run = train(recipe, asked.data, out=place, resume="auto", options=options, size=asked.size, seed=asked.seed,
                threads=asked.threads, device=asked.device, precision=asked.precision, quiet=True, pictures=4,
                held_out=0, **length_of(asked, name), **(curve if asked.curve else {}))  # fmt: skip
    (read,) = open_runs([run])
    figures = measure(run, metrics=METRICS, n=asked.samples, references=asked.references, features=asked.features,
                      device=asked.device, quiet=True)  # fmt: skip
    return {
        "data": label(asked), "name": name, "recipe": recipe, "options": dict(options), "minutes": asked.minutes,
        "seconds": round(read.seconds, 1), "images": read.images, "speed": speed_of(asked, name, read.pace.speed),
        "seed": asked.seed, "device": device_name(asked.device), "threads": asked.threads,
        "figures": {f.metric: round(f.value, 4) for f in figures}, "titles": {f.metric: f.title for f in figures},
        "protocol": str(figures[0].protocol).replace(asked.data, label(asked)),  # no folder of this machine
        "curve": [[m.images, round(m.seconds, 1), {f.metric: round(f.value, 4) for f in m.figures}]
                  for m in read.measures if m.images < read.images],
    }  # fmt: skip


def speed_of(asked: argparse.Namespace, name: str, seen: float) -> float:
    """Images a second of the machine alone where that was measured, else of the run."""
    length = length_of(asked, name)
    return round(length["images"] / (asked.minutes * 60) if "images" in length else seen, 1)


def device_name(device: str) -> str:
    gpu = torch.cuda.is_available() and device != "cpu"
    return torch.cuda.get_device_name() if gpu else f"{torch.get_num_threads()} threads"


def label(asked: argparse.Namespace) -> str:
    """The data's name and size, without the folder that it lies in."""
    return f"{Path(asked.data).stem}-{asked.size}"


def lines_in(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def write_line(path: Path, line: Line) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(line, flush=True)


def missing(asked: argparse.Namespace) -> Iterator[str]:
    done = {(line["data"], line["name"], line["minutes"], line["seed"]) for line in lines_in(asked.lines)}
    return (name for name in contestants(asked) if (label(asked), name, asked.minutes, asked.seed) not in done)


def table(lines: list[Line]) -> str:
    """Rows by contestant, the best Fréchet distance first."""
    if not lines:
        return "no figures yet"
    titles = lines[0]["titles"]
    heads = ["recipe", *(titles[metric] for metric in METRICS), "images", "images a second"]
    rows = [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    for line in sorted(lines, key=lambda line: line["figures"]["fid"]):
        cells = (f"{line['figures'][metric]:.3g}" for metric in METRICS)
        ends = f"{line['images']:,} | {line['speed']:.0f}"
        rows.append(f"| {line['name']} | {' | '.join(cells)} | {ends} |")
    return "\n".join([*rows, "", lines[0]["protocol"]])


def command_of(asked: argparse.Namespace, name: str) -> list[str]:
    """This very command for one contestant, in a process of its own."""
    own = [sys.executable, __file__, asked.data, "--recipes", name, "--minutes", str(asked.minutes)]
    own += ["--threads", str(asked.threads or 1), "--folder", str(asked.folder), "--lines", str(asked.lines)]
    own += ["--features", asked.features, "--seed", str(asked.seed), "--size", str(asked.size)]
    own += ["--device", asked.device, "--precision", asked.precision, "--rates-file", str(asked.rates_file)]
    own += ["--samples", str(asked.samples), "--references", str(asked.references)]
    return own + ["--gpu"] * asked.gpu + ["--curve"] * asked.curve


def play_side_by_side(asked: argparse.Namespace, names: list[str]) -> None:
    """So many contestants at once, each in a process; the next begins as one ends."""
    waiting = list(names)
    playing: list[subprocess.Popen[bytes]] = []
    while waiting or playing:
        while waiting and len(playing) < asked.jobs:
            playing.append(subprocess.Popen(command_of(asked, waiting.pop(0))))
        sleep(1)
        playing = [process for process in playing if process.poll() is None]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--recipes", nargs="*", default=[], help="contestants; all if not given")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--features", default="auto", help="classifier for MNIST, inception:768 for photos")
    parser.add_argument("--samples", type=int, default=5_000, help="that are measured; fewer where features take long")
    parser.add_argument("--references", type=int, default=100_000, help="of the data, at most, to measure them against")
    parser.add_argument("--jobs", type=int, default=1, help="contestants at once, a thread each")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--gpu", action="store_true", help="the authors' sizes")
    parser.add_argument("--curve", action="store_true", help="figures ten times as it trains, too")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("runs/quality"))
    parser.add_argument("--lines", type=Path, default=HERE / "results" / "quality.jsonl")
    parser.add_argument("--rates", action="store_true", help="measure how fast each is, one by one, and train none")
    parser.add_argument("--rates-file", type=Path, default=Path("runs/quality/rates.jsonl"))
    parser.add_argument("--table", action="store_true", help="print what is there and train nothing")
    asked = parser.parse_args()
    if asked.rates:
        for name in contestants(asked):
            write_line(asked.rates_file, measure_rate(asked, name))
        return
    names = [] if asked.table else list(missing(asked))
    if asked.jobs > 1:
        play_side_by_side(asked, names)
    else:
        for name in names:
            try:
                line = play(asked, name)
            except Mistake as mistake:
                raise SystemExit(str(mistake)) from None
            write_line(asked.lines, line)
    print(table([line for line in lines_in(asked.lines) if line["data"] == label(asked)]))


if __name__ == "__main__":
    main()
