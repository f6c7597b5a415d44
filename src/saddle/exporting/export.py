"""A run as a file that others open, by the name of a format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..errors import did_you_mean, require
from ..inference.load import load
from ..inference.loaded import LoadedGame
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..runs.naming import outputs_folder
from .facts import Exported, run_facts

FormatName = Literal["onnx", "safetensors", "torch-export", "web"]


class Format(NamedTuple):
    """What writes a loaded game, and whether a place would do: functions of a module of this room."""

    module: str
    write: str
    check: str
    ending: str  # of the file's name; "" of a folder's
    whole: bool = False  # all of a run, not one part of its game
    name: str = ""  # how it is called, where that is not the part's name
    seen: bool = False  # it looks at the run's data, too
    needs: str = ""  # which function refuses where a package is not installed


FORMATS: Mapping[str, Format] = {
    "onnx": Format("onnx_file", "export_onnx", "check_onnx_place", ".onnx", needs="import_onnx"),
    "safetensors": Format("bundle", "export_bundle", "check_bundle_place", "", whole=True, name="bundle"),
    "torch-export": Format("program_file", "export_program", "check_program_place", ".pt2"),
    "web": Format("web", "export_web", "check_web_place", "", name="web", seen=True, needs="import_onnx"),
}


def export(run: str | Path, to: str = "onnx", *, out: str | Path | None = None, part: str = "generator",
           device: str = "cpu", average: bool = True, best: bool = False, weights: str | None = None,
           standing: int | None = None, trust: bool = False, **style: Any) -> Exported:  # fmt: skip
    """Write a run's generator, or another part of it, as a file that is used without saddle.

    `to` is "onnx", "torch-export", "web" for a page, or "safetensors": a folder with all of the run's networks, which
    `load` opens. `out` is the file or folder, in the run's folder if not given. `part` is generator, translator,
    encoder, decoder, autoencoder or reader. `average`, `best`, `weights`, `standing` and `trust` choose the weights as
    in `load`. Further keywords are the game's own style, as `sample` takes it, which is fixed in the file.
    Raises Mistake for what cannot be exported, and for a place where something lies that is not saddle's; Failure where
    the file does not make what Python makes.
    """
    folder, place = check_export(run, to, out, part, style)
    loaded = load(run, device=device, average=average, best=best, weights=weights, standing=standing, trust=trust)
    return write_export(loaded, folder, to, place, part, style, standing)


def check_export(run: str | Path, to: str, out: str | Path | None, part: str, style: Mapping[str, Any] = {},
                 suffix: str = "") -> tuple[RunFolder, Path]:  # fmt: skip
    """The run and where its export goes; Mistake, before there is any work, for a place or a wish that will not do."""
    require(to in FORMATS, f"there is no format {to}{did_you_mean(to, FORMATS)}")
    whole, folder = FORMATS[to].whole, RunFolder.find(run)
    require(not whole or (part == "generator" and not style), f"{to} holds all of a run's networks, whatever they are "
            "asked for later; leave part and style out")  # fmt: skip
    name = f"{FORMATS[to].name or part}{suffix}{FORMATS[to].ending}"
    place = Path(out) if out is not None else outputs_folder(run) / name
    find(to, FORMATS[to].check)(place)
    if needs := FORMATS[to].needs:
        find(to, needs)()
    return folder, place


def write_export(loaded: LoadedGame, folder: RunFolder, to: str, place: Path, part: str, style: Mapping[str, Any],
                 standing: int | None = None, **own: Any) -> Exported:  # fmt: skip
    """Write a loaded run in a format; `standing` is of how many samples its statistics were taken.

    Further keywords are the format's own, as those of `export_web`.
    """
    made: Exported
    if FORMATS[to].whole:
        made = find(to, FORMATS[to].write)(loaded, place, folder, standing=standing)
    else:
        about = run_facts(Manifest.read(folder), standing)
        own |= {"run": folder.path} if FORMATS[to].seen else {}
        made = find(to, FORMATS[to].write)(loaded, place, part=part, style=style, about=about, **own)
    return made


def find(to: str, name: str) -> Callable[..., Any]:
    """A function of a format's module."""
    found: Callable[..., Any] = getattr(import_module(f"saddle.exporting.{FORMATS[to].module}"), name)
    return found
