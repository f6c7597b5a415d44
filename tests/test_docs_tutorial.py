"""The tutorial, typed from its beginning to its end, with less of everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from documents import ROOT, told_commands
from saddle import sessions
from saddle.cli import main

BLOCKS = ("doctor", "train", "resume", "sample", "interpolate", "report", "measure")
LESS = {"+100k": "+32", "100": "5"}


def test_what_the_tutorial_says_to_type_works_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for n, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)):
        Image.fromarray(pixels).save(f"photos/{n}.png")
    whole = sessions.train

    def train(recipe: str, *, options: dict[str, str], minutes: float | None = None, **settings: Any) -> Path:
        assert minutes in (None, 5.0)
        return whole(recipe, options=options | {"networks.width": "4"}, images=64, threads=1, **settings)

    monkeypatch.setattr(sessions, "train", train)
    done = []
    for _, words in told_commands(ROOT / "docs" / "tutorial.md"):
        if words[0] in BLOCKS:
            less = ["-n", "32"] if words[0] == "measure" else []
            assert main([LESS.get(word, word) for word in words] + less) == 0, words
            done.append(words[0])
    assert {*done} == {*BLOCKS}
    run = Path("runs/001-dcgan-photos")  # as the page calls it
    assert (run / "report.html").is_file() and len([*Path("samples").glob("*.png")]) == 5
    assert "KID" in capsys.readouterr().out
