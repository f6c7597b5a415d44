"""Files of tensors that strangers made, read without running anything of theirs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import Mistake, require
from ..regular import open_to_read

MAX_HEADER = 16 << 20  # bytes of a safetensors file's header
MAX_BYTES = 16 << 30  # of a file
PICKLED = (".pt", ".pth", ".bin", ".ckpt")
SECONDS = 600
CONVERT = ("in a container without network open it as its own program does, which may run code of the file, and write "
           "its state_dict() by safetensors.torch.save_file")  # fmt: skip


class Weights(NamedTuple):
    """What was read: tensors by name, and whether the reader had no network (None: none was needed)."""

    tensors: dict[str, Tensor]
    apart: bool | None = None


def read_weights(path: str | Path) -> Weights:
    """The tensors of a .safetensors, .pt or .pth file.

    Pickles are read by torch's restricted unpickler alone, in a process of its own with a limit on memory. Mistake for
    a link, and for whatever is damaged, too large for itself, or holds more than tensors.
    """
    file = Path(path)
    require(not file.is_symlink(), f"{file} is a link, which is not followed; name the file itself")
    try:
        with open_to_read(file) as stream:
            size, begin = os.fstat(stream.fileno()).st_size, stream.read(8)
    except OSError as error:
        raise Mistake(f"{file} cannot be read: {error.strerror or error}") from None
    require(size <= MAX_BYTES, f"{file} has {size >> 30} GiB, but {MAX_BYTES >> 30} are the most")
    if file.suffix == ".safetensors":
        return Weights(read_safetensors(file, size, begin))
    if file.suffix in PICKLED:
        return read_pickled(file, size)
    raise Mistake(f"{file} is neither .safetensors nor {', '.join(PICKLED)}; a .pkl can run code and is never read; "
                  f"{CONVERT}")  # fmt: skip


def read_safetensors(file: Path, size: int, begin: bytes) -> dict[str, Tensor]:
    length = int.from_bytes(begin, "little")
    require(len(begin) == 8 and length <= min(size - 8, MAX_HEADER), f"{file} is no whole safetensors file: its header "
            f"claims {length:,} bytes")  # fmt: skip
    try:
        with safe_open(str(file), "pt") as found:
            return {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, OSError, ValueError, RuntimeError, OverflowError, MemoryError) as error:
        raise Mistake(f"{file} is damaged, or no safetensors file: {error}") from None


def read_pickled(file: Path, size: int) -> Weights:
    """By `child.py`, where the system can limit a process's memory; a plain refusal elsewhere."""
    limited = sys.platform == "linux" and find_spec("resource") is not None
    require(limited, f"{file} is a pickle, and this system cannot limit the memory of who reads it; {CONVERT}")
    check_archive(file, size)
    with tempfile.TemporaryDirectory(prefix="saddle-import-") as place:
        made = Path(place) / "weights.safetensors"
        command = [sys.executable, "-I", str(Path(__file__).with_name("child.py")), str(file.absolute()), str(made)]
        plain = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if key in os.environ}
        try:
            ended = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS,
                                   stdin=subprocess.DEVNULL, cwd=place, env=plain)  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Mistake(f"{file} was not read within {SECONDS // 60} minutes, and is given up") from None
        if ended.returncode or not made.is_file():
            why = ended.stderr.strip().splitlines()[-1:] or [f"its reader ended by signal {-ended.returncode}"]
            raise Mistake(f"{file} is not read, as it is damaged or holds more than plain tensors: "
                          f"{why[0][:300]}; {CONVERT}")  # fmt: skip
        with made.open("rb") as stream:
            tensors = read_safetensors(made, made.stat().st_size, stream.read(8))
            stream.seek(0)
            length = int.from_bytes(stream.read(8), "little")
            notes = json.loads(stream.read(length))["__metadata__"]
        return Weights({name: t.clone() for name, t in tensors.items()}, notes["network"] == "none")


def check_archive(file: Path, size: int) -> None:
    """Refuse an archive that unpacks to more than it is: torch packs nothing."""
    if not zipfile.is_zipfile(file):
        return
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Mistake(f"{file} is damaged: {error}") from None
    bomb = any(one.compress_type != zipfile.ZIP_STORED for one in entries) or sum(e.file_size for e in entries) > size
    require(not bomb, f"{file} unpacks to more than it is, which no file of torch's does")
