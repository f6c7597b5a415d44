"""Trainings that the studio begins: processes of their own, which no page that is closed takes with it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from ..errors import Mistake, require
from ..regular import open_to_read
from ..runs.folder import RunFolder, make_numbered_folder
from ..runs.state import is_being_trained
from .context import StudioContext

WINDOWS = os.name == "nt"  # where any signal but those of the keyboard ends a process at once
LAST_WORDS = 4_000  # bytes of what a training said that are read
STARTED: dict[str, subprocess.Popen[bytes]] = {}  # by run: those that this very process has begun


def start_training(context: StudioContext, words: list[str], name: str) -> Path:
    """Begin `saddle train WORDS` in a new folder of the runs, which is returned at once."""
    check_room(context)
    forget_unbegun(context)
    place = make_numbered_folder(context.runs, re.sub("[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "run")
    begin(context, ["train", *words, "--out", str(place)], place)
    return place


def resume_training(context: StudioContext, run: RunFolder, more: str = "") -> None:
    """Go on with a run where it stopped, for `more` images if it was finished, as in +20k."""
    require(not is_running(context, run.path), f"{run.path.name} is being trained already")
    check_room(context)
    begin(context, ["resume", str(run.path), *(["--images", more] if more else [])], run.path)


def stop_training(context: StudioContext, run: RunFolder) -> None:
    """Ask a training to save what it has and end, as Ctrl-C would."""
    require(is_running(context, run.path), f"{run.path.name} is not being trained")
    number = read_process(context, run.path)
    require(
        number is not None, f"{run.path.name} is trained by a process that this studio did not begin; stop it there"
    )
    assert number is not None
    os.kill(number, signal.CTRL_BREAK_EVENT if WINDOWS else signal.SIGINT)  # type: ignore[attr-defined,unused-ignore]


def check_room(context: StudioContext) -> None:
    busy = running(context)
    if len(busy) >= context.most_trainings:
        raise Mistake(f"{busy[0]} is being trained, and this studio plays {context.most_trainings} at a time; stop it, "
                      "or wait until it has ended")  # fmt: skip


def running(context: StudioContext) -> list[str]:
    """The names of the runs that are being trained just now, those that are only beginning too."""
    begun = (file.stem for file in context.own.glob("*.process"))
    places = {*(context.runs / name for name in begun), *context.run_paths()}
    return sorted(place.name for place in places if is_running(context, place))


def is_running(context: StudioContext, place: Path) -> bool:
    own = STARTED.get(str(place.resolve()))
    if own is not None and own.poll() is None:
        return True
    return place.is_dir() and is_being_trained(RunFolder(place))


def begin(context: StudioContext, words: list[str], place: Path) -> None:
    """A process in a session of its own; what it says goes into a file of the studio's."""
    context.own.mkdir(parents=True, exist_ok=True)
    group: dict[str, Any] = {"start_new_session": True}
    if WINDOWS:
        group = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    with log_file(context, place).open("wb") as log:
        where = os.environ | {"PYTHONUNBUFFERED": "1", "TERM": "dumb"}
        job = subprocess.Popen([sys.executable, "-m", "saddle", *words], stdin=subprocess.DEVNULL, stdout=log,
                               stderr=log, env=where, **group)  # fmt: skip
    STARTED[str(place.resolve())] = job
    threading.Thread(target=job.wait, daemon=True).start()  # so that nothing is left of it when it ends
    process_file(context, place).write_text(str(job.pid), encoding="utf-8")


def log_file(context: StudioContext, place: Path) -> Path:
    return context.own / f"{place.name}.log"


def process_file(context: StudioContext, place: Path) -> Path:
    return context.own / f"{place.name}.process"


def read_process(context: StudioContext, place: Path) -> int | None:
    """The process that trains a run, if this studio, or one before it, has begun it."""
    own = STARTED.get(str(place.resolve()))
    if own is not None and own.poll() is None:
        return own.pid
    if WINDOWS:  # to ask by a signal whether a process is there would end it
        return None
    try:
        number = int(process_file(context, place).read_text(encoding="utf-8"))
        words = Path(f"/proc/{number}/cmdline")
        ours = not words.parent.parent.joinpath("self").exists() or str(place).encode() in words.read_bytes()
        os.kill(number, 0)
    except (OSError, ValueError):
        return None
    return number if ours else None


def last_words(context: StudioContext, place: Path) -> str:
    """The end of what a training said."""
    try:
        with open_to_read(log_file(context, place), context.own) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_WORDS))
            return file.read().decode("utf-8", "replace").strip()
    except (OSError, Mistake):
        return ""


def forget_unbegun(context: StudioContext) -> None:
    """Take away the folders of trainings of the studio's that never began, so that their numbers are free again."""
    for file in context.own.glob("*.process"):
        place = context.runs / file.stem
        if place.is_dir() and not is_running(context, place) and RunFolder(place).is_unbegun():
            shutil.rmtree(place)


def as_command(words: list[str]) -> str:
    """What one would type for the same."""
    return shlex.join(["saddle", "train", *words])
