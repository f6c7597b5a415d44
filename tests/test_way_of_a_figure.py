"""The way of one figure, from the option to the page: as short as docs/design.md tells it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import FrameType

import saddle
from saddle import train
from saddle.cli import main

ROOT = Path(saddle.__file__).parent
STATIONS = {"parse_metric_names", "build_value", "open_data", "load", "sample_chunk", "extract_features",
            "sliced_wasserstein", "format_figures"}  # fmt: skip


def files_on_the_way(words: list[str]) -> list[str]:
    """The files that the calls lead through to each of the stations, in the order in which they are come to."""
    seen: dict[str, None] = {}

    def note(frame: FrameType | None, event: str, _: object) -> None:
        if event != "call" or frame is None or frame.f_code.co_name not in STATIONS:
            return
        stack = []
        while frame is not None:
            stack.append(Path(frame.f_code.co_filename))
            frame = frame.f_back
        own = [path.relative_to(ROOT).as_posix() for path in reversed(stack) if path.is_relative_to(ROOT)]
        if stack[0].is_relative_to(ROOT):  # others have a `load` too
            seen.update(dict.fromkeys(own))

    sys.setprofile(note)
    try:
        assert main(words) == 0
    finally:
        sys.setprofile(None)
    return list(seen)


def test_the_way_of_a_figure_is_short_and_told(tmp_path: Path):
    run = train(
        "gan", data="ring", images=64, pictures=0, quiet=True, options={"batch": "32"}, out=str(tmp_path / "run")
    )
    way = files_on_the_way(["measure", str(run), "--metrics", "swd", "-n", "64"])
    design = (Path(__file__).parents[1] / "docs" / "design.md").read_text(encoding="utf-8")
    table = design.split("## The way of one figure")[1].split("\n## ")[0]
    assert way == re.findall(r"^\| `(\S+\.py)` \|", table, re.MULTILINE)
    assert len(way) <= 21
