"""Files of a run or of data, far larger than anything that belongs there: refused in a sentence, or passed by."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from saddle.errors import Mistake
from saddle.metrics.figures import Figure
from saddle.regular import read_whole
from saddle.reports.grids import read_png
from saddle.runs import lines
from saddle.runs.folder import RunFolder
from saddle.runs.log import Log, append_line, read_log
from saddle.runs.measures import Measurement, append_measurement, measures_path, read_measurements
from test_run_readers import READERS, silent

ROUND = b'{"round": 1, "images": 8}\n'


def sparse(path: Path, size: int = 3 << 30) -> Path:
    """A file that says it is so large, and takes no room."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


@pytest.mark.parametrize("name", READERS)
def test_logs_of_gigabytes_are_refused_with_what_to_do(name: str, tmp_path: Path) -> None:
    sparse(tmp_path / name)
    with pytest.raises(Mistake, match=rf"{name} has 3.0 GiB, and no run writes more .* move it out"):
        READERS[name](RunFolder(tmp_path))


def test_a_line_of_megabytes_is_a_bad_line(tmp_path: Path) -> None:
    path, said = tmp_path / "log.jsonl", list[str]()
    path.write_bytes(ROUND + b'{"round": ' + b"1" * (3 << 20) + b"}\n" + ROUND + b"\0" * (2 << 20))
    assert read_log(path, say=said.append) == [{"round": 1, "images": 8}] * 2
    assert said == [f"1 line of {path} is damaged and left out, such as 2"]


def test_a_log_goes_on_behind_its_last_whole_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK", 8)  # so that a line is longer
    path = tmp_path / "log.jsonl"
    path.write_bytes(ROUND + b"\0" * 100)
    append_line(path, {"round": 2, "images": 16})
    assert path.read_bytes() == ROUND + b'{"round": 2, "images": 16}\n'
    path.write_bytes(ROUND + ROUND[:-5])
    Log(path, 1000, silent).close()
    assert path.read_bytes() == ROUND
    path.write_bytes(b"\0" * 100)
    append_line(path, {})
    assert path.read_bytes() == b"{}\n"


def test_a_deleted_log_is_written_again_whole(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.jsonl")
    log.write(round=1, images=8)
    log.path.unlink()
    assert "is written again" in log.restore_deleted()[0]
    log.write(round=2, images=16)
    log.sync()
    assert [line["round"] for line in read_log(log.path)] == [1, 2]
    log.close()


def test_a_measurement_without_its_end_of_line_is_kept(tmp_path: Path) -> None:
    folder, figure = RunFolder(tmp_path), Figure("fid", "FID", 3.0)
    append_measurement(folder, Measurement(8, 1, 0.5, (figure,)))
    os.truncate(measures_path(folder), measures_path(folder).stat().st_size - 1)
    append_measurement(folder, Measurement(16, 2, 1.0, (figure,)))
    assert [m.images for m in read_measurements(folder)] == [8, 16]


def test_a_sheet_of_gigabytes_is_not_embedded(tmp_path: Path) -> None:
    zeros, png = sparse(tmp_path / "zeros.png"), sparse(tmp_path / "real.png", 0)
    png.write_bytes(b"\x89PNG\r\n\x1a\n and more")
    assert read_png(zeros, tmp_path) == b"" and read_png(png, tmp_path).endswith(b"and more")
    os.truncate(png, 3 << 30)
    assert read_png(png, tmp_path) == b""


def test_a_file_is_read_whole_or_refused(tmp_path: Path) -> None:
    path = sparse(tmp_path / "classes.txt", 1 << 20)
    assert len(read_whole(path, 1 << 20)) == 1 << 20
    os.truncate(path, (1 << 20) + 1)
    with pytest.raises(Mistake, match="larger than 1 MiB"):
        read_whole(path, 1 << 20)
