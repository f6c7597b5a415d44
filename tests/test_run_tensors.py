"""Tensors are written one by one, into a draft of ours: equal bytes for equal content, the umask's mode, no rest."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import load
from torch import Tensor

from saddle.errors import Mistake
from saddle.runs.tensors import DTYPE_NAMES, write_tensors
from saddle.runs.writing import write_atomically
from saddle.training.checkpoint import read_checkpoint, save_checkpoint, write_checkpoint

FACTS = {"clock": {"round": 3, "images": 24, "share": 0.5}, "name": "ä"}


def tensors() -> dict[str, Tensor]:
    """Every type of numbers, and the shapes in which a plain copy of memory would be wrong."""
    dice = torch.Generator().manual_seed(0)
    full = torch.randn(3, 4, 5, 2, generator=dice)
    kinds = {name: (9 * full).to(kind) for kind, name in DTYPE_NAMES.items()}
    return kinds | {
        "one": torch.tensor(7), "none": torch.empty(0, 3), "last": full.to(memory_format=torch.channels_last),
        "turned": full[0, :, :, 0].T, "same": full, "again": full, "byte": torch.tensor([1], dtype=torch.uint8),
    }  # fmt: skip


def written(values: dict[str, Tensor], notes: dict[str, str] | None = None) -> bytes:
    file = io.BytesIO()
    write_tensors(file, values, notes)
    return file.getvalue()


def test_what_is_written_is_read_by_the_library():
    values = tensors()
    back = load(written(values, {"a": "b"}))
    assert back.keys() == values.keys()
    for name, t in values.items():
        assert (back[name].dtype, back[name].shape) == (t.dtype, t.shape), name
        assert torch.equal(back[name].reshape(-1).view(torch.uint8), t.contiguous().reshape(-1).view(torch.uint8)), name
    with pytest.raises(Mistake, match=r"wide is of torch\.complex128, which"):
        written({"wide": torch.zeros(1, dtype=torch.complex128)})


def test_equal_content_is_equal_in_bytes_whatever_order_it_comes_in():
    values = tensors()
    backwards = dict(reversed(values.items()))
    assert written(values, {"a": "b", "c": "d"}) == written(backwards, {"c": "d", "a": "b"})


def test_a_checkpoint_has_the_umasks_mode_and_leaves_nothing_beside_it(tmp_path: Path):
    before = os.umask(0o027)
    try:
        write_checkpoint(path := tmp_path / "1.safetensors", tensors(), FACTS)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640 and list(tmp_path.iterdir()) == [path]
    assert read_checkpoint(path).facts == FACTS
    write_checkpoint(again := tmp_path / "2.safetensors", read_checkpoint(path).tensors, FACTS)
    assert path.read_bytes() == again.read_bytes()


def test_tensors_are_written_without_a_second_copy_of_them_all(tmp_path: Path):
    """Those that must be copied to lie in row order, one at a time: here eight of 16 MB."""
    values = {str(i): torch.ones(8, 2, 512, 512).to(memory_format=torch.channels_last) for i in range(8)}

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    class Sink(io.RawIOBase):
        most = 0

        def write(self, content: object) -> int:
            self.most = max(self.most, resident())
            return 0

    before, sink = resident(), Sink()
    write_tensors(sink, values)  # type: ignore[arg-type]
    assert sink.most - before < 64e6


def test_a_draft_is_made_anew_where_a_link_lies_in_wait(tmp_path: Path):
    (precious := tmp_path / "precious").write_text("precious")
    for name in (f".draft-a.{os.getpid()}", "a"):
        (tmp_path / name).symlink_to(precious)
    write_atomically(tmp_path / "a", lambda draft: draft.write(b"new"))
    assert precious.read_text() == "precious" and sorted(p.name for p in tmp_path.iterdir()) == ["a", "precious"]
    assert (tmp_path / "a").read_text() == "new" and not (tmp_path / "a").is_symlink()


def test_a_checkpoint_under_another_ones_name_is_refused(tmp_path: Path):
    """As a copy or a mixed-up backup makes it: whole, of this run, and not what its name says."""
    facts = {"clock": {"round": 1, "images": 8, "share": 0.5}, "identity": {}}
    path = save_checkpoint(tmp_path, {"x": torch.ones(2)}, facts)
    other = path.rename(tmp_path / f"{12:012d}.safetensors")
    with pytest.raises(Mistake, match="another moment's checkpoint: it was taken at 8 images; delete it"):
        read_checkpoint(other)
    assert read_checkpoint(other.rename(tmp_path / "best.safetensors")).facts == facts
