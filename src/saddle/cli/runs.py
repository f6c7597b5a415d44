"""All runs of a folder at a glance, and the disk that they take."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..clock import describe_shown
from ..errors import escape_unprintable, format_count, quote_for_shell, require
from ..light import without_torch
from ..out_of_memory import format_bytes
from ..runs.folder import RunFolder
from ..runs.naming import RUNS
from .argv import parse_command
from .facts import tell
from .output import print_message, print_output

if TYPE_CHECKING:
    from ..runs.state import RunSummary

HEADS = ("run", "recipe", "data", "images", "state", "best", "disk")


@dataclass(frozen=True)
class RunsOptions:
    """What is done besides telling."""

    json: Path | None = None  # print it as JSON, for programs, or write it into FILE.json
    prune: bool = False  # tell what runs can do without: older checkpoints, drafts, a finished run's healthy states
    yes: bool = False  # with --prune, delete it


@without_torch
def runs(words: list[str]) -> None:
    """saddle runs [FOLDER]."""
    from ..runs.state import summarize_runs

    places, wish = parse_command("runs", words, RunsOptions())
    require(wish.prune or not wish.yes, "--yes says that --prune may delete; write saddle runs --prune --yes")
    require(not (wish.prune and wish.json), "--json tells of runs, and --prune of files to delete; give one of them")
    root = Path(places[0]) if places else RUNS
    require(root.is_dir() or not places, f"there is no folder {root}")
    found, unread = summarize_runs(root)
    for sentence in unread:
        print_message(sentence)
    if wish.prune:
        prune(found, wish.yes, escape_unprintable(root))
    else:
        tell(lambda: describe_runs(found, root), lambda: [run_facts(run) for run in found], wish.json)


def describe_runs(found: list[RunSummary], root: Path) -> str:
    """A row for each run, and the sum."""
    if not found:
        return f"there are no runs in {root}; saddle train begins one"
    rows = [HEADS, *(cells_of(run) for run in found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    whole = sum(run.bytes for run in found)
    return "\n".join([*lines, "", f"{format_count(len(found), 'run')}, {format_bytes(whole)}"])


def cells_of(run: RunSummary) -> tuple[str, ...]:
    best = "" if run.best is None else f"{run.best.title} {run.best.value:.4g}"
    return (escape_unprintable(run.path.name or run.path), run.recipe, run.data, describe_shown(run.images, run.length),
            run.state, best, format_bytes(run.bytes))  # fmt: skip


def run_facts(run: RunSummary) -> dict[str, Any]:
    facts = {field.name: getattr(run, field.name) for field in dataclasses.fields(run)}
    best = None if run.best is None else run.best.facts()
    return facts | {"path": str(run.path), "best": best, "bytes": run.bytes}


def prune(found: list[RunSummary], may: bool, root: str) -> None:
    """Tell which files could go, and let them go if that was said."""
    rows = list(files_to_prune(found))
    if not rows:
        print_output("there is nothing to prune: no run has more than it needs")
        return
    print_output("\n".join(f"{escape_unprintable(file)}  {format_bytes(size)}" for file, size in rows))
    whole = format_bytes(sum(size for _, size in rows))
    if not may:
        here = "" if root == str(RUNS) else f" {quote_for_shell(root)}"
        print_output(f"{whole} in all; saddle runs{here} --prune --yes deletes them")
        return
    for file, _ in rows:
        file.unlink(missing_ok=True)
    print_output(f"deleted: {whole} in all")


def files_to_prune(found: list[RunSummary]) -> Iterator[tuple[Path, int]]:
    from ..runs.state import prunable_files

    for run in found:
        for file in prunable_files(RunFolder(run.path)):
            yield file, file.stat().st_size
