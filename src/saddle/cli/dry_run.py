"""What would be trained, before it is: `saddle train --dry-run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import escape_unprintable, format_count
from .facts import tell
from .pages import two_columns, wrap_text

if TYPE_CHECKING:
    from ..preparing import AskedRun, PreparedRun
    from ..runs.folder import Place

COLUMN = 12


def tell_plan(run: AskedRun, ready: PreparedRun, place: Path | None) -> None:
    """The run in words, or as JSON. Memory is counted; speed is measured, unless the length was reckoned by one."""
    from ..parts.recompute import has_blocks
    from ..preparing import next_folder
    from .costs import describe_costs
    from .showing import unmade_game

    folder = next_folder(run, ready)
    blocks = has_blocks(unmade_game(run.value, ready.shape))
    costs = [*describe_costs(run.value, ready.shape, True, ready.how, blocks, ready.where, ready.speed)]
    facts = plan_facts(run, ready, folder)
    for _, found in costs:
        facts |= found
    tell(lambda: "\n\n".join([describe_plan(run, ready, folder), *(sentence for sentence, _ in costs),
                              wrap_text("Nothing was trained and no folder was made: this was --dry-run.")]),
         lambda: facts, place)  # fmt: skip


def describe_plan(run: AskedRun, ready: PreparedRun, folder: Place) -> str:
    parts = said_parts(ready)
    rows = [
        ("recipe", f"{run.name}: {run.value!r}"),
        ("data", f"{ready.samples.name}, {format_count(len(ready.samples), 'sample')}, {ready.shape}"),
        ("length", f"{ready.images:,} images in batches of {run.value.batch}{parts}{said_length(run, ready.images)}"),
        ("device", f"{ready.where.device}, {ready.where.why}"),
        ("folder", escape_unprintable(folder)),
    ]
    return "\n".join(two_columns(rows, COLUMN))


def said_parts(ready: PreparedRun) -> str:
    parts = ready.chosen.accumulate
    return f", each in {parts} parts" if parts > 1 else ""


def said_length(run: AskedRun, images: int) -> str:
    """How the length was said, where it was not in images."""
    chosen = run.chosen
    if chosen.images is not None:
        return ""
    if chosen.epochs is not None:
        return f", {chosen.epochs:g} times the data"
    from ..training.run_length import requested_minutes

    if images <= run.value.batch:
        return f", one batch, which is the least, whether or not it takes {requested_minutes(chosen):g} minutes"
    return f", as many as take {requested_minutes(chosen):g} minutes at the speed below"


def plan_facts(run: AskedRun, ready: PreparedRun, folder: Place) -> dict[str, Any]:
    return {"recipe": run.name, "written": repr(run.value), "changes": run.changes, "data": ready.samples.name,
            "samples": len(ready.samples), "shape": str(ready.shape), "images": ready.images,
            "batch": run.value.batch, "device": str(ready.where.device), "precision": ready.where.why,
            "folder": folder, "settings": ready.chosen}  # fmt: skip
