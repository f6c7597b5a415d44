"""A run as a file that others open, by the name of a format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..errors import did_you_mean, require
from ..inference.load import load
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from .facts import Exported, run_facts

FormatName = Literal["onnx", "torch-export"]


class Format(NamedTuple):
    """What writes a loaded game's part, and whether a place would do: functions of a module of this room."""

    module: str
    write: str
    check: str
    ending: str  # of the file's name; "" of a folder's


FORMATS: Mapping[str, Format] = {
    "onnx": Format("onnx_file", "export_onnx", "check_onnx_place", ".onnx"),
    "torch-export": Format("program_file", "export_program", "check_program_place", ".pt2"),
}


def export(run: str | Path, to: str = "onnx", *, out: str | Path | None = None, part: str = "generator",
           device: str = "cpu", average: bool = True, best: bool = False, weights: str | None = None,
           standing: int | None = None, trust: bool = False, **style: Any) -> Exported:  # fmt: skip
    """Write a run's generator, or another part of it, as a file that is used without saddle.

    `to` is "onnx" or "torch-export"; `out` the file, in the run's folder if not given. `part` is generator, translator,
    encoder, decoder or autoencoder. `average`, `best`, `weights`, `standing` and `trust` choose the weights as in
    `load`. Further keywords are the game's own style, as `sample` takes it, which is fixed in the file.
    Raises Mistake for what cannot be exported, and for a place where something lies that is not saddle's; Failure where
    the file does not make what Python makes.
    """
    require(to in FORMATS, f"there is no format {to}{did_you_mean(to, FORMATS)}")
    folder = RunFolder.find(run)
    place = Path(out) if out is not None else folder.path / default_name(to, part)
    find(to, FORMATS[to].check)(place)
    about = run_facts(Manifest.read(folder), standing)
    loaded = load(run, device=device, average=average, best=best, weights=weights, standing=standing, trust=trust)
    made: Exported = find(to, FORMATS[to].write)(loaded, place, part=part, style=style, about=about)
    return made


def default_name(to: str, part: str, suffix: str = "") -> str:
    """How a file is called beside its run's."""
    return f"{part}{suffix}{FORMATS[to].ending}"


def find(to: str, name: str) -> Callable[..., Any]:
    """A function of a format's module."""
    found: Callable[..., Any] = getattr(import_module(f"saddle.exporting.{FORMATS[to].module}"), name)
    return found
