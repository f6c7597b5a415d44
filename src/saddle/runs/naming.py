"""Runs by less than their path: `last`, a number such as 14, or the beginning of a folder's name."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ..errors import Mistake, quote_for_shell
from ..urls import as_url
from .hub_names import parse_hub_name

RUNS = Path("runs")  # where runs lie whose folder nobody named
LAST = "last"


def resolve_run_name(name: str | Path) -> Path:
    """The run's folder that a name means; the name itself as a path where it is one, or means no run.

    `last` is the run that was trained last, `14` the one whose number that is, and `014-dc` any whose name begins so:
    of those in runs/, or in the folder that stands before it (`sweeps/last`). Mistake where several are meant.
    `hf://OWNER/NAME` is a run of the hub, which is fetched unless it was before.
    """
    if wanted := parse_hub_name(name):
        from .hub_runs import fetch_run  # which needs a run's folder

        return fetch_run(wanted)
    path = Path(name)
    if not str(name) or path.exists():
        return path
    root = path.parent if path.parent != Path() else RUNS
    runs = sorted(place.parent for place in root.glob("*/manifest.json"))
    if path.name == LAST:
        return max(runs, key=last_trained, default=path)
    numbered = [run for run in runs if is_numbered(run, path.name)]
    begun = numbered or [run for run in runs if run.name.startswith(path.name)]
    if len(begun) > 1:
        names = ", ".join(map(quote_for_shell, begun[:4])) + (" ..." if len(begun) > 4 else "")
        raise Mistake(f"{name} may be {names}; write more of the name")
    return begun[0] if begun else path


def is_numbered(run: Path, text: str) -> bool:
    """Does the run's name begin with this number, as 014-dcgan does with 14?"""
    number, dash, _ = run.name.partition("-")
    decimal = text.isdecimal() and text.isascii() and number.isdecimal() and number.isascii()
    return bool(dash) and decimal and int(number) == int(text)


def last_trained(run: Path) -> float:
    """When the run last wrote into its log, or began."""
    log = run / "log.jsonl"
    return max(file.stat().st_mtime for file in (run / "manifest.json", log) if file.is_file())


def outputs_folder(run: str | Path) -> Path:
    """Where what a run makes is put unless another place is named: its folder; one here if it is at a URL."""
    if wanted := parse_hub_name(run):
        return Path(wanted.name)
    url = as_url(run)
    return Path(run) if url is None else Path(PurePosixPath(url).name)
