"""What a processor was measured to be fastest with, kept for the same torch, processor and convolutions."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

import torch

from ..data.cache.location import cache_home
from ..data.cache.sealed import DamagedFile, read_sealed, write_sealed
from ..errors import Mistake, WriteFailure
from ..schema import conform, parse_json
from .conv_probe import Convolution, Fastest, Form, Timer, find_fastest, time_convolution
from .machine import preserved_globals

FOLDER = "probes"  # in the cache


class ProbeFacts(TypedDict):
    """What is kept of a measurement."""

    bfloat16: bool
    channels_last: bool
    gain: float


def cached_fastest(counts: Mapping[Convolution, int], timer: Timer = time_convolution) -> Fastest:
    """What was measured before for this torch, processor and convolutions, or is measured now and kept."""
    file = probe_file(counts)
    if file is not None:
        with suppress(DamagedFile, Mistake):  # not there, or not what was written: measured again in half a second
            facts = conform(parse_json(read_sealed(file), str(file)), ProbeFacts, str(file))
            dtype = torch.bfloat16 if facts["bfloat16"] else torch.float32
            return Fastest(Form(dtype, facts["channels_last"]), facts["gain"])
    with preserved_globals():
        torch.set_num_threads(1)  # several wait for one another, beside other work for long: one finds the same always
        found = find_fastest(counts, timer)
    facts = {"bfloat16": found.form.precision == torch.bfloat16, "channels_last": found.form.channels_last,
             "gain": found.gain}  # fmt: skip
    if file is not None:
        with suppress(WriteFailure):  # whoever may not write the cache measures each time
            write_sealed(file, lambda draft: draft.write(json.dumps(facts).encode()))
    return found


def probe_file(counts: Mapping[Convolution, int]) -> Path | None:
    """Where it is kept; None where there is no cache."""
    what = (torch.__version__, processor_name(), sorted(counts.items()))
    with suppress(Mistake):
        return cache_home() / FOLDER / f"{hashlib.sha256(repr(what).encode()).hexdigest()[:20]}.json"
    return None


def processor_name() -> str:
    """What the system calls this processor, and what it can do."""
    names: list[str] = []
    with suppress(OSError):
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        names = [
            line.partition(":")[2].strip()
            for line in text.splitlines()[:64]
            if line.startswith(("model name", "flags", "Features"))
        ]
    return " ".join(dict.fromkeys([platform.machine(), platform.processor(), *names]))
