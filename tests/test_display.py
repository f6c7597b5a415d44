"""What a run says while it is played."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
from rich.console import Console

from saddle.clock import Clock, describe_shown
from saddle.errors import Mistake
from saddle.extras import install
from saddle.runs.pictures import save_png
from saddle.runs.sheets import make_grid
from saddle.training.callbacks.base import Callback, Callbacks, RunPlan, default_callbacks
from saddle.training.callbacks.display import LineDisplay, LiveDisplay, Progress
from saddle.training.callbacks.tensorboard import TensorBoard

TERMS = {"critic/adversarial": 1.25, "critic/gradient": 3.5, "generator/adversarial": 0.5}


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def plan(folder: Path = Path("runs/001"), images: int = 64_000, start: int = 0) -> RunPlan:
    return RunPlan("dcgan on glyphs", images, start, 64, folder)


def lines(seconds: int, images: int, per_second: int = 1) -> list[str]:
    """What Plain prints of a steady run that is looked at several times a second."""
    out, watch = io.StringIO(), Watch()
    plain = LineDisplay(out, watch)
    plain.on_begin(plan(images=images))
    for i in range(1, seconds * per_second + 1):
        watch.time = i / per_second
        plain.on_progress(Clock(i, images * i // (seconds * per_second), 0.5), TERMS, images / seconds)
    plain.on_end()
    return out.getvalue().splitlines()


def test_terms_are_smoothed_and_what_a_method_remembers_is_not() -> None:
    facts = Progress(plan()._replace(logged_scalars=frozenset({"ADA/p"})))
    for i, value in enumerate((0.0, 1.0)):
        facts.update(Clock(i), {"critic/adversarial": value, "ADA/p": value}, 1.0)
    assert facts.terms_by_mover == {"critic": "adversarial 0.1", "ADA": "p 1"}


def test_a_plain_line_holds_every_fact() -> None:
    out, watch = io.StringIO(), Watch()
    plain = LineDisplay(out, watch)
    plain.on_begin(plan())
    plain.on_picture(Path("sheets/0000028800.png"))
    watch.time = 6
    plain.on_progress(Clock(450, 28_800, 0.45), TERMS, 1234.4)
    first, second = out.getvalue().splitlines()
    assert first == "dcgan on glyphs: 64,000 images in batches of 64, in runs/001"
    assert second == (
        " 45%  28,800 of 64,000 images  1,234 images/s  0:00:29 left  critic: adversarial 1.25  gradient 3.5"
        "  generator: adversarial 0.5  last picture sheets/0000028800.png"
    )


def test_a_last_round_that_shows_more_than_was_planned_is_told_as_such() -> None:
    facts = Progress(plan(images=64))  # a round with five moves of the critic shows 320
    facts.update(Clock(1, 320, 1.0), TERMS, 10.0)
    assert facts.progress_line == "100%  320 images, for 64 in whole rounds  10 images/s  0:00:00 left"
    assert [describe_shown(320, 64), describe_shown(64, 64), describe_shown(0, 64)] == ["320", "64 of 64", "0 of 64"]


def test_plain_lines_never_flood() -> None:
    assert len(lines(2, 640, 100)) == 2, "the plan and the end"
    assert 15 <= len(lines(100, 64_000, 4)) <= 25
    assert len(lines(86_400, 10_000_000)) < 200
    assert lines(100, 64_000)[-1].startswith("100%")


def test_plain_lines_reach_a_file_at_once_and_an_end_says_nothing_twice() -> None:
    class Pipe(io.StringIO):
        flushes = 0

        def flush(self) -> None:
            self.flushes += 1

    out, watch = Pipe(), Watch()
    plain = LineDisplay(out, watch)
    plain.on_begin(plan())
    watch.time = 9
    plain.on_progress(Clock(1, 64, 0.0), TERMS, 10.0)
    plain.on_end(), plain.on_end()
    assert out.flushes == len(out.getvalue().splitlines()) == 2


def test_a_shown_term_is_smoothed_and_time_left_follows_the_speed() -> None:
    out, watch = io.StringIO(), Watch()
    plain = LineDisplay(out, watch)
    plain.on_begin(plan(images=1000))
    plain.on_progress(Clock(1, 100, 0.1), {"critic/adversarial": 1.0}, 0.25)
    watch.time = 9
    plain.on_progress(Clock(2, 200, 0.2), {"critic/adversarial": 2.0}, 0.25)
    last = out.getvalue().splitlines()[-1]
    assert "adversarial 1.1" in last and "0.25 images/s  0:53:20 left" in last


def test_live_shows_the_facts_and_prints_sentences_above_them() -> None:
    out = io.StringIO()
    live = LiveDisplay(Console(file=out, force_terminal=True, width=120, highlight=False))
    live.on_message("reading the data")
    live.on_begin(plan())
    live.on_progress(Clock(450, 28_800, 0.45), TERMS, 1234.4)
    live.on_picture(Path("sheets/0000028800.png"))
    live.on_checkpoint(Path("checkpoints/0000028800.safetensors"))
    live.on_message("a sentence [not markup]")
    live.on_end()
    text = out.getvalue()
    facts = ["reading the data", "28,800 of 64,000 images", "1,234 images/s", "0:00:29 left", "adversarial 1.25"]
    facts += ["gradient 3.5", "sheets/0000028800.png", "checkpoints/0000028800.safetensors", "a sentence [not markup]"]
    for fact in facts:
        assert fact in text
    assert text.rindex("a sentence [not markup]") < text.rindex("28,800 of 64,000 images"), "the display stays below"
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is back"


def test_a_display_that_was_never_begun_ends_in_peace() -> None:
    for watcher in (LineDisplay(io.StringIO()), LiveDisplay(Console(file=io.StringIO())), Callback(), Callbacks()):
        watcher.on_end()


def test_lines_where_there_is_no_terminal_and_warnings_alone_if_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (True, False):
        watcher = Callbacks(*default_callbacks(board=False, quiet=quiet))
        watcher.on_begin(plan())
        watcher.on_message("hello")
        watcher.on_end()
        said = capsys.readouterr()
        assert said == ("", "hello\n") if quiet else "hello\n" in said.out and not said.err


def test_a_missing_tensorboard_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(Mistake, match=f"not installed; {re.escape(install('board'))}"):
        default_callbacks(board=True, quiet=True)


def test_the_board_holds_terms_and_pictures_and_a_resumed_run_overwrites(tmp_path: Path) -> None:
    import torch

    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    save_png(make_grid(torch.zeros(4, 1, 8, 8)), tmp_path / "a.png")
    for start, rounds in ((0, 3), (128, 1)):
        board = TensorBoard()
        board.on_begin(plan(tmp_path, start=start))
        for i in range(rounds):
            board.on_progress(Clock(i, start + 64 * (i + 1), 0.1), {"critic/adversarial": start + i}, 5.0)
            board.on_picture(tmp_path / "a.png")
        board.on_end()
    events = EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("critic/adversarial")] == [(64, 0), (128, 1), (192, 128)]
    assert [e.step for e in events.Images("samples")] == [64, 128, 192]
