"""A part of a trained game as a program that torch alone opens: `torch.export.load(path).module()(latents)`."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..inference.loaded import LoadedGame
from .facts import EXPORT_FORMAT, Exported, export_facts
from .interface import make_interface
from .own_files import FACTS_FILE, check_place, is_marked_in_archive, write_whole
from .parity import PARITY_BOUND, check_parity
from .programs import quiet_exporter, trace


def export_program(loaded: LoadedGame, path: str | Path, *, part: str = "generator", style: Mapping[str, Any] = {},
                   about: Mapping[str, Any] = {}, bound: float = PARITY_BOUND) -> Exported:  # fmt: skip
    """Write a part of a loaded game, in this style, as a saved program of torch's, for any number of rows.

    Its extra file `saddle.json` tells what its inputs are. Raises as `export_onnx`; what is compared with Python is
    the program as it is read back.
    """
    place = Path(path)
    check_program_place(place)
    interface = make_interface(loaded, part, style)
    program, kept = trace(interface), io.BytesIO()
    program.example_inputs = None
    with quiet_exporter():
        torch.export.save(program, kept, extra_files={FACTS_FILE: "{}"})
        again = torch.export.load(io.BytesIO(kept.getvalue())).module()
    parity = check_parity(interface, lambda inputs: again(*inputs), bound)
    facts = export_facts(loaded, interface, parity, "torch", about)
    kept = io.BytesIO()
    with quiet_exporter():
        torch.export.save(program, kept, extra_files={FACTS_FILE: json.dumps(facts)})
    write_whole(place, kept.getvalue())
    return Exported(place, parity, facts)


def check_program_place(path: Path) -> None:
    """Raise Mistake where a program cannot be written, or one would be lost that is not saddle's."""
    check_place(path, ".pt2", EXPORT_FORMAT, is_marked_in_archive)
